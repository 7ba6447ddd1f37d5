"""From a distribution's parameters to a law: every constant computed and rounded as JAX does it.

Source: jax/_src/nn/initializers.py and jax/_src/random/core.py (0.10.2 and 0.12.0.1). `compiled`
chooses among JAX's own roundings, see `varscale.family.Family`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from types import NoneType
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np

from varscale.dtypes import COMPLEX
from varscale.numerics import ComplexLaw, Law
from varscale.numerics.arithmetic import Arithmetic
from varscale.numerics.draw import Distribution
from varscale.numerics.erf import RECIPROCAL_SQRT_2, erf_of_bound

__all__ = [
    "Distribution",
    "normal",
    "truncated_normal",
    "uniform",
    "uniform_between",
    "with_variance",
]

_P = ParamSpec("_P")
_L = TypeVar("_L", bound=Law | ComplexLaw)

#: Standard deviation of a standard normal truncated to (-2, 2):
#: scipy.stats.truncnorm.std(a=-2, b=2), as in jax/_src/nn/initializers.py.
TRUNCATED_STDDEV = 0.87962566103423978
#: The same for a complex normal whose modulus is truncated at 2 (jax/_src/nn/initializers.py).
COMPLEX_TRUNCATED_STDDEV = 0.95311164380491208


def _made_once(make: Callable[_P, _L]) -> Callable[_P, _L]:
    """Remember laws of plain numbers; not of zeros: 0.0 and -0.0 would be taken for each other."""
    remembered = cast(Callable[_P, _L], functools.lru_cache(maxsize=4096, typed=True)(make))

    @functools.wraps(make)
    def law(*arguments: _P.args, **named: _P.kwargs) -> _L:
        numbers = [one for one in arguments[1:] if type(one) not in (str, bool, NoneType)]
        if all(type(one) in (float, int) and one for one in numbers):
            return remembered(*arguments, **named)
        return make(*arguments, **named)

    return law


@_made_once
@np.errstate(all="ignore")
def uniform(dtype: np.dtype[Any], scale: float) -> Law:
    """Uniform in [0, scale)."""
    value = Arithmetic(dtype).value
    return Law(dtype, "uniform", (value(0), value(1)), value(scale))


@_made_once
@np.errstate(all="ignore")
def uniform_between(dtype: np.dtype[Any], minval: float, maxval: float) -> Law:
    """Uniform in [minval, maxval), as `jax.random.uniform` with bounds."""
    in_dtype = Arithmetic(dtype)
    zero, low, high = (in_dtype.value(number) for number in (0, minval, maxval))
    # No sample is -0.0 in JAX, of which the maximum of -0.0 and 0.0 is 0.0.
    return Law(dtype, "uniform", (in_dtype.add(low, zero), high), in_dtype.value(1))


@_made_once
@np.errstate(all="ignore")
def normal(dtype: np.dtype[Any], stddev: float, compiled: bool | None) -> Law | ComplexLaw:
    """Normal of mean 0; for a complex dtype, stddev is that of the modulus."""
    if dtype in COMPLEX:
        return _complex_normal(dtype, Arithmetic(_part(dtype)).value(stddev), compiled)
    return _normal(dtype, Arithmetic(dtype).value(stddev), compiled)


@_made_once
@np.errstate(all="ignore")
def truncated_normal(
    dtype: np.dtype[Any],
    stddev: float,
    lower: float,
    upper: float,
    compiled: bool | None,
) -> Law:
    """Normal restricted to (lower, upper), then multiplied by stddev."""
    scale = Arithmetic(dtype).value(stddev)
    return _truncated_normal(dtype, scale, (lower, upper), compiled)


@_made_once
@np.errstate(all="ignore")
def with_variance(
    dtype: np.dtype[Any],
    distribution: Distribution,
    variance: float,
    compiled: bool | None,
) -> Law | ComplexLaw:
    """Of mean 0 and this variance."""
    if dtype in COMPLEX:
        return _complex_with_variance(dtype, distribution, variance, compiled)
    in_dtype = Arithmetic(dtype)
    rounded = in_dtype.value(variance)
    if distribution == "uniform":
        limit = in_dtype.sqrt(in_dtype.multiply(in_dtype.value(3), rounded))
        interval = in_dtype.value(-1), in_dtype.value(1)
        return Law(dtype, "uniform", interval, limit)
    stddev = in_dtype.sqrt(rounded)
    if distribution == "normal":
        return _normal(dtype, stddev, compiled)
    stddev = in_dtype.divide(stddev, in_dtype.value(TRUNCATED_STDDEV))
    return _truncated_normal(dtype, stddev, (-2, 2), compiled)


def _normal(dtype: np.dtype[Any], stddev: Any, compiled: bool | None) -> Law:
    in_dtype = Arithmetic(dtype)
    interval = in_dtype.next_after(in_dtype.value(-1), 0.0), in_dtype.value(1)
    sqrt2 = in_dtype.value(math.sqrt(2))
    if compiled is False:
        return Law(dtype, "normal", interval, stddev, (sqrt2,), old_log1p=True)
    return Law(dtype, "normal", interval, in_dtype.multiply(sqrt2, stddev))


def _truncated_normal(
    dtype: np.dtype[Any],
    stddev: Any,
    bounds: tuple[float, float],
    compiled: bool | None,
) -> Law:
    in_dtype = Arithmetic(dtype)
    low, high = (in_dtype.value(bound) for bound in bounds)
    folded = compiled is True
    interval = erf_of_bound(low, folded=folded), erf_of_bound(high, folded=folded)
    clip = in_dtype.next_after(low, math.inf), in_dtype.next_after(high, -math.inf)
    return Law(
        dtype,
        "truncated_normal",
        interval,
        stddev,
        (in_dtype.value(math.sqrt(2)),),
        clip,
        old_log1p=compiled is False,
    )


def _complex_normal(dtype: np.dtype[Any], stddev: Any, compiled: bool | None) -> ComplexLaw:
    in_part = Arithmetic(_part(dtype))
    # Never folded; the division by sqrt(2) is a product, as XLA has it.
    part = replace(
        _normal(in_part.dtype, stddev, False),
        factors_before_clip=(in_part.value(math.sqrt(2)), in_part.value(RECIPROCAL_SQRT_2)),
        old_log1p=compiled is False,
    )
    return ComplexLaw(dtype, "normal", part, stddev)


def _complex_with_variance(
    dtype: np.dtype[Any],
    distribution: Distribution,
    variance: float,
    compiled: bool | None,
) -> ComplexLaw:
    in_part = Arithmetic(_part(dtype))
    stddev = in_part.sqrt(in_part.value(variance))
    if distribution == "normal":
        return _complex_normal(dtype, stddev, compiled)
    unit = uniform(in_part.dtype, 1.0)
    if distribution == "uniform":
        return ComplexLaw(dtype, "uniform", unit, stddev)
    correction = in_part.value(COMPLEX_TRUNCATED_STDDEV)
    fused = compiled is True
    if fused:  # compiled, XLA makes a product of a complex division by a constant
        stddev = in_part.multiply(stddev, in_part.divide(in_part.value(1), correction))
    else:
        stddev = in_part.divide(stddev, correction)
    if np.isinf(stddev):  # a complex infinity divided by a number is NaN
        stddev = in_part.value(math.nan)
    return ComplexLaw(dtype, "truncated_normal", unit, stddev, fused, old_log1p=compiled is False)


def _part(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of a complex dtype's parts."""
    return np.empty(0, dtype).real.dtype
