"""Wrong initializers whose law is JAX's, and whose bits are not: right but for the last digits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from varscale.conformance.mutants.mutant import Mutant
from varscale.conformance.mutants.right import Array, Shape
from varscale.conformance.specs import Spec
from varscale.conformance.subject import Claim
from varscale.conformance.subjects.own import NUMPY
from varscale.dtypes import COMPLEX, as_dtype
from varscale.keys import Key

__all__ = ["BITS"]

#: What is asked of varscale: a spec, a key, a shape and a dtype.
Asked: TypeAlias = tuple[Spec, Key, Shape, str]


@dataclass
class _Numpy:
    """`varscale.numpy`, asked for something else, or its answer spoiled."""

    asks: Callable[[Asked], Asked] = lambda asked: asked
    spoils: Callable[[Array], Array] = lambda array: array
    name: str = "bits"
    claims: frozenset[Claim] = frozenset({"bits"})

    def devices(self) -> list[str]:
        return NUMPY.devices()

    def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Array:
        return self.spoils(NUMPY.draw(*self.asks((spec, key, shape, dtype)), device))

    def to_numpy(self, array: Any) -> Array:
        return NUMPY.to_numpy(array)


def _next_to_last(array: Array) -> Array:
    """One value of float32 arrays, the last, is the next one above."""
    if array.dtype == np.float32 and array.size:
        array = array.copy()
        array.flat[-1] = np.nextafter(array.flat[-1], np.float32(np.inf))
    return array


def _no_zero(array: Array) -> Array:
    return np.where(array == 0, -array, array).astype(array.dtype)


def _other_form(asked: Asked) -> Asked:
    spec, *rest = asked
    return (replace(spec, compiled=True), *rest)  # type: ignore[return-value]


def _old_order(asked: Asked) -> Asked:
    spec, key, shape, dtype = asked
    return spec, replace(key, partitionable=not key.partitionable), shape, dtype


@dataclass
class _AsFloat32(_Numpy):
    """A short dtype's samples are float32's, rounded."""

    def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Array:
        short = as_dtype(dtype) not in COMPLEX and as_dtype(dtype).itemsize < 4
        drawn = NUMPY.draw(spec, key, shape, "float32" if short else dtype, device)
        return NUMPY.to_numpy(drawn).astype(as_dtype(dtype))


@dataclass
class _OtherErfInv(_Numpy):
    """float32 normal samples of JAX's uniforms, by SciPy's inverse error function in float64."""

    def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Array:
        if dtype != "float32" or spec.initializer != "normal":
            return NUMPY.to_numpy(NUMPY.draw(spec, key, shape, dtype, device))
        from scipy.special import erfinv

        u = NUMPY.to_numpy(NUMPY.draw(Spec("uniform", 1.0), key, shape, dtype, device))
        centred = np.maximum(2 * u.astype(np.float64) - 1, np.nextafter(np.float32(-1), 0))
        found: Array = np.sqrt(2) * erfinv(centred) * spec.scale
        return found.astype(np.float32)


def _transposed(array: Array) -> Array:
    return array.reshape(-1).reshape(array.shape[::-1]).T


BITS = tuple(
    Mutant(name, about, "bits/jax-0.10.2/cpu", "bits", subject, NUMPY)
    for name, about, subject in (
        (
            "one value is off by one ulp",
            "The last of each array, as a loop's remainder that is compiled otherwise.",
            _Numpy(spoils=_next_to_last),
        ),
        ("negative zero for zero", "Equal for ==, and not the same bits.", _Numpy(spoils=_no_zero)),
        (
            "the compiled form for the eager one",
            "XLA folds the two factors of a normal into one: 1 ulp in half of the values.",
            _Numpy(asks=_other_form),
        ),
        (
            "the other order of the random bits",
            "jax_threefry_partitionable is not what it was.",
            _Numpy(asks=_old_order),
        ),
        (
            "the transposed array's order",
            "The right values at the wrong places.",
            _Numpy(spoils=_transposed),
        ),
        (
            "short dtypes rounded from float32",
            "JAX draws them from random bits of their own.",
            _AsFloat32(),
        ),
        (
            "a better inverse error function",
            "SciPy's, nearer to the truth than JAX's polynomial.",
            _OtherErfInv(),
        ),
    )
)
