"""Whether samples are independent and alike everywhere: along axes, at long lags, between keys.

`Dependence` keeps sums, batch after batch; `slices`, `lags`, `periods`, `keys` conclude from them.
Every pair that enters a sum is disjoint from the others in it, so that the products are independent
and Bernstein's inequality holds for every n.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from varscale.conformance.bounds import POWER, bernstein, detectable_scale
from varscale.conformance.results import Finding

__all__ = ["Dependence", "Moments", "circular", "keys", "lags", "periods", "slices"]

Array = np.ndarray[Any, Any]

#: Lags along each axis.
_LAGS = (1, 2, 3, 4)
#: Lags in row-major order: powers of two, the usual periods of a generator that repeats itself.
_PERIODS = tuple(2**k for k in range(6, 20))
_MISS = 1 - POWER
_OF_A_BLOCK = "of the block's allowed deviation; detectable: of half the array"


@dataclass(frozen=True, slots=True)
class Moments:
    """What the checks need of the standardized law.

    Attributes:
        first: mean, 0 but on JAX's coarse lattices.
        second: second moment.
        fourth: fourth moment.
        reach: the most that a sample's modulus can be.
    """

    first: float
    second: float
    fourth: float
    reach: float


@dataclass
class Sum:
    """A sum of independent products: how many, and how much."""

    n: int = 0
    total: complex = 0.0

    def add(self, first: Array, second: Array) -> None:
        """Take the products of the pairs in."""
        # No BLAS: its threads cost more than these sums, and wait for each other on a busy machine.
        self.n += first.size
        other = second.conj() if np.iscomplexobj(second) else second
        self.total += complex((first * other).sum())


@dataclass
class Dependence:
    """The samples of one law with their places, standardized: mean 0, real or complex.

    Attributes:
        axes: a letter for each axis, for the notes.
        n: samples so far.
        squares: by axis: for each index the sum of the squared moduli.
        lagged: by (axis, lag): products of samples that far apart.
        periodic: by lag in row-major order: likewise.
        between: by the names of two draws: products of samples at the same place.
        powers: of complex samples: the sums of their first and second powers.
    """

    axes: str
    n: int = 0
    squares: dict[int, Array] = field(default_factory=dict)
    lagged: dict[tuple[int, int], Sum] = field(default_factory=lambda: defaultdict(Sum))
    periodic: dict[int, Sum] = field(default_factory=lambda: defaultdict(Sum))
    between: dict[str, Sum] = field(default_factory=lambda: defaultdict(Sum))
    powers: dict[str, Sum] = field(default_factory=lambda: defaultdict(Sum))
    _before: tuple[str, Array] | None = None

    def add(self, batch: Array, name: str) -> None:
        """Take a draw in, named for the notes; it is compared with the one before it."""
        self.n += batch.size
        if np.iscomplexobj(batch):
            self.powers["mean"].add(batch, np.ones(batch.shape))
            self.powers["square"].add(batch, batch.conj())
        power = np.abs(batch) ** 2
        for axis in range(batch.ndim):
            others = tuple(other for other in range(batch.ndim) if other != axis)
            sums = power.sum(axis=others)
            self.squares[axis] = self.squares.get(axis, np.zeros(batch.shape[axis])) + sums
            for lag in _LAGS:
                if batch.shape[axis] >= 2 * lag:
                    self.lagged[axis, lag].add(*_apart(batch, axis, lag))
        flat = batch.reshape(-1)
        for lag in _PERIODS:
            if flat.size >= 2 * lag:
                self.periodic[lag].add(*_apart(flat, 0, lag))
        if self._before is not None:
            self.between[f"{self._before[0]} and {name}"].add(flat, self._before[1].reshape(-1))
        self._before = name, batch


def _apart(batch: Array, axis: int, lag: int) -> tuple[Array, Array]:
    """Disjoint pairs that lie `lag` apart: of each 2 * lag neighbours, the first half's."""
    blocks = batch.shape[axis] // (2 * lag)
    moved = np.moveaxis(batch, axis, 0)[: blocks * 2 * lag]
    grouped = moved.reshape(blocks, 2, lag, *moved.shape[1:])
    return grouped[:, 0], grouped[:, 1]


