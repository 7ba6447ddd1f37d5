"""What is kept of samples, batch after batch, so that any number of them fits into memory.

Of each batch: where its samples lie in the law, sums of powers, extremes, repeated values. What is
concluded from them is in `checks_of_laws`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from varscale.conformance.laws import Continuous

__all__ = ["BINS", "Marginal", "Repeats", "standardized"]

Array = np.ndarray[Any, Any]

#: Bins of equal probability, for dtypes that have more values than can be counted one by one.
BINS = 1 << 16
#: A sample is at an end of the support where it is this near, in the dtype's spacings at 1.
_AT_END = 4.0


@dataclass
class Marginal:
    """The samples of one law, one by one, whatever their order.

    Attributes:
        law: that they are compared with.
        short: whether each value is counted by itself.
        spacing: of the dtype at 1.
        n: samples so far.
        bins: how many fell into each of `BINS` bins of equal probability; for wide dtypes.
        values: how many of each value, by its float64; for short dtypes.
        sums: of the powers 1, 2 and 3 of the standardized samples.
        low: the smallest sample.
        high: the largest.
        bad: infinities and NaN.
        at_ends: samples at an end of the support.
    """

    law: Continuous
    short: bool
    spacing: float
    n: int = 0
    bins: Array = field(default_factory=lambda: np.zeros(BINS, np.int64))
    values: dict[float, int] = field(default_factory=dict)
    sums: Array = field(default_factory=lambda: np.zeros(3))
    low: float = np.inf
    high: float = -np.inf
    bad: int = 0
    at_ends: int = 0

    def add(self, batch: Array) -> None:
        """Take a batch in: real samples of any shape and dtype."""
        flat = np.ascontiguousarray(batch).reshape(-1)
        wide = flat.astype(np.float64)
        finite = np.isfinite(wide)
        if not finite.all():
            self.bad += int((~finite).sum())
            wide = wide[finite]
        if not wide.size:
            return
        self.n += wide.size
        self.low, self.high = min(self.low, float(wide.min())), max(self.high, float(wide.max()))
        z = standardized(self.law, wide)
        square = z * z
        # No BLAS here either; see `varscale.conformance.dependence.Sum`.
        self.sums += z.sum(), square.sum(), (square * z).sum()
        if self.short:
            found, counts = np.unique(wide + 0.0, return_counts=True)
            for value, count in zip(found.tolist(), counts.tolist(), strict=True):
                self.values[value] = self.values.get(value, 0) + count
            return
        place = (self.law.cdf(wide) * BINS).astype(np.int64)
        self.bins += np.bincount(np.minimum(place, BINS - 1), minlength=BINS)
        self.at_ends += int((np.abs(z) >= self.law.reach * (1 - _AT_END * self.spacing)).sum())

    def moment(self, k: int) -> float:
        """The mean of the standardized samples' k-th power, k from 1 to 3."""
        return float(self.sums[k - 1]) / self.n

    @property
    def counted(self) -> tuple[Array, Array]:
        """The values of a short dtype, ascending, and how many there were of each."""
        found = sorted(self.values)
        return np.array(found), np.array([self.values[one] for one in found], np.int64)


@dataclass
class Repeats:
    """How many samples of a wide dtype have a value that came before, in draws two by two.

    Two draws together: the streams of two keys must not overlap either.

    Attributes:
        n: samples so far.
        pairs: pairs of them that were compared.
        repeated: samples whose value came before in their draw or in the one before it.
    """

    n: int = 0
    pairs: float = 0.0
    repeated: int = 0
    _held: Array | None = None

    def add(self, batch: Array) -> None:
        """Take a draw in: real samples; every second one is compared with the one before it."""
        flat = batch.reshape(-1)
        if self._held is None:
            self._held = flat.copy()  # a subject may use its memory again
            return
        ordered = np.sort(np.concatenate([self._held, flat]))
        self._held = None
        self.n += ordered.size
        self.pairs += ordered.size * (ordered.size - 1) / 2
        self.repeated += int((ordered[1:] == ordered[:-1]).sum())


def standardized(law: Continuous, samples: Array) -> Array:
    """(samples - location) / unit."""
    unit = law.unit or 1.0
    return samples / unit if law.location == 0 else (samples - law.location) / unit
