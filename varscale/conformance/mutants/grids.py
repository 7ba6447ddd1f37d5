"""Wrong initializers whose samples are on another lattice, are rounded otherwise, or overflow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from varscale.conformance.mutants.mutant import Entry, mutants
from varscale.conformance.mutants.right import RIGHT, Array, Draws, Shape, Steps
from varscale.dtypes import as_dtype

__all__ = ["GRIDS"]


def _probit(u: Array) -> Array:
    from scipy.special import ndtri

    with np.errstate(divide="ignore"):
        found: Array = ndtri(u)
    return found


def _of_lattice(bits: int, offset: float) -> Draws:
    """Normal samples of uniforms (k + offset) / 2**bits."""

    def draw(numbers: np.random.Generator, shape: Shape) -> Array:
        steps: Array = numbers.integers(0, 2**bits, shape)
        return _probit((steps + offset) / 2**bits)

    return draw


def _log_of_zero(numbers: np.random.Generator, shape: Shape) -> Array:
    u, v = (numbers.integers(0, 2**11, shape) / 2**11 for _ in range(2))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = np.sqrt(-2 * np.log(u)) * np.sin(2 * np.pi * v)
    return found


def _first_as(dtype: str) -> Steps:
    """Samples of variance 1 are rounded to a dtype, before they are scaled and rounded again."""

    def draw(samples: Array) -> Array:
        return samples.astype(as_dtype(dtype)).astype(samples.dtype)

    return replace(RIGHT, arranged=draw)


def _coarse_imaginary_part(samples: Array) -> Array:
    found: Array = samples.real + 1j * samples.imag.astype(np.float32).astype(np.float64)
    return found


def _flushed(samples: Array, dtype: str) -> Array:
    kind = as_dtype(dtype)
    return np.where(np.abs(samples) < float(np.finfo(kind).tiny), 0.0, samples).astype(kind)


def _cut_off(samples: Array, dtype: str) -> Array:
    patterns = samples.astype(np.float32).view(np.uint32) >> np.uint32(16)
    return patterns.astype(np.uint16).view(as_dtype(dtype))


_ENTRIES: tuple[Entry, ...] = (
    (
        "float32 on a lattice of 16 bits",
        "A uniform of 16 random bits: 65536 values, whatever the dtype.",
        "law/dense/fan_in/normal/float32/cpu", "repeats",
        replace(RIGHT, normal=_of_lattice(16, 0.5)),
    ),
    (
        "float32 drawn as bfloat16",
        "A policy of low precision reaches the initializer, and the result is cast back.",
        "law/dense/fan_in/normal/float32/cpu", "repeats", _first_as("bfloat16"),
    ),
    (
        "float64 drawn as float32",
        "The law has 2**24 values; half of the digits are zeros.",
        "law/dense/fan_in/normal/float64/cpu", "repeats", _first_as("float32"),
    ),
    (
        "complex128 drawn as complex64",
        "Likewise, of complex samples.",
        "law/dense/fan_in/normal/complex128/cpu", "repeats", _first_as("complex64"),
    ),
    (
        "an imaginary part drawn as float32",
        "Likewise, of one of the two parts.",
        "law/dense/fan_in/normal/complex128/cpu", "repeats",
        replace(RIGHT, arranged=_coarse_imaginary_part),
    ),
    (
        "bfloat16 rounded twice",
        "Samples of deviation 1 are rounded, then scaled by 0.02 and rounded again.",
        "law/dense/normal/bfloat16/cpu", "lattice", _first_as("bfloat16"),
    ),
    (
        "bfloat16 cut off",
        "The upper half of the float32 pattern, as `bits >> 16`: towards zero.",
        "law/dense/fan_in/normal/bfloat16/cpu", "lattice", replace(RIGHT, rounded=_cut_off),
    ),
    (
        "bfloat16 of centred cells",
        "JAX's 2**7 uniforms moved by half a step, so that their law is symmetric.",
        "law/dense/fan_in/normal/bfloat16/cpu", "lattice",
        replace(RIGHT, normal=_of_lattice(7, 0.5)),
    ),
    (
        "float16 of 8 random bits",
        "The lattice of bfloat16 for a dtype that has eight times as many points.",
        "law/dense/fan_in/normal/float16/cpu", "lattice",
        replace(RIGHT, normal=_of_lattice(8, 0.5)),
    ),
    (
        "float16 without subnormals",
        "Small samples are flushed to zero, as some processors do.",
        "law/dense/normal/float16/cpu", "lattice", replace(RIGHT, rounded=_flushed),
    ),
    (
        "float8_e5m2 by way of float8_e4m3",
        "Rounded to three bits, then to two.",
        "law/dense/normal/float8_e5m2/cpu", "lattice", _first_as("float8_e4m3fn"),
    ),
    (
        "a lower end that can be drawn",
        "No nextafter(-1, 0): the probit of 0 is minus infinity.",
        "law/dense/fan_in/normal/float16/cpu", "support",
        replace(RIGHT, normal=_of_lattice(10, 0.0)),
    ),
    (
        "the logarithm of zero",
        "Box-Muller with a half-precision uniform of [0, 1).",
        "law/dense/fan_in/normal/float16/cpu", "support", replace(RIGHT, normal=_log_of_zero),
    ),
)  # fmt: skip

GRIDS = mutants(_ENTRIES, right=RIGHT)
