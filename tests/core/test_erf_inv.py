"""From uniforms to samples: the arithmetic, on every value that exists, against the JAX here."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import varscale
from varscale.dtypes import FLOATS
from varscale.initializers import Normal, TruncatedNormal, Uniform, VarianceScaling
from varscale.numerics.erf_inv import erf_inv
from varscale.numerics.numpy_ops import NUMPY

from .cases import random_cases
from .compare import assert_identical, command, steps
from .counting import draw_all, jax_key, mantissa
from .oracle import EAGER, EXACT, LAW, VERSION, configured, jax

from hypothesis import example, given  # isort: skip
from hypothesis import strategies as st  # isort: skip

SINGLE = np.dtype(np.float32)
SHORT = [dtype for dtype in FLOATS if dtype.itemsize < 4]


@np.errstate(all="ignore")  # as in `fill`: 0 times infinity is computed, and not chosen
def own_erf_inv(x: np.ndarray) -> Any:
    return erf_inv(NUMPY, x, double=x.dtype == np.float64)


def check(got: Any, want: Any, case: str) -> None:
    """Identical to the reference; to an older JAX, as near as its law says."""
    if EXACT:
        assert_identical(got, want, case)
        return
    distance = steps(got, want)
    equal = float((distance == 0).mean())
    text = f"{case}: {equal:.6f} equal, at most {distance.max()} ulp; repeat with {command()}"
    print(text)
    assert equal >= LAW.equal, text
    assert distance.max() <= LAW.ulp, text


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        (np.nextafter(np.float32(-1), np.float32(0)), np.float32(1)),
        (-np.uint32(1064589848).view(np.float32), np.uint32(1064589848).view(np.float32)),
    ],
    ids=["normal", "truncated at 2"],
)
def test_erf_inv_equals_lax_erf_inv_on_every_uniform(lower: Any, upper: Any) -> None:
    got, want = np.empty(2**23, np.float32), np.empty(2**23, np.float32)
    for start in range(0, 2**23, 2**20):
        part = slice(start, start + 2**20)
        fraction = np.arange(start, start + 2**20, dtype=np.float32) * np.float32(2.0**-23)
        x = np.maximum(NUMPY.fma(fraction, float(upper - lower), float(lower)), lower)
        got[part] = own_erf_inv(x)
        with configured():
            want[part] = np.asarray(jax.lax.erf_inv(jax.numpy.asarray(x)))
    check(got, want, f"erf_inv from {lower!r} to {upper!r}")


@pytest.mark.parametrize(
    "name", ["normal", "truncated_normal", "uniform", "variance_scaling of normals"]
)
def test_every_float32_sample_is_that_of_jax(name: str) -> None:
    initializers = jax.nn.initializers
    reference, own = {
        "normal": (initializers.normal(0.02), Normal(0.02, compiled=EAGER)),
        "truncated_normal": (
            initializers.truncated_normal(0.7), TruncatedNormal(0.7, compiled=EAGER),
        ),
        "uniform": (initializers.uniform(0.3), Uniform(0.3)),
        "variance_scaling of normals": (
            initializers.variance_scaling(2.0, "fan_in", "normal"),
            VarianceScaling(2.0, "fan_in", "normal", compiled=EAGER),
        ),
    }[name]  # fmt: skip
    shape = (2**12, 2**11)
    with configured():
        want = np.asarray(reference(jax_key(SINGLE), shape, SINGLE))
    check(draw_all(own, shape, SINGLE), want, f"{name}, all 2**23 values")


@pytest.mark.parametrize("distribution", ["normal", "truncated_normal", "uniform"])
@pytest.mark.parametrize("dtype", SHORT, ids=str)
def test_every_sample_of_a_short_dtype_is_that_of_jax(dtype: Any, distribution: Any) -> None:
    shape = (2 ** mantissa(dtype), 1)
    for scale in (1.0, 0.3):
        own = VarianceScaling(scale, "fan_in", distribution, compiled=EAGER)
        reference = jax.nn.initializers.variance_scaling(scale, "fan_in", distribution)
        with configured():
            want = np.asarray(reference(jax_key(dtype), shape, dtype))
        got, case = draw_all(own, shape, dtype), f"{scale}, {distribution}, all of {dtype}"
        if EXACT or distribution == "uniform":
            assert_identical(got, want, case)
        else:
            assert steps(got, want).max() <= 1, f"{case}; repeat with {command()}"


@pytest.mark.parametrize("distribution", ["normal", "truncated_normal", "uniform"])
def test_a_million_float64_samples_are_those_of_jax(distribution: Any) -> None:
    shape, seed = (2**10, 2**10), int(np.random.default_rng().integers(2**32))
    own = varscale.numpy.variance_scaling(1.0, "fan_avg", distribution, compiled=EAGER)
    reference = jax.nn.initializers.variance_scaling(1.0, "fan_avg", distribution)
    with configured(x64=True):
        want = np.asarray(reference(jax.random.key(seed), shape, "float64"))
    got, case = own(seed, shape, "float64"), f"{distribution}, float64, seed {seed}"
    if distribution == "uniform":
        assert_identical(got, want, case)
    else:
        check(got, want, case)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_erf_inv_is_infinite_at_one(dtype: str) -> None:
    x = np.array([-1, 1, 0, -0.0], dtype)
    assert_identical(
        own_erf_inv(x), np.array([-np.inf, np.inf, 0, -0.0], dtype), "erf_inv(-1, 1, 0, -0)"
    )


def test_short_rows_of_the_newest_jax_are_within_2_ulp() -> None:
    # XLA's CPU compiler in jaxlib 0.12.0 rounds erf_inv in another way in rows of 3 to 6 elements:
    # of 2**21 rows of 4, 4.5 % of the values. In 0.10.2, and for other rows, all are equal.
    x = np.arange(1 - 2**22, 2**22 + 1, dtype=np.float32) * np.float32(2.0**-22 * 0.999)
    own = np.concatenate([own_erf_inv(part) for part in np.split(x, 8)])
    with configured():
        rows = np.asarray(jax.lax.erf_inv(jax.numpy.asarray(x.reshape(-1, 4)))).ravel()
        whole = np.asarray(jax.lax.erf_inv(jax.numpy.asarray(x)))
    check(own, whole, "erf_inv, one row")
    distance = steps(own, rows)
    equal = float((distance == 0).mean())
    text = f"rows of 4: {equal:.6f} equal, at most {distance.max()} ulp; repeat with {command()}"
    print(text)
    assert equal >= (0.95 if VERSION >= (0, 11) else LAW.equal), text
    assert distance.max() <= (2 if VERSION >= (0, 11) else LAW.ulp), text


def test_a_uniform_of_exactly_zero_is_drawn_without_a_warning() -> None:
    # The first element under this seed is the middle of 2**23 uniforms; warnings are errors here.
    assert varscale.numpy.truncated_normal()(5158431, (1,)).tolist() == [0.0]


# The fused multiply-add


def nearest(exact: Fraction, precision: int) -> float:
    """The float of so many significant bits that is nearest, ties to even; no range limits."""
    if not exact:
        return 0.0
    numerator, denominator = abs(exact).as_integer_ratio()
    exponent = numerator.bit_length() - denominator.bit_length()
    exponent -= abs(exact) < Fraction(2) ** exponent
    unit = Fraction(2) ** (exponent - precision + 1)
    return float(round(exact / unit) * unit)


def significands(precision: int) -> st.SearchStrategy[int]:
    top = 2**precision - 1
    few_bits = st.sets(st.integers(0, precision - 1), min_size=1, max_size=3)
    return (
        st.integers(1, top)
        | few_bits.map(lambda bits: sum(1 << bit for bit in bits))
        | few_bits.map(lambda bits: top - sum(1 << bit for bit in bits) or 1)
    )


@st.composite
def near_ties(draw: st.DrawFn, precision: int) -> tuple[float, float, float]:
    """Three floats a, b, c with a * b + c at, or a hair beside, the middle of two floats."""
    a, b = draw(significands(precision)), draw(significands(precision))
    sign = draw(st.sampled_from((1, -1)))
    product = a * b
    if draw(st.booleans()):
        # Complete the product to a tie, as far as a c of this precision can.
        spare = max(product.bit_length() - precision, 1)
        c = (1 << (spare - 1)) - product % (1 << spare)
        if abs(c).bit_length() > precision:
            c = sign
    else:
        c = sign * draw(significands(precision))
    shift = draw(st.integers(-2 * precision - 12, 8) | st.just(0))
    scale = draw(st.sampled_from((-precision, -30, -10, 0)))
    return (
        sign * math.ldexp(a, scale),
        math.ldexp(b, -precision),
        math.ldexp(c, scale - precision + shift),
    )  # fmt: skip


def check_fma(a: float, b: float, c: float, dtype: Any, precision: int) -> None:
    got = NUMPY.fma(np.array([a], dtype), np.array([b], dtype), np.array([c], dtype))
    assert got.dtype == dtype
    want = nearest(Fraction(a) * Fraction(b) + Fraction(c), precision)
    assert float(got[0]) == want, (
        f"fma({a.hex()}, {b.hex()}, {c.hex()}) in {dtype}: got {float(got[0]).hex()}, expected "
        f"{want.hex()}; repeat with {command()}"
    )


@random_cases(max_examples=250)
@given(near_ties(24))
@example((1.5, 1 + 2.0**-23, 2.0**-60))
@example((1.5, 1 + 2.0**-23, -(2.0**-60)))
def test_the_float32_fma_is_exact_beside_ties(numbers: tuple[float, float, float]) -> None:
    check_fma(*numbers, np.float32, 24)


@random_cases(max_examples=250)
@given(near_ties(53))
@example((1.5, 1 + 2.0**-52, 2.0**-120))
@example((1.5, 1 + 2.0**-52, -(2.0**-120)))
def test_the_float64_fma_is_exact_beside_ties(numbers: tuple[float, float, float]) -> None:
    check_fma(*numbers, np.float64, 53)


@pytest.mark.parametrize(("dtype", "precision"), [(np.float32, 24), (np.float64, 53)])
def test_the_fma_is_exact_on_a_spread_of_magnitudes(dtype: Any, precision: int) -> None:
    random = np.random.default_rng()
    a, b, c = np.ldexp(random.uniform(-1, 1, (3, 2000)), random.integers(-20, 20, (3, 2000)))
    for numbers in zip(*(values.astype(dtype).tolist() for values in (a, b, c)), strict=True):
        check_fma(*numbers, dtype, precision)
