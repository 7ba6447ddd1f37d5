"""A right initializer in plain steps, with NumPy and SciPy: a wrong one replaces one of them.

Its laws are exact: inverse distribution functions of float64 uniforms, rounded once. It has
nothing of JAX's bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from varscale.conformance.laws import COMPLEX_TRUNCATED_STDDEV
from varscale.conformance.specs import TRUNCATED_STDDEV, Spec
from varscale.conformance.subject import Claim
from varscale.conformance.subjects.offered import check_real
from varscale.dtypes import COMPLEX, as_dtype
from varscale.keys import Key

__all__ = ["RIGHT", "Array", "Draws", "Shape", "Steps", "as_given", "uniforms"]

Array: TypeAlias = np.ndarray[Any, Any]
Shape: TypeAlias = tuple[int, ...]
Generator: TypeAlias = np.random.Generator
#: Samples of variance 1, float64 or complex128, in the order of the generator's numbers.
Draws: TypeAlias = Callable[[Generator, Shape], Array]


def generator(key: Key, shape: Shape) -> Generator:
    """Random numbers of the key alone; every bit of it counts."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key.words)))


def refuse(spec: Spec, shape: Shape, dtype: str) -> None:
    """Raise what JAX raises."""
    check_real(spec, dtype)
    spec.data.draw(0, shape, dtype)


def deviation(spec: Spec, shape: Shape) -> float:
    """The standard deviation that is wanted."""
    return math.sqrt(spec.variance(shape))


def uniforms(numbers: Generator, shape: Shape) -> Array:
    """Uniform on (0, 1): neither 0 nor 1."""
    return np.maximum(numbers.random(shape), 2.0**-54)


def normal(numbers: Generator, shape: Shape) -> Array:
    """Standard normal."""
    from scipy.special import ndtri

    found: Array = ndtri(uniforms(numbers, shape))
    return found


def truncated(numbers: Generator, shape: Shape) -> Array:
    """Standard normal, truncated at 2, divided by the deviation that this leaves."""
    from scipy.special import ndtr, ndtri

    below = ndtr(-2.0)
    found: Array = ndtri(below + uniforms(numbers, shape) * (1 - 2 * below))
    return found / TRUNCATED_STDDEV


def uniform(numbers: Generator, shape: Shape) -> Array:
    """Uniform on (-sqrt(3), sqrt(3))."""
    return math.sqrt(3) * (2 * uniforms(numbers, shape) - 1)


def at_random_angles(numbers: Generator, radius: Array) -> Array:
    """Complex numbers of these moduli."""
    found: Array = radius * np.exp(2j * np.pi * numbers.random(radius.shape))
    return found


def disk(numbers: Generator, shape: Shape) -> Array:
    """Uniform on the disk of radius sqrt(2)."""
    return at_random_angles(numbers, np.sqrt(2 * uniforms(numbers, shape)))


def complex_normal(numbers: Generator, shape: Shape) -> Array:
    """Complex normal, E abs(z)**2 = 1."""
    return at_random_angles(numbers, np.sqrt(-np.log(uniforms(numbers, shape))))


def complex_truncated(numbers: Generator, shape: Shape) -> Array:
    """Complex normal, its modulus truncated at 2, divided by what JAX divides by."""
    within = -math.expm1(-4)
    radius = np.sqrt(-np.log1p(-within * uniforms(numbers, shape)))
    return at_random_angles(numbers, radius / COMPLEX_TRUNCATED_STDDEV)


def as_given(samples: Array) -> Array:
    """The samples where they are."""
    return samples


def rounded(samples: Array, dtype: str) -> Array:
    """To nearest, once."""
    return np.asarray(samples, as_dtype(dtype))


@dataclass(slots=True, kw_only=True)
class Steps:
    """A subject in steps, each of them a function that can be another.

    Attributes:
        name: of the subject.
        claims: of the subject.
        refuse: raises what JAX raises.
        generator: random numbers of a key.
        normal: samples of variance 1.
        truncated: likewise.
        uniform: likewise.
        disk: complex samples of the distribution "uniform", likewise.
        complex_normal: likewise.
        complex_truncated: likewise.
        arranged: the samples of variance 1, in the array's shape, once more touched.
        deviation: the factor.
        rounded: to the dtype.
    """

    name: str = "right"
    claims: frozenset[Claim] = frozenset({"law", "manners"})
    refuse: Callable[[Spec, Shape, str], None] = refuse
    generator: Callable[[Key, Shape], Generator] = generator
    normal: Draws = normal
    truncated: Draws = truncated
    uniform: Draws = uniform
    disk: Draws = disk
    complex_normal: Draws = complex_normal
    complex_truncated: Draws = complex_truncated
    arranged: Callable[[Array], Array] = as_given
    deviation: Callable[[Spec, Shape], float] = deviation
    rounded: Callable[[Array, str], Array] = rounded

    def devices(self) -> list[str]:
        """NumPy knows one."""
        return ["cpu"]

    def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Array:
        """Draw an array; see `Subject`."""
        self.refuse(spec, shape, dtype)
        if as_dtype(dtype) in COMPLEX:
            draws = {
                "uniform": self.disk,
                "normal": self.complex_normal,
                "truncated_normal": self.complex_truncated,
            }
        else:
            draws = {
                "uniform": self.uniform,
                "normal": self.normal,
                "truncated_normal": self.truncated,
            }
        samples = self.arranged(draws[spec.samples](self.generator(key, shape), shape))
        # Of `uniform`, from 0 to its scale.
        middle = spec.scale / 2 if spec.initializer == "uniform" else 0.0
        return self.rounded(middle + self.deviation(spec, shape) * samples, dtype)

    def to_numpy(self, array: Any) -> Array:
        """See `Subject`."""
        same: Array = array
        return same


#: Every step as it should be.
RIGHT = Steps()
