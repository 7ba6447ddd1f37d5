"""Wrong initializers that answer with another shape, dtype or exception than JAX does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from varscale.conformance.mutants.mutant import Entry, mutants
from varscale.conformance.mutants.right import RIGHT, Array, Shape, Steps
from varscale.conformance.specs import Spec
from varscale.conformance.subject import Claim
from varscale.dtypes import as_dtype
from varscale.keys import Key

__all__ = ["ANSWERS"]

_LAW = "law/dense/fan_in/normal/float32/cpu"


def _arranged(change: Any) -> Steps:
    return replace(RIGHT, arranged=change)


def _never_empty(samples: Array) -> Array:
    return samples if samples.size else np.zeros(1)


def _squeezed(samples: Array) -> Array:
    found: Array = samples.squeeze() if samples.size else samples
    return found


def _float32_for_short(samples: Array, dtype: str) -> Array:
    short = as_dtype(dtype).itemsize < 4
    return RIGHT.rounded(samples, "float32" if short else dtype)


@dataclass
class _Asked:
    """What is asked is changed before it is checked, so that what JAX refuses is answered."""

    name: str = "asked"
    claims: frozenset[Claim] = frozenset({"manners"})
    mode: bool = False
    distribution: bool = False
    axes: bool = False
    rank: bool = False
    dtype: bool = False

    def devices(self) -> list[str]:
        return ["cpu"]

    def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Array:
        if self.mode and spec.mode not in ("fan_in", "fan_out", "fan_avg"):
            spec = replace(spec, mode="fan_geo_avg")
        if self.distribution and spec.distribution not in ("normal", "truncated_normal"):
            spec = replace(spec, distribution="uniform")
        if self.axes and isinstance(spec.in_axis, int) and shape:
            spec = replace(spec, in_axis=spec.in_axis % len(shape))
        if self.rank and len(shape) < 2:
            first: Array = self.draw(spec, key, (1, *shape), dtype, device)[0]
            return first
        if self.dtype and dtype.startswith("int"):
            return RIGHT.draw(spec, key, shape, "float32", device).astype(dtype)
        return RIGHT.draw(spec, key, shape, dtype, device)

    def to_numpy(self, array: Array) -> Array:
        return array


def _invalid(samples: Array) -> Array:
    found: Array = np.full_like(samples, np.nan)
    return found


def _raises_another(spec: Spec, shape: Shape, dtype: str) -> None:
    try:
        RIGHT.refuse(spec, shape, dtype)
    except ValueError as error:
        raise KeyError(str(error)) from None


def _fails(spec: Spec, shape: Shape) -> float:
    raise RuntimeError("out of memory")


_ENTRIES: tuple[Entry, ...] = (
    (
        "a scalar becomes a vector",
        "The shape () is answered with one of rank 1.",
        "manners/shapes/cpu", "shape ()", _arranged(np.atleast_1d),
    ),
    (
        "nothing is never empty",
        "An empty shape is answered with one value.",
        "manners/shapes/cpu", "shape (0, 3)", _arranged(_never_empty),
    ),
    (
        "axes of length 1 are lost",
        "A squeeze after a reshape.",
        "manners/shapes/cpu", "shape (1, 1)", _arranged(_squeezed),
    ),
    (
        "float32 for every short dtype",
        "Left to the caller, who casts it or does not.",
        "manners/dtypes/cpu", "dtype bfloat16", replace(RIGHT, rounded=_float32_for_short),
    ),
    (
        "another type of exception",
        "A KeyError of a table of modes, where JAX raises ValueError.",
        "manners/errors/cpu", "an unknown mode", replace(RIGHT, refuse=_raises_another),
    ),
    (
        "the mode falls through",
        "Whatever is not one of three is taken for the fourth, and nothing is said (timm).",
        "manners/errors/cpu", "an unknown mode", _Asked(mode=True),
    ),
    (
        "the distribution falls through",
        "Whatever is not normal is uniform.",
        "manners/errors/cpu", "an unknown distribution", _Asked(distribution=True),
    ),
    (
        "a vector has fans",
        "A bias is taken for a kernel of one row; JAX refuses it.",
        "manners/errors/cpu", "one axis, and the default in_axis", _Asked(rank=True),
    ),
    (
        "an axis is taken modulo the rank",
        "Axis 5 of a matrix is axis 1.",
        "manners/errors/cpu", "an in_axis that is not there", _Asked(axes=True),
    ),
    (
        "integers are drawn",
        "Samples are cast to any dtype: nearly all of them are 0.",
        "manners/errors/cpu", "an integer dtype", _Asked(dtype=True),
    ),
    (
        "nothing but NaN",
        "Memory that was never filled.",
        _LAW, "support", _arranged(_invalid),
    ),
    (
        "nothing but zeros",
        "zeros_ for the last layer of a head, where JAX draws.",
        _LAW, "scale", _arranged(np.zeros_like),
    ),
    (
        "float64 for float32",
        "NumPy's own dtype, not the one that was asked for.",
        _LAW, "call",
        replace(RIGHT, rounded=lambda samples, dtype: RIGHT.rounded(samples, "float64")),
    ),
    (
        "the transposed shape",
        "(out, in) where (in, out) was asked for.",
        _LAW, "call", _arranged(np.transpose),
    ),
    (
        "an exception",
        "It raises what has nothing to do with what is asked.",
        _LAW, "call", replace(RIGHT, deviation=_fails),
    ),
)  # fmt: skip

ANSWERS = mutants(_ENTRIES, right=RIGHT)
