"""What an initializer's values are distributed as: family, standard deviation, fans. No drawing."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from varscale import numerics
from varscale.distributions import TRUNCATED_STDDEV
from varscale.draws import Draw
from varscale.fans import compute_fans
from varscale.initializers import (
    Constant,
    DeltaOrthogonal,
    Initializer,
    Orthogonal,
    VarianceScaling,
)
from varscale.port.libraries.haiku_inits import HaikuVarianceScaling

__all__ = ["Family", "Law", "Scaling", "fans", "law_of", "stddev"]

#: The initializers that have fans.
Scaling: TypeAlias = VarianceScaling | HaikuVarianceScaling

Family: TypeAlias = Literal["normal", "truncated", "uniform", "positive"]


@dataclass(frozen=True, slots=True)
class Law:
    """A distribution with a density.

    Attributes:
        family: "normal" of mean 0; "truncated": the same, restricted to two of its standard
            deviations; "uniform" in (-scale, scale); "positive": uniform in (0, scale).
        scale: the normal's standard deviation before it is truncated, or the uniform's limit.
    """

    family: Family
    scale: float

    @classmethod
    def of_stddev(cls, family: Family, stddev: float) -> Law:
        """The law of this family that has this standard deviation."""
        return cls(family, stddev / cls(family, 1.0).stddev)

    @property
    def stddev(self) -> float:
        """Standard deviation."""
        factors = {
            "normal": 1.0,
            "truncated": TRUNCATED_STDDEV,
            "uniform": 1 / math.sqrt(3),
            "positive": 1 / math.sqrt(12),
        }
        return self.scale * factors[self.family]

    @property
    def bound(self) -> float:
        """No value is larger."""
        return {"normal": math.inf, "truncated": 2 * self.scale}.get(self.family, self.scale)

    def log_likelihood(self, values: np.ndarray[Any, Any]) -> float:
        """Of float64 values; -inf where one is impossible."""
        if not self.scale > 0 or np.abs(values).max(initial=0.0) > self.bound * (1 + 1e-6):
            return -math.inf
        if self.family == "positive" and values.min(initial=0.0) < 0:
            return -math.inf
        if self.family in ("uniform", "positive"):
            return -values.size * math.log(self.scale * (1 + (self.family == "uniform")))
        inside = math.erf(math.sqrt(2)) if self.family == "truncated" else 1.0
        each = math.log(self.scale * math.sqrt(2 * math.pi) * inside)
        return -float(np.square(values / self.scale).sum()) / 2 - values.size * each

    def distance(self, values: np.ndarray[Any, Any]) -> float:
        """Kolmogorov's: the largest difference of the values' distribution function from this."""
        n = values.size
        below = self._below(np.sort(values))
        return float(max((np.arange(1, n + 1) / n - below).max(), (below - np.arange(n) / n).max()))

    def _below(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        units = values / self.scale
        if self.family == "positive":
            return np.clip(units, 0, 1)
        if self.family == "uniform":
            return np.clip((units + 1) / 2, 0, 1)
        erf = np.array([math.erf(one / math.sqrt(2)) for one in units])
        inside = math.erf(math.sqrt(2)) if self.family == "truncated" else 1.0
        return np.clip((erf / inside + 1) / 2, 0, 1)


def law_of(init: Initializer, shape: Sequence[int]) -> Law | None:
    """The law of an array of this shape; None where it is none of these families."""
    try:
        drawn = init.draw(0, shape, np.float64)
    except (NotImplementedError, ValueError):  # of this shape it draws nothing
        return None
    if not isinstance(drawn, Draw) or not isinstance(drawn.law, numerics.Law):
        return None
    law = drawn.law
    scale = abs(float(law.scale)) * math.prod(map(float, law.factors_before_clip))
    if law.distribution == "normal":
        return Law("normal", scale / math.sqrt(2))
    if law.distribution == "uniform":
        low, high = (float(bound) * float(law.scale) for bound in law.interval)
        if low == -high:
            return Law("uniform", abs(high))
        return Law("positive", high) if low == 0 < high else None
    usual = law.clip is not None and max(map(abs, law.clip)) < 2 < 1e-9 + min(map(abs, law.clip))
    return Law("truncated", scale / math.sqrt(2)) if usual else None


def fans(init: Initializer, shape: Sequence[int]) -> tuple[float, float] | None:
    """(fan_in, fan_out) by the initializer's axes; None for one that has no fans."""
    if isinstance(init, VarianceScaling):
        return compute_fans(shape, init.in_axis, init.out_axis, init.batch_axis)
    if not isinstance(init, HaikuVarianceScaling) or len(shape) < 2:
        return None
    if init.fan_in_axes is None or len(shape) == 2:
        return compute_fans(shape)
    inputs = {axis % len(shape) for axis in init.fan_in_axes}
    return compute_fans(shape, sorted(inputs), sorted(set(range(len(shape))) - inputs))


def stddev(init: Initializer, shape: Sequence[int]) -> float | None:
    """The standard deviation of what is drawn for this shape; None where it is not known.

    Of a matrix with orthonormal rows or columns, the root of the mean square: 1 / sqrt(n) for the
    larger side n.

    Example:
        >>> import varscale
        >>> stddev(varscale.initializers.VarianceScaling(1.0, "fan_in", "uniform"), (16, 8))
        0.25
        >>> round(stddev(varscale.initializers.TruncatedNormal(1.0), (16, 8)), 6)
        0.879626
    """
    if isinstance(init, Constant):
        return 0.0
    if isinstance(init, VarianceScaling):
        return math.sqrt(init.variance(shape))
    if isinstance(init, Orthogonal | DeltaOrthogonal) and 0 not in shape:
        area = math.prod(shape[:-2]) if isinstance(init, DeltaOrthogonal) else 1
        matrix = shape[-2:] if isinstance(init, DeltaOrthogonal) else shape
        columns = matrix[init.column_axis]
        longer = max(columns, math.prod(matrix) // columns)
        return abs(init.scale) / math.sqrt(longer * area)
    law = law_of(init, shape)
    if law is not None:
        return law.stddev
    drawn = init.draw(0, shape, np.float64)
    if not isinstance(drawn, Draw) or not isinstance(drawn.law, numerics.Law):
        return None
    low, high = map(float, drawn.law.interval if drawn.law.clip is None else drawn.law.clip)
    scale = abs(float(drawn.law.scale))
    if drawn.law.distribution == "uniform":
        return scale * (high - low) / math.sqrt(12)
    return scale * _truncated_stddev(low, high)


@functools.lru_cache(maxsize=256)
def _truncated_stddev(lower: float, upper: float) -> float:
    """Of a standard normal restricted to (lower, upper), by quadrature of its moments."""
    peak = min(max(lower, 0.0), upper)
    # Beyond this the density is less than exp(-50) of its largest value.
    reach = math.sqrt(peak * peak + 100)
    low, high = max(lower, -reach), min(upper, reach)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    points = (high - low) / 2 * nodes + (high + low) / 2
    weights = weights * np.exp((peak * peak - points * points) / 2)
    mean = (weights * points).sum() / weights.sum()
    return math.sqrt(float((weights * np.square(points - mean)).sum() / weights.sum()))
