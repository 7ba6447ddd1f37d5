"""The inverse error function, with the roundings of XLA's CPU compiler.

Polynomials: Giles, "Approximating the erfinv function" (GPU Computing Gems, 2011), the single and
double precision versions, as in XLA's `erf_inv`. log1p: Cephes (`log1p.c`, `logf.c`), as XLA has
it. Which products are fused into which sums was read from the code that jaxlib 0.10.2 emits, and is
checked on all 2**23 float32 inputs that a normal draw can have.

Constants of float32 are Python floats that are float32 values, so that no framework rounds them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from varscale.numerics.ops import Floats, Ops

__all__ = ["erf_inv", "log1p", "log_32"]


def _single(*values: float) -> tuple[float, ...]:
    return tuple(float(np.float32(value)) for value in values)


# Giles, single precision: w < 5, and the tail in sqrt(w) - 3; highest power first.
_CENTRAL_32 = _single(
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_TAIL_32 = _single(
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
    -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip
# Giles, double precision: w < 6.25; sqrt(w) - 3.25 for w < 16; sqrt(w) - 5.
_CENTRAL_64 = (
    -3.64441206401782e-21, -1.6850591381820166e-19, 1.28584807152564e-18, 1.1157877678025181e-17,
    -1.333171662854621e-16, 2.0972767875968562e-17, 6.637638134358324e-15, -4.054566272975207e-14,
    -8.151934197605472e-14, 2.6335093153082323e-12, -1.2975133253453532e-11,
    -5.415412054294628e-11, 1.0512122733215323e-09, -4.112633980346984e-09,
    -2.9070369957882005e-08, 4.2347877827932404e-07, -1.3654692000834679e-06,
    -1.3882523362786469e-05, 0.00018673420803405714, -0.000740702534166267,
    -0.006033670871430149, 0.24015818242558962, 1.6536545626831027,
)  # fmt: skip
_MIDDLE_64 = (
    2.2137376921775787e-09, 9.075656193888539e-08, -2.7517406297064545e-07,
    1.8239629214389228e-08, 1.5027403968909828e-06, -4.013867526981546e-06,
    2.9234449089955446e-06, 1.2475304481671779e-05, -4.7318229009055734e-05,
    6.828485145957318e-05, 2.4031110387097894e-05, -0.0003550375203628475,
    0.0009532893797373805, -0.0016882755560235047, 0.002491442096107851, -0.003751208507569241,
    0.005370914553590064, 1.0052589676941592, 3.0838856104922208,
)  # fmt: skip
_TAIL_64 = (
    -2.7109920616438573e-11, -2.555641816996525e-10, 1.5076572693500548e-09,
    -3.789465440126737e-09, 7.61570120807834e-09, -1.496002662714924e-08, 2.914795345090108e-08,
    -6.771199775845234e-08, 2.2900482228026655e-07, -9.9298272942317e-07, 4.526062597223154e-06,
    -1.968177810553167e-05, 7.599527703001776e-05, -0.00021503011930044477,
    -0.00013871931833623122, 1.0103004648645344, 4.849906401408584,
)  # fmt: skip
# Cephes' rational for log1p on |x| < sqrt(2) - 1: x - x**2 / 2 + x**3 * P(x) / Q(x).
_LOG1P_P = (
    4.52700008624452e-05, 0.49854102823193375, 6.578732594206104, 29.911919328553072,
    60.94966798098779, 57.11296359058554, 20.039553499201283,
)  # fmt: skip
_LOG1P_Q = (
    1.0, 15.062909083469192, 83.04756596796722, 221.76239823732857, 309.09872225312057,
    216.42788614495947, 60.11866049760384,
)  # fmt: skip
_LOG1P_P_32, _LOG1P_Q_32 = _single(*_LOG1P_P), _single(*_LOG1P_Q)
# Where the rational serves: above 1 - sqrt(2); since jaxlib 0.12, for float64, from
# sqrt(1/2) - 1 on (bits 0xBFD2BEC333018868).
(_LOG1P_BOUND_32,) = _single(-0.41421356237309503)
_LOG1P_OLD_BOUND_64 = -0.41421356237309503
_LOG1P_BOUND_64 = float.fromhex("-0x1.2bec333018868p-2")
# Cephes' logf: log(1 + t) = t - t**2 / 2 + t**3 * R(t); R in three interleaved parts.
_LOG_R = (
    _single(0.070376836292, -0.1151461031, 0.116769987),
    _single(-0.12420140846, 0.14249322787, -0.16668057665),
    _single(0.20000714765, -0.24999993993, 0.33333331174),
)
# log(2) in two parts, the first exact in few bits (Cephes).
_LOG_2_HIGH, _LOG_2_LOW = _single(0.693359375, -2.12194440e-4)
(_SQRT_HALF,) = _single(0.707106781186547524)


def erf_inv(ops: Ops, x: Floats, *, double: bool, old_log1p: bool = False) -> Floats:
    """The inverse error function for -1 <= x <= 1; +-1 give +-inf.

    Args:
        ops: the framework's operations.
        x: float32, or float64 if `double`.
        double: which of the two functions.
        old_log1p: for float64, where log1p changes its form, as in jaxlib <= 0.10.
    """
    y = -(x * x)
    log = log1p(ops, y, double=double, old=old_log1p)
    factor = _factor_64(ops, log) if double else _factor_32(ops, log)
    return ops.where((x == 1) | (x == -1), x * float("inf"), factor * x)


def _factor_32(ops: Ops, log: Floats) -> Floats:
    return ops.branch(
        log > -5.0,
        lambda log: _horner(ops, _CENTRAL_32, -2.5 - log),
        lambda log: _horner(ops, _TAIL_32, ops.sqrt(-log) - 3.0),
        log,
    )


def _factor_64(ops: Ops, log: Floats) -> Floats:
    return ops.branch(
        log > -6.25,
        lambda log: _horner(ops, _CENTRAL_64, -3.125 - log),
        lambda log: ops.branch(
            log > -16.0,
            lambda log: _horner(ops, _MIDDLE_64, ops.sqrt(-log) - 3.25),
            lambda log: _horner(ops, _TAIL_64, ops.sqrt(-log) - 5.0),
            log,
        ),
        log,
    )


def log1p(ops: Ops, x: Floats, *, double: bool, old: bool) -> Floats:
    """log(1 + x) for -1 <= x <= 0; any number for -1.

    Args:
        ops: the framework's operations.
        x: float32, or float64 if `double`.
        double: which of the two functions.
        old: for float64, as in jaxlib <= 0.10.
    """
    if not double:
        return ops.branch(
            x > _LOG1P_BOUND_32,
            lambda x: _log1p_rational(ops, x, _LOG1P_P_32, _LOG1P_Q_32),
            lambda x: log_32(ops, x + 1.0),
            x,
        )
    return ops.branch(
        x > _LOG1P_OLD_BOUND_64 if old else x >= _LOG1P_BOUND_64,
        lambda x: _log1p_rational(ops, x, _LOG1P_P, _LOG1P_Q),
        lambda x: ops.c_library(math.log, ops.maximum(x + 1.0, 1e-300)),
        x,
    )


def _log1p_rational(ops: Ops, x: Floats, p: Sequence[float], q: Sequence[float]) -> Floats:
    quotient = _horner(ops, p, x) / _horner(ops, q, x)
    square = x * x
    return x + ops.fma(square, -0.5, (x * square) * quotient)


def log_32(ops: Ops, x: Floats) -> Floats:
    """log(x) for positive normal x, float32; any number for x = 0."""
    mantissa, exponent = ops.frexp(x)
    small = mantissa < _SQRT_HALF
    exponent = ops.where(small, exponent - 1.0, exponent)
    t = (mantissa - 1.0) + ops.where(small, mantissa, mantissa * 0.0)
    square = t * t
    cube = square * t
    first, second, third = (
        ops.fma(ops.fma(t, high, middle), t, low) for high, middle, low in _LOG_R
    )
    r = ops.fma(ops.fma(first, cube, second), cube, third)
    correction = ops.fma(r, cube, exponent * _LOG_2_LOW)
    return ops.fma(exponent, _LOG_2_HIGH, ops.fma(square, -0.5, t) + correction)


def _horner(ops: Ops, coefficients: Sequence[float], x: Floats) -> Floats:
    """The polynomial with these coefficients, highest power first; one rounding per step."""
    leading, second, *rest = coefficients
    result = ops.fma(x, leading, second)
    for coefficient in rest:
        result = ops.fma(result, x, coefficient)
    return result
