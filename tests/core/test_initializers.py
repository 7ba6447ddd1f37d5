"""The family of initializers against the installed JAX: values.

Shapes come from a pool, because JAX compiles anew for each; everything else is drawn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import varscale
from varscale.dtypes import FLOATS
from varscale.family import FACTORIES

from .cases import SEEDS, random_cases, shapes
from .compare import agree, assert_identical
from .factories import ARGUMENTS, DISTRIBUTIONS, MODES, compare, own_factory
from .oracle import EXACT, VERSION, configured, is_reference, jax, outcome

from hypothesis import assume, example, given  # isort: skip
from hypothesis import strategies as st  # isort: skip

FLOAT8 = [str(dtype) for dtype in FLOATS if dtype.itemsize == 1]

#: dtype: (number of cases, shapes).
POOL: dict[str, tuple[int, tuple[tuple[int, ...], ...]]] = {
    "float32": (
        110,
        (
            (), (0,), (3, 7), (0, 4), (2, 3, 9), (2, 1, 3, 2, 7), (257, 257),
        ),
    ),
    "float16": (30, ((), (0, 4), (2, 3, 7))),
    "bfloat16": (30, ((), (0, 4), (2, 3, 7))),
    "float64": (30, ((), (0, 4), (2, 3, 7))),
    **dict.fromkeys(FLOAT8, (8, ((2, 3, 7),))),
}  # fmt: skip

#: Mostly numbers of every size, some at the ends of the short dtypes' ranges.
SCALES = (
    st.floats(1e-3, 1e3)
    | st.floats(0.1, 10).map(np.float32)
    | st.integers(1, 9)
    | st.sampled_from((0, True, 1e-30, 1e-38, 1e-39, 1e-45, 1e-70, 1e-320, 1e30))
)
#: Axes of any kind, mostly wrong.
ANY_AXES = st.integers(-3, 2) | st.lists(st.integers(-3, 2), max_size=3).map(tuple)


@st.composite
def some_axes(draw: st.DrawFn, rank: int) -> dict[str, Any]:
    """Axes of a weights array: the default ones, any that differ, or any at all."""
    kind = draw(st.sampled_from(("default", "right", "right", "right", "any")))
    names = ("in_axis", "out_axis", "batch_axis")
    if kind == "any" or (kind == "right" and not rank):
        return {name: draw(ANY_AXES) for name in names}
    if kind == "default" and rank > 1:
        return {}
    left = list(draw(st.permutations(range(rank))))
    axes: dict[str, Any] = {}
    for name in names:
        taken = [left.pop() for _ in range(draw(st.integers(0, min(2, len(left)))))]
        taken = [axis - rank * draw(st.booleans()) for axis in taken]
        axes[name] = taken[0] if len(taken) == 1 and draw(st.booleans()) else tuple(taken)
    return axes


# variance_scaling


@pytest.mark.parametrize("dtype", POOL)
def test_variance_scaling_is_that_of_jax(dtype: str) -> None:
    examples, pool = POOL[dtype]

    @random_cases(max_examples=examples)
    @given(
        seed=SEEDS,
        case=st.sampled_from(pool).flatmap(lambda s: st.tuples(st.just(s), some_axes(len(s)))),
        scale=SCALES,
        mode=st.sampled_from(MODES),
        distribution=st.sampled_from(DISTRIBUTIONS),
    )
    def check(seed: int, case: Any, scale: Any, mode: str, distribution: str) -> None:
        shape, axes = case
        # Before 0.10, JAX refuses every array of rank <= 1.
        assume(VERSION >= (0, 10) or len(shape) > 1)
        compare("variance_scaling", (scale, mode, distribution), axes, seed, shape, dtype)

    check()


@random_cases(max_examples=5)
@given(
    seed=SEEDS,
    shape=shapes(min_dims=2, min_side=1),
    mode=st.sampled_from(MODES),
    distribution=st.sampled_from(DISTRIBUTIONS),
)
def test_variance_scaling_of_any_shape_is_that_of_jax(
    seed: int, shape: tuple[int, ...], mode: str, distribution: str
) -> None:
    compare("variance_scaling", (1.0, mode, distribution), {}, seed, shape, "float32")


def test_a_legacy_key_draws_what_legacy_jax_draws() -> None:
    for distribution in DISTRIBUTIONS:
        init = jax.nn.initializers.variance_scaling(2.0, "fan_in", distribution)
        own = own_factory("variance_scaling")(2.0, "fan_in", distribution)
        for dtype in ("float32", "bfloat16"):
            with configured(partitionable=False):
                want = outcome(lambda: init(jax.random.key(5), (3, 5, 7), dtype))  # noqa: B023
            got = own(varscale.key(5, partitionable=False), (3, 5, 7), dtype)
            exact = is_reference((3, 5, 7), dtype, distribution)
            agree(got, want, f"{distribution}, {dtype}, legacy", exact=exact)


# The other factories


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", FACTORIES)
def test_each_factory_is_that_of_jax(name: str, dtype: str) -> None:
    if "orthogonal" in name:
        pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
        dtype = {"bfloat16": "float64"}.get(dtype, dtype)
        if not EXACT:
            pytest.skip("not available: jax>=0.10")
    compare(name, ARGUMENTS.get(name, ()), {}, 42, (3, 5, 8), dtype)


@pytest.mark.parametrize("name", FACTORIES)
def test_without_a_dtype_each_factory_makes_float32_as_jax_does(name: str) -> None:
    arguments = ARGUMENTS.get(name, ())
    with configured():
        want = getattr(jax.nn.initializers, name)(*arguments)(jax.random.key(0), (3, 4, 6))
    assert own_factory(name)(*arguments)(0, (3, 4, 6)).dtype == want.dtype == np.float32


@pytest.mark.parametrize("name", FACTORIES)
def test_the_dtype_of_the_factory_holds_where_the_call_names_none(name: str) -> None:
    dtype = "float64" if "orthogonal" in name else "float16"
    init = own_factory(name)(*ARGUMENTS.get(name, ()), dtype=dtype)
    assert init(0, (3, 4, 6)).dtype == np.dtype(dtype)
    assert init(0, (3, 4, 6), "float32").dtype == np.float32


@pytest.mark.parametrize("name", ["zeros", "ones"])
@pytest.mark.parametrize(
    "dtype", ["float32", "bfloat16", "int8", "bool", "complex64", "float8_e5m2"]
)
def test_zeros_and_ones_are_those_of_jax(name: str, dtype: str) -> None:
    for shape in ((), (0, 3), (2, 3)):
        with configured():
            want = outcome(lambda: getattr(jax.nn.initializers, name)(None, shape, dtype))  # noqa: B023
        assert_identical(getattr(varscale.numpy, name)(0, shape, dtype), want, f"{name}, {shape}")


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        2.5,
        True,
        math.inf,
        -0.0,
        math.nan,
        1e-40,
        np.float32(1.1),
        np.arange(4),
        np.ones((3, 1)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "complex64", "float8_e5m2"])
def test_constants_are_those_of_jax(value: Any, dtype: str) -> None:
    if dtype == "bfloat16" and isinstance(value, float) and value == 1e-40:
        if VERSION < (0, 5):
            pytest.skip("not available: jax>=0.5")  # subnormals were not flushed there
        # Nor are they where XLA has no instruction for the conversion.
        converted = jax.numpy.asarray(value, "float32").astype("bfloat16")
        if np.asarray(converted).view("uint16") != 0:
            pytest.skip("not available: avx512_bf16")
    compare("constant", (value,), {}, 0, (3, 4), dtype)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64", "float8_e4m3fn"])
def test_uniform_of_any_scale_is_that_of_jax(dtype: str) -> None:
    @random_cases(max_examples=25)
    @given(seed=SEEDS, scale=SCALES | SCALES.map(lambda scale: -scale))
    @example(seed=0, scale=1e-37)
    @example(seed=0, scale=1.2e-38)
    @example(seed=0, scale=-1e-39)
    @example(seed=0, scale=1e-45)
    @example(seed=0, scale=1e-310)
    @example(seed=0, scale=1e30)
    def check(seed: int, scale: Any) -> None:
        compare("uniform", (scale,), {}, seed, (3, 7), dtype)

    check()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64", "float8_e4m3fn"])
def test_normal_of_any_stddev_is_that_of_jax(dtype: str) -> None:
    @random_cases(max_examples=25)
    @given(seed=SEEDS, stddev=SCALES | SCALES.map(lambda scale: -scale))
    @example(seed=0, stddev=1e-37)
    @example(seed=0, stddev=1.2e-38)
    @example(seed=0, stddev=-1e-39)
    @example(seed=0, stddev=1e-45)
    @example(seed=0, stddev=1e-310)
    @example(seed=0, stddev=1e30)
    def check(seed: int, stddev: Any) -> None:
        compare("normal", (stddev,), {}, seed, (3, 7), dtype)

    check()


#: Bounds in steps of 2**-14, that is 0 or clear of the subnormals of every dtype but float8.
BOUNDS = st.tuples(
    st.integers(-(2**17), 2**17).map(lambda n: n / 2**14) | st.sampled_from((-math.inf, -2.0, 0.0)),
    st.integers(-(2**17), 2**17).map(lambda n: n / 2**14) | st.sampled_from((math.inf, 2.0, 0.0)),
).filter(lambda pair: pair[0] < pair[1])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64", "float8_e4m3fn"])
def test_truncated_normal_between_any_bounds_is_that_of_jax(dtype: str) -> None:
    if not EXACT:
        pytest.skip("not available: jax>=0.10")

    @random_cases(max_examples=60)
    @given(seed=SEEDS, stddev=SCALES, bounds=BOUNDS)
    @example(seed=0, stddev=1.0, bounds=(-2.0, 2.0))
    @example(seed=0, stddev=1.0, bounds=(-math.inf, math.inf))
    @example(seed=0, stddev=1.0, bounds=(3.0, 4.0))
    @example(seed=0, stddev=1.0, bounds=(-8.5, -6.0))
    def check(seed: int, stddev: Any, bounds: tuple[float, float]) -> None:
        kwargs = {"lower": bounds[0], "upper": bounds[1]}
        compare("truncated_normal", (stddev,), kwargs, seed, (3, 7), dtype)

    check()
