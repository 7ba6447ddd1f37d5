"""What a spec's samples are distributed as, exactly: continuous laws, and their discrete images.

The reference is analytic. A wide dtype is compared with the continuous law; a short one with a
discrete one: JAX's own lattice ("jax"), or the continuous law rounded to the dtype ("rounded").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from varscale.conformance.specs import TRUNCATED_STDDEV, Spec
from varscale.dtypes import COMPLEX, as_dtype, float_format
from varscale.numerics.samples import narrow_table

__all__ = ["Continuous", "Discrete", "Shape", "continuous", "is_short", "lattices", "rounded"]

Array = np.ndarray[Any, Any]
#: "radius" is uniform on a disk, "rayleigh" the modulus of a complex normal, "rayleigh2" that of
#: one truncated at 2.
Shape: TypeAlias = Literal[
    "uniform", "normal", "truncated_normal", "radius", "rayleigh", "rayleigh2"
]

#: What JAX divides by where the modulus of a complex normal is truncated at 2. The true deviation
#: is sqrt(1 - 4 / (exp(4) - 1)) = 0.96196: JAX's samples have 1.0093 times the deviation asked for,
#: and JAX's law is what is tested.
#: Source: jax/_src/nn/initializers.py (0.10.2, 0.12.0.1), `variance_scaling`.
COMPLEX_TRUNCATED_STDDEV = 0.95311164380491208
#: Mass of a complex normal of variance 1 within modulus 2: 1 - exp(-4).
_WITHIN_2 = -math.expm1(-4)
#: A normal sample is farther out than this with a probability of 1.5e-23.
_FAR = 10.0


@dataclass(frozen=True, slots=True)
class Continuous:
    """A continuous law: location + unit * X.

    Attributes:
        shape: of X: uniform on (-1, 1); standard normal; the same truncated to (-2, 2); the
            modulus of a point that is uniform on the unit disk; of a complex normal of variance 1;
            the same truncated to modulus 2.
        unit: a factor.
        location: an offset.
    """

    shape: Shape
    unit: float
    location: float = 0.0

    def cdf(self, x: Array) -> Array:
        """P(sample <= x), in float64."""
        from scipy.special import ndtr

        z = (np.asarray(x, np.float64) - self.location) / self.unit if self.unit else x
        result: Array
        if self.shape == "uniform":
            result = np.clip((z + 1) / 2, 0, 1)
        elif self.shape == "normal":
            result = ndtr(z)
        elif self.shape == "truncated_normal":
            low, high = ndtr(-2.0), ndtr(2.0)
            result = np.clip((ndtr(z) - low) / (high - low), 0, 1)
        elif self.shape == "radius":
            result = np.clip(z, 0, 1) ** 2
        else:
            within = -np.expm1(-(np.maximum(z, 0) ** 2))
            result = np.minimum(within / _WITHIN_2, 1) if self.shape == "rayleigh2" else within
        return result

    def ppf(self, p: Array) -> Array:
        """The quantiles of probabilities."""
        from scipy.special import ndtri

        p = np.asarray(p, np.float64)
        if self.shape == "uniform":
            z = 2 * p - 1
        elif self.shape == "normal":
            z = ndtri(p)
        elif self.shape == "truncated_normal":
            from scipy.special import ndtr

            low, high = ndtr(-2.0), ndtr(2.0)
            z = ndtri(low + p * (high - low))
        elif self.shape == "radius":
            z = np.sqrt(p)
        else:
            z = np.sqrt(-np.log1p(-p * (_WITHIN_2 if self.shape == "rayleigh2" else 1)))
        result: Array = self.location + self.unit * z
        return result

    @property
    def support(self) -> tuple[float, float]:
        """The smallest interval that has every sample; infinite for normal ones."""
        low, high = {
            "uniform": (-1.0, 1.0),
            "normal": (-math.inf, math.inf),
            "truncated_normal": (-2.0, 2.0),
            "radius": (0.0, 1.0),
            "rayleigh": (0.0, math.inf),
            "rayleigh2": (0.0, 2.0),
        }[self.shape]
        return self.location + self.unit * low, self.location + self.unit * high

    @property
    def reach(self) -> float:
        """abs(X) is not above this: exactly, or but for a probability below 1e-22 a sample."""
        return {"uniform": 1.0, "truncated_normal": 2.0, "radius": 1.0, "rayleigh2": 2.0}.get(
            self.shape, _FAR
        )

    def moment(self, k: int) -> float:
        """E X**k of the standard shape, about its own middle.

        Source: elementary integrals; truncated: m_k = (k - 1) m_(k-2) - 2**k phi(2) / Phi(-2, 2).
        """
        if self.shape == "uniform":
            return 0.0 if k % 2 else 1 / (k + 1)
        if self.shape == "radius":
            return 2 / (k + 2)
        if self.shape in ("normal", "truncated_normal"):
            return _normal_moment(k, truncated=self.shape == "truncated_normal")
        from scipy.special import gamma, gammainc

        whole = float(gamma(1 + k / 2))
        part = float(gammainc(1 + k / 2, 4)) / _WITHIN_2
        return whole * (part if self.shape == "rayleigh2" else 1.0)


def _normal_moment(k: int, *, truncated: bool) -> float:
    if k % 2:
        return 0.0
    edge = 0.0
    if truncated:
        density = math.exp(-2) / math.sqrt(2 * math.pi)
        edge = 2 * density / math.erf(math.sqrt(2))
    value = 1.0
    for power in range(2, k + 1, 2):
        value = (power - 1) * value - edge * 2.0 ** (power - 1)
    return value


@dataclass(frozen=True, slots=True)
class Discrete:
    """A law of finitely many values.

    Attributes:
        name: "jax" or "rounded".
        values: ascending, float64.
        probabilities: of each, positive, of sum 1.
    """

    name: str
    values: Array
    probabilities: Array

    def moment(self, k: int, of: Continuous) -> float:
        """E Z**k of the samples standardized as those of the continuous law."""
        return float((self.probabilities * self._standardized(of) ** k).sum())

    def reach(self, of: Continuous) -> float:
        """The most that abs(Z) is: exactly, or but for a probability below 1e-22 a sample."""
        farthest = float(np.abs(self._standardized(of)).max())
        return min(farthest, _FAR) if of.shape == "normal" else farthest

    def _standardized(self, of: Continuous) -> Array:
        return (self.values - of.location) / (of.unit or 1.0)


def is_short(dtype: str) -> bool:
    """Whether a draw of this dtype has so few values that its law is compared value by value."""
    kind = as_dtype(dtype)
    return kind not in COMPLEX and float_format(kind).narrow


def continuous(spec: Spec, shape: Sequence[int], dtype: str) -> Continuous:
    """The law of a spec's samples before rounding; of complex ones, of their modulus.

    Source: jax/_src/nn/initializers.py: `variance_scaling` gives variance = scale / fan whatever
    the distribution; a real truncated normal is divided by the deviation that truncation leaves.
    """
    deviation = math.sqrt(spec.variance(shape))
    kind = spec.samples
    if as_dtype(dtype) in COMPLEX:
        if kind == "uniform":
            return Continuous("radius", math.sqrt(2) * deviation)
        if kind == "normal":
            return Continuous("rayleigh", deviation)
        return Continuous("rayleigh2", deviation / COMPLEX_TRUNCATED_STDDEV)
    if kind == "normal":
        return Continuous("normal", deviation)
    if kind == "truncated_normal":
        return Continuous("truncated_normal", deviation / TRUNCATED_STDDEV)
    half = math.sqrt(3) * deviation
    return Continuous("uniform", half, half if spec.initializer == "uniform" else 0.0)


def lattices(spec: Spec, shape: Sequence[int], dtype: str) -> list[Discrete]:
    """JAX's own laws of a short dtype: each of its 2**mantissa uniforms is equally likely.

    The samples of all uniforms are enumerated by the arithmetic that varscale's values are made
    with; a test compares them with JAX's own. There is one law for each rounding that JAX has had,
    where they differ (docs/exactness.md, `compiled`).
    """
    found: dict[bytes, Discrete] = {}
    for compiled in (None, True, False):
        draw: Any = replace(spec, compiled=compiled).data.draw(0, shape, dtype)
        table = narrow_table(draw.law).astype(np.float64) + 0.0
        values, counts = np.unique(table, return_counts=True)
        found.setdefault(table.tobytes(), Discrete("jax", values, counts / table.size))
    return list(found.values())


def rounded(law: Continuous, dtype: str) -> Discrete:
    """A continuous law, rounded to nearest to a short dtype.

    P(v) = F(upper edge of v) - F(lower edge of v), the edges half-way to the neighbours.
    """
    grid = _finite_values(dtype)
    edges = np.concatenate([[-np.inf], (grid[1:] + grid[:-1]) / 2, [np.inf]])
    # Above 0 by the complement, which is as exact in the upper tail as F is in the lower.
    below = law.cdf(edges)
    if law.shape in ("normal", "truncated_normal"):
        above = law.cdf(2 * law.location - edges)
        masses = np.where(edges[1:] <= law.location, np.diff(below), -np.diff(above))
    else:
        masses = np.diff(below)
    found = masses > 0
    return Discrete("rounded", grid[found], masses[found] / masses[found].sum())


def _finite_values(dtype: str) -> Array:
    kind = as_dtype(dtype)
    patterns = np.arange(2 ** (8 * kind.itemsize), dtype=f"u{kind.itemsize}")
    with np.errstate(invalid="ignore"):
        values = patterns.view(kind).astype(np.float64)
    return np.unique(values[np.isfinite(values)] + 0.0)