def slices(kept: Dependence, law: Moments, alarm: float) -> Finding:
    """The standard deviation of each index of every axis, and of neighbouring ones together.

    Neighbours: all blocks of 1, 2, 4, ... indices, so that a slow change is seen as well as one odd
    slice. The alarm is divided over all blocks; each is bounded by Bernstein's inequality.
    """
    # Of each block: axis, first index, indices; samples; second moment over the law's.
    places, counts, ratios = [], [], []
    for axis, squares in kept.squares.items():
        each = kept.n // squares.size
        width = 1
        while width < squares.size:
            starts = np.arange(0, squares.size, width)
            sizes = np.diff(np.append(starts, squares.size))
            places.append(np.stack([np.full_like(starts, axis), starts, sizes], axis=1))
            counts.append(each * sizes)
            ratios.append(np.add.reduceat(squares, starts) / (each * sizes * law.second))
            width *= 2
    if not places:
        return Finding("slices", True, kept.n, 0.0, 1.0, alarm, unit=_OF_A_BLOCK)
    place, ratio = np.concatenate(places), np.concatenate(ratios)
    spread = max(law.fourth / law.second**2 - 1, 0.0)
    far = max(law.reach**2 / law.second - 1, 0.0)
    share = alarm / len(place) / 2
    # Thousands of blocks are of a few sizes.
    distinct, which = np.unique(np.concatenate(counts), return_inverse=True)
    above, below, missed = (
        np.array([bernstein(n, spread, reach, probability) for n in distinct.tolist()])
        for reach, probability in ((far, share), (1.0, share), (1.0, _MISS))
    )
    away = (ratio - 1) / np.where(ratio > 1, above[which], below[which])
    worst = int(np.argmax(np.abs(away)))
    axis, start, size = place[worst].tolist()
    where = f"{kept.axes[axis]}[{start}:{start + size}]"
    deviation = math.sqrt(max(float(ratio[worst]), 0))
    return Finding(
        *("slices", bool((np.abs(away) <= 1).all()), kept.n, float(away[worst]), 1.0, alarm),
        min(map(detectable_scale, above.tolist(), missed.tolist())),
        _OF_A_BLOCK,
        f"largest at {where}: {deviation:.4f} times the deviation",
    )


def lags(kept: Dependence, law: Moments, alarm: float) -> Finding:
    """The correlation of samples 1 to 4 apart along each axis: of rows, columns and neighbours."""
    sums = {f"{kept.axes[axis]}+{lag}": one for (axis, lag), one in kept.lagged.items()}
    return _worst("lags", sums, law, alarm)


def periods(kept: Dependence, law: Moments, alarm: float) -> Finding:
    """The correlation of samples 2**6 to 2**19 apart in row-major order."""
    sums = {f"lag {lag}": one for lag, one in kept.periodic.items()}
    return _worst("periods", sums, law, alarm)


def keys(kept: Dependence, law: Moments, alarm: float) -> Finding:
    """The correlation of samples at the same place under two keys: seeds in a row, split keys."""
    return _worst("keys", dict(kept.between), law, alarm)


def circular(kept: Dependence, law: Moments, alarm: float) -> Finding:
    """The mean of complex samples and of their squares: 0, where all arguments are alike.

    The mean of the squares is the difference of the parts' variances, and twice their covariance.
    """
    mean = kept.powers["mean"]
    sums = {
        "mean": Sum(mean.n, mean.total * math.sqrt(law.second)),
        "square": kept.powers["square"],
    }
    return _worst("circular", sums, law, alarm, max(law.fourth / law.second**2, 1.0))


def _worst(
    check: str, sums: dict[str, Sum], law: Moments, alarm: float, variance: float = 1.0
) -> Finding:
    """The largest correlation of several, each with its share of the alarm.

    The products of two independent samples have the mean first**2, a variance (of each part) of at
    most second**2 (`variance` is relative to that), and are at most reach**2.
    """
    share = alarm / max(len(sums), 1) / 4  # two parts, two sides
    far = (law.reach**2 + law.first**2) / law.second
    worst, bound, note, passed, n, seen = 0.0, math.inf, "nothing to compare", True, 0, math.inf
    for name, one in sums.items():
        limit = bernstein(one.n, variance, far, share)
        mean = (one.total / one.n - law.first**2) / law.second
        for value in (mean.real, mean.imag):
            passed &= abs(value) <= limit
            if not abs(value) / limit <= abs(worst) / bound:
                worst, bound, note, n = value, limit, f"largest: {name}", one.n
        seen = min(seen, limit + bernstein(one.n, variance, far, _MISS))
    return Finding(
        *(check, passed, n, worst, bound, alarm, seen if sums else None), "correlation", note
    )
