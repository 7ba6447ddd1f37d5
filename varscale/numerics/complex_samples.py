"""Complex samples: two real draws under two keys, combined as XLA's CPU compiler rounds.

Source: jax/_src/nn/initializers.py, `_complex_uniform` and `_complex_truncated_normal`;
jax/_src/random/core.py, `_normal`. Where products are fused, and which library's sine and cosine
serve, was read from the code that jaxlib 0.10.2 emits.
"""

from __future__ import annotations

import math

import numpy as np

from varscale.numerics.arithmetic import flushed_below
from varscale.numerics.draw import ComplexLaw
from varscale.numerics.erf_inv import log1p, log_32
from varscale.numerics.ops import Floats, Ops

__all__ = ["polar"]

# 1 - exp(-2**2), the mass of the truncated modulus (bits 0x3F7B4FAB, 0x3FEF69F5523EF618).
_MASS = {4: float(np.float32(0.98168436)), 8: float.fromhex("0x1.f69f5523ef618p-1")}
# Veltkamp's constants for 24 and 53 bits: 2**12 + 1 and 2**27 + 1.
_SPLITTERS = {4: 4097.0, 8: 134217729.0}
# 2 / pi * 2**24 and pi / 2, and minimax polynomials of sine and cosine on [-pi/4, pi/4], odd and
# even powers from the lowest: those of the C library's sincosf (glibc >= 2.28, from ARM's optimized
# routines), which XLA calls. They are evaluated in float64.
_TWO_OVER_PI = float.fromhex("0x1.45F306DC9C883p+23")
_HALF_PI = float.fromhex("0x1.921FB54442D18p0")
_SINE = tuple(
    map(float.fromhex, ("-0x1.555545995a603p-3", "0x1.1107605230bc4p-7", "-0x1.994eb3774cf24p-13"))
)
_COSINE = (
    1.0,
    *map(
        float.fromhex,
        (
            "-0x1.ffffffd0c621cp-2",
            "0x1.55553e1068f19p-5",
            "-0x1.6c087e89a359dp-10",
            "0x1.99343027bf8c3p-16",
        ),
    ),
)


def polar(ops: Ops, law: ComplexLaw, radius: Floats, angle: Floats) -> tuple[Floats, Floats]:
    """The parts of samples on a disk, or of normal samples with a truncated modulus.

    Args:
        ops: the framework's operations.
        law: "uniform" or "truncated_normal".
        radius: uniforms in [0, 1) for the modulus.
        angle: uniforms in [0, 1) for the argument, in turns.

    Returns:
        (real, imaginary), of the draw's real dtype.
    """
    if law.distribution == "uniform":
        modulus = ops.sqrt(radius * 2.0)
    else:
        modulus = ops.sqrt(-_log(ops, law, _complement(ops, law, radius)))
    turn = float(law.scale.dtype.type(2 * math.pi))
    cosine, sine = _cos_sin(ops, law, angle * turn)
    scale = float(law.scale)
    parts = (modulus * cosine) * scale, (modulus * sine) * scale
    smallest = flushed_below(law.scale.dtype, law.scale)
    if smallest:
        parts = tuple(ops.where((x < smallest) & (x > -smallest), x * 0.0, x) for x in parts)
    return parts


def _complement(ops: Ops, law: ComplexLaw, u: Floats) -> Floats:
    """1 - mass * u, in (exp(-4), 1]."""
    mass = _MASS[law.scale.dtype.itemsize]
    return ops.fma(u, -mass, 1.0) if law.fused else 1.0 - u * mass


def _log(ops: Ops, law: ComplexLaw, x: Floats) -> Floats:
    """The real part of XLA's complex log of x + 0j, 0 < x <= 1."""
    double = law.scale.dtype.itemsize == 8
    square = x * x
    error = _square_error(ops, x, square, double=double)
    below_one = square - 1.0
    total = below_one + error
    total = total + (error - (total - below_one))
    return ops.where(
        (total < 0.5) & (total > -0.5),
        log1p(ops, ops.minimum(total, 0.0), double=double, old=law.old_log1p) * 0.5,
        ops.c_library(math.log, x) if double else log_32(ops, x),
    )


def _square_error(ops: Ops, x: Floats, square: Floats, *, double: bool) -> Floats:
    """About x**2 - square, by Veltkamp's halves; fused in float32, not in float64."""
    splitter = _SPLITTERS[8 if double else 4]
    scaled = x * splitter
    if double:
        high = scaled + (x - scaled)
        low = x - high
        cross = high * low
        return (((high * high - square) + cross) + cross) + low * low
    high = scaled + ops.fma(x, -splitter, x)
    low = x - high
    error = ops.fma(high, high, -square)
    return ops.fma(low, low, ops.fma(high, low, ops.fma(high, low, error)))


def _cos_sin(ops: Ops, law: ComplexLaw, angle: Floats) -> tuple[Floats, Floats]:
    """Cosine and sine of angles in [0, 2 pi], as the C library has them."""
    if law.scale.dtype.itemsize == 8:
        return ops.c_library(math.cos, angle), ops.c_library(math.sin, angle)
    x = ops.cast(angle, np.dtype(np.float64))
    # The quadrant: (trunc(x * 2 / pi * 2**24) + 2**23) >> 24, by its thresholds.
    scaled = x * _TWO_OVER_PI
    quadrant = x * 0.0
    for start in range(1, 5):
        reached = scaled >= float((start << 24) - (1 << 23))
        quadrant = ops.where(reached, quadrant * 0.0 + float(start), quadrant)
    x = x - quadrant * _HALF_PI
    flipped = (quadrant == 2.0) | (quadrant == 3.0)
    square = x * x
    fourth = square * square
    signed = ops.where((quadrant == 1.0) | (quadrant == 2.0), -x, x)
    cube = square * signed
    sine = (signed + cube * _SINE[0]) + (cube * square) * (_SINE[1] + square * _SINE[2])
    low = _COSINE[0] + square * _COSINE[1]
    high = _COSINE[3] + square * _COSINE[4]
    cosine = (low + fourth * _COSINE[2]) + (fourth * square) * high
    cosine = ops.where(flipped, -cosine, cosine)
    odd = (quadrant == 1.0) | (quadrant == 3.0)
    single = np.dtype(np.float32)
    return (
        ops.cast(ops.where(odd, sine, cosine), single),
        ops.cast(ops.where(odd, cosine, sine), single),
    )
