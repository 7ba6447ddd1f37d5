"""Uniform samples between two bounds, against `jax.random.uniform`."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import varscale
from tests.core.cases import SEEDS, random_cases
from tests.core.compare import agree, assert_identical
from tests.core.oracle import configured, jax
from varscale.initializers import UniformBetween

DTYPES = ("float32", "float64", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn")
BOUNDS = (
    (0.0, 1.0),
    (-1.0, 1.0),
    (-0.1, 0.1),
    (-(3**-0.5), 3**-0.5),
    (0.3, 0.7),
    (-5.0, -2.0),
    (1e6, 1e6 + 1),
    (1e-30, 2e-30),
    (-1e-39, 1e-39),
    (0.0, 5e-38),
    (-3e-38, 5e-38),
    (1.2e-38, 1.3e-38),
    (-1.3e-38, -1.2e-38),
    (-0.0, 0.0),
    (1.0, 1.0),
    (-3e38, 3e38),
)

#: Also such that differences, or samples, are too small for a normal number.
BOUND = st.one_of(st.floats(-100, 100, width=32), st.floats(-(2.0**-120), 2.0**-120, width=32))


def drawn(bounds: tuple[float, float], seed: int, shape: tuple[int, ...], dtype: str) -> object:
    draw = UniformBetween(*bounds).draw(seed, shape, dtype)
    return varscale.fill(draw, np.empty(shape, draw.dtype))


def by_jax(bounds: tuple[float, float], seed: int, shape: tuple[int, ...], dtype: str) -> object:
    key = jax.random.PRNGKey(seed)
    kind = jax.numpy.dtype(dtype)
    return np.asarray(jax.random.uniform(key, shape, kind, minval=bounds[0], maxval=bounds[1]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
def test_samples_are_those_of_jax(bounds: tuple[float, float], dtype: str) -> None:
    with configured(x64=dtype == "float64"):
        for shape in ((7, 33), (4099,), ()):
            want = by_jax(bounds, 3, shape, dtype)
            assert_identical(drawn(bounds, 3, shape, dtype), want, f"{bounds}, {shape}, {dtype}")


@random_cases(max_examples=40)
@hypothesis.given(
    bounds=st.tuples(*2 * [BOUND]).map(sorted).map(tuple),
    seed=SEEDS,
    dtype=st.sampled_from(DTYPES[:4]),
)
def test_random_bounds(bounds: tuple[float, float], seed: int, dtype: str) -> None:
    with configured(x64=dtype == "float64"):
        want = by_jax(bounds, seed, (64,), dtype)
        key = varscale.key(seed, x64=dtype == "float64")
    draw = UniformBetween(*bounds).draw(key, (64,), dtype)
    got = varscale.fill(draw, np.empty((64,), draw.dtype))
    agree(got, want, f"{bounds}, {seed}, {dtype}", exact=True)


@pytest.mark.parametrize(
    ("bounds", "error", "message"),
    [
        ((1.0, 0.5), ValueError, r"minval must not be above maxval, got 1\.0 and 0\.5"),
        ((float("nan"), 0.5), ValueError, "must not be above"),
        ((0.0, "1"), TypeError, "maxval must be a real number, got '1'"),
        ((0j, 1.0), TypeError, "minval must be a real number"),
    ],
)
def test_bounds_that_are_none(
    bounds: tuple[float, float], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        UniformBetween(*bounds)


def test_complex_dtypes_have_no_order() -> None:
    with pytest.raises(ValueError, match="dtype must be one of"):
        UniformBetween().draw(0, (3,), "complex64")
