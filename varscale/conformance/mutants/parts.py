"""Wrong initializers of complex samples: their modulus, their argument, their two parts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from varscale.conformance.mutants.mutant import Entry, mutants
from varscale.conformance.mutants.right import RIGHT, Array, Draws, Shape, uniforms

__all__ = ["PARTS"]

_NORMAL = "law/dense/fan_in/normal/complex64/cpu"
_TRUNCATED = "law/dense/fan_in/truncated_normal/complex64/cpu"
_UNIFORM = "law/dense/fan_in/uniform/complex64/cpu"


def _parts(part: Draws, real: float = 1.0, imaginary: float = 1.0) -> Draws:
    """Two real samples; the factors' squares have the sum 2 where the variance is to be 1."""

    def draw(numbers: np.random.Generator, shape: Shape) -> Array:
        x, y = part(numbers, shape), part(numbers, shape)
        return (real * x + 1j * imaginary * y) / math.sqrt(2)

    return draw


def _same_parts(numbers: np.random.Generator, shape: Shape) -> Array:
    return RIGHT.normal(numbers, shape) * (1 + 1j) / math.sqrt(2)


def _half_a_circle(numbers: np.random.Generator, shape: Shape) -> Array:
    radius = np.sqrt(2 * uniforms(numbers, shape))
    found: Array = radius * np.exp(1j * np.pi * numbers.random(shape))
    return found


def _dense_centre(numbers: np.random.Generator, shape: Shape) -> Array:
    radius = math.sqrt(3) * uniforms(numbers, shape)
    found: Array = radius * np.exp(2j * np.pi * numbers.random(shape))
    return found


_ENTRIES: tuple[Entry, ...] = (
    (
        "the variance for each part",
        "Both parts have the deviation that the modulus is to have: sqrt(2) times too wide.",
        _NORMAL, "scale",
        replace(RIGHT, complex_normal=_parts(RIGHT.normal, math.sqrt(2), math.sqrt(2))),
    ),
    (
        "a square for a disk",
        "Both parts are uniform; JAX's samples are uniform on a disk.",
        _UNIFORM, "whole law", replace(RIGHT, disk=_parts(RIGHT.uniform)),
    ),
    (
        "a disk that is dense in the middle",
        "A uniform radius, without its root.",
        _UNIFORM, "whole law", replace(RIGHT, disk=_dense_centre),
    ),
    (
        "each part truncated",
        "Both parts at 2; JAX truncates the modulus.",
        _TRUNCATED, "support", replace(RIGHT, complex_truncated=_parts(RIGHT.truncated)),
    ),
    (
        "half a circle",
        "An angle of [0, pi): no imaginary part is negative.",
        _UNIFORM, "angle", replace(RIGHT, disk=_half_a_circle),
    ),
    (
        "no imaginary part",
        "Real samples, cast to a complex dtype.",
        _NORMAL, "angle",
        replace(RIGHT, complex_normal=_parts(RIGHT.normal, math.sqrt(2), 0.0)),
    ),
    (
        "the same key for both parts",
        "The real part and the imaginary part are equal.",
        _NORMAL, "circular", replace(RIGHT, complex_normal=_same_parts),
    ),
    (
        "parts of unlike width",
        "The real part has six tenths of the variance.",
        _NORMAL, "circular",
        replace(
            RIGHT, complex_normal=_parts(RIGHT.normal, math.sqrt(1.2), math.sqrt(0.8))
        ),
    ),
)  # fmt: skip

PARTS = mutants(_ENTRIES, right=RIGHT)
