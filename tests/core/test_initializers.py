"""The family of initializers against the installed JAX: values, exceptions and signatures.

Shapes come from a pool, because JAX compiles anew for each; everything else is drawn.
"""

from __future__ import annotations

import inspect
import math
import sys
from typing import Any, get_args

import ml_dtypes
import numpy as np
import pytest

import varscale
from varscale.dtypes import FLOATS
from varscale.family import FACTORIES
from varscale.initializers import Distribution, Mode

from .cases import SEEDS, random_cases, shapes
from .compare import agree, assert_identical, command, steps
from .oracle import EAGER, EXACT, VERSION, configured, is_reference, jax, outcome

from hypothesis import assume, example, given  # isort: skip
from hypothesis import strategies as st  # isort: skip

#: "fan_geo_avg" is in no JAX before 0.5.
MODES = tuple(mode for mode in get_args(Mode) if VERSION >= (0, 5) or mode != "fan_geo_avg")
DISTRIBUTIONS = get_args(Distribution)
FLOAT8 = [str(dtype) for dtype in FLOATS if dtype.itemsize == 1]
#: Factories whose values have several forms in JAX itself.
SEVERAL_FORMS = tuple(
    name
    for name in FACTORIES
    if "compiled" in inspect.signature(getattr(varscale.numpy, name)).parameters
)

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


def dtype_of(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name, name))


def own_factory(name: str, compiled: bool | None = EAGER) -> Any:
    """Varscale's factory, set to the form of values that is wanted."""
    factory = getattr(varscale.numpy, name)
    if name not in SEVERAL_FORMS:
        return factory
    return lambda *args, **kwargs: factory(*args, **kwargs, compiled=compiled)


def jax_draw(name: str, args: tuple[Any, ...], kwargs: Any, seed: int, *call: Any) -> Any:
    def run() -> Any:
        key = jax.random.key(seed, impl="threefry2x32")
        return getattr(jax.nn.initializers, name)(*args, **kwargs)(key, *call)

    with configured(x64="float64" in map(str, call)), np.errstate(all="ignore"):
        return outcome(run)


def own_draw(name: str, args: tuple[Any, ...], kwargs: Any, seed: int, *call: Any) -> Any:
    key = varscale.key(seed, x64="float64" in map(str, call))
    with np.errstate(over="ignore"):
        return outcome(lambda: own_factory(name)(*args, **kwargs)(key, *call))


def compare(
    name: str, args: tuple[Any, ...], kwargs: Any, seed: int, shape: Any, dtype: Any
) -> None:
    """Call both, and let them agree."""
    want = jax_draw(name, args, kwargs, seed, shape, dtype)
    got = own_draw(name, args, kwargs, seed, shape, dtype)
    text = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in kwargs.items())])
    case = f"{name}({text})({seed}, {shape!r}, {dtype!r})"
    if want is ZeroDivisionError:
        # Older than 0.12: zero-sized fans. The newest JAX gives an empty array.
        assert got.shape == tuple(shape), case
        return
    distribution = args[2] if name == "variance_scaling" else name
    agree(got, want, case, exact=is_reference(shape, dtype, distribution))


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


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "constant": (-1.25,),
    "variance_scaling": (1.5, "fan_out", "normal"),
}


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


# compiled=True


def jitted(name: str, args: tuple[Any, ...], kwargs: Any, seed: int, *call: Any) -> Any:
    init = getattr(jax.nn.initializers, name)(*args, **kwargs)
    with configured(x64="float64" in map(str, call)):
        key = jax.random.key(seed, impl="threefry2x32")
        return np.asarray(jax.jit(lambda key: init(key, *call))(key))


def form_under_jit(distribution: str, dtype: str) -> bool:
    """What `compiled=` must be for the values that this JAX has under jit."""
    if VERSION >= (0, 11) or distribution == "uniform":
        return True
    if dtype == "float64":
        if distribution == "normal":
            # Folded, but with the old log1p: a form that varscale has not.
            pytest.skip("not available: jax>=0.11")
        return False
    # XLA does not fold constants in what it computes in a wider dtype.
    return dtype != "bfloat16" or distribution != "normal"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_compiled_variance_scaling_is_that_of_jit(distribution: Any, dtype: str) -> None:
    compiled = form_under_jit(distribution, dtype)
    for scale, mode, shape in ((1.0, "fan_in", (33, 64)), (0.37, "fan_avg", (3, 3, 4, 8))):
        args = (scale, mode, distribution)
        got = own_factory("variance_scaling", compiled)(*args)(9, shape, dtype)
        want = jitted("variance_scaling", args, {}, 9, shape, dtype)
        agree(got, want, f"{args}, jit", exact=is_reference(shape, dtype, distribution))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize("name", ["normal", "truncated_normal"])
def test_compiled_normals_are_those_of_jit(name: str, dtype: str) -> None:
    compiled = form_under_jit(name, dtype)
    for stddev in (1.0, 0.02):
        got = own_factory(name, compiled)(stddev)(10, (33, 64), dtype)
        want = jitted(name, (stddev,), {}, 10, (33, 64), dtype)
        agree(got, want, f"{name}({stddev}), jit", exact=EXACT)


def test_compiled_bounds_are_mostly_those_of_jit() -> None:
    if not EXACT:
        pytest.skip("not available: jax>=0.10")
    # XLA folds the bounds with a libm of its own: a bound may be one float32 away.
    equal, ulp = [], []
    for lower, upper in ((-1.0, 1.0), (-3.0, 3.0), (-0.5, 2.5), (0.0, math.inf), (-1.7, 0.3)):
        kwargs = {"lower": lower, "upper": upper}
        want = jitted("truncated_normal", (1.0,), kwargs, 11, (64, 64), "float32")
        got = own_factory("truncated_normal", True)(1.0, **kwargs)(11, (64, 64), "float32")
        middle = np.abs(want) > 0.01  # near zero one step of a bound is many of a sample
        distance = steps(got, want)[middle]
        equal.append(float((distance == 0).mean()))
        ulp.append(int(distance.max()))
    text = f"equal {equal}, ulp {ulp}; repeat with {command()}"
    print(text)
    assert np.mean(equal) > 0.7, text
    assert max(ulp) <= 64, text


# Orthogonal


def qr_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `import scipy.linalg` fail."""
    monkeypatch.setitem(sys.modules, "scipy.linalg", None)


ORTHOGONAL = [
    ("orthogonal", (), (7, 7)), ("orthogonal", (1.7,), (9, 4)), ("orthogonal", (), (8, 19)),
    ("orthogonal", (2.0, 0), (7, 9)), ("orthogonal", (1.0, 1), (3, 8, 4)),
    ("orthogonal", (), (1, 1)),
    ("orthogonal", (), (0, 3)), ("orthogonal", (), (64, 33)),
    ("delta_orthogonal", (), (3, 7, 9)), ("delta_orthogonal", (0.5,), (2, 3, 8, 8)),
    ("delta_orthogonal", (1.0, 0), (3, 1, 2, 7, 7)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "shape"), ORTHOGONAL, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_orthogonal_with_scipy_is_that_of_jax(
    name: str, args: tuple[Any, ...], shape: tuple[int, ...], dtype: str
) -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
    if not EXACT:
        pytest.skip("not available: jax>=0.10")
    want, got = (draw(name, args, {}, 3, shape, dtype) for draw in (jax_draw, own_draw))
    columns = shape[-1] if name == "delta_orthogonal" else shape[args[1] if len(args) > 1 else -1]
    rows = shape[-2] if name == "delta_orthogonal" else math.prod(shape) // max(columns, 1)
    if is_reference((min(rows, columns),), dtype, "normal"):
        assert_identical(got, want, f"{name}{args}, {shape}")
    else:
        assert np.abs(got - want).max(initial=0) <= 2e-6, f"{name}{args}, {shape}: {command()}"


@pytest.mark.parametrize(("name", "args", "shape"), ORTHOGONAL, ids=str)
def test_orthogonal_without_scipy_is_within_2e_6_of_jax(
    monkeypatch: pytest.MonkeyPatch, name: str, args: tuple[Any, ...], shape: tuple[int, ...]
) -> None:
    if VERSION < (0, 10) and 0 in shape:
        pytest.skip("not available: jax>=0.10")
    want = jax_draw(name, args, {}, 3, shape, "float32")
    qr_free(monkeypatch)
    got = own_draw(name, args, {}, 3, shape, "float32")
    assert got.shape == want.shape
    scale = args[0] if args else 1.0
    error = float(np.abs(got - want).max(initial=0)) / scale
    assert error <= 2e-6, f"{name}{args} {shape}: {error}; repeat with {command()}"


# Exceptions


def lecun(*call: Any) -> tuple[Any, ...]:
    return "lecun_normal", (), {}, *call


ERRORS: dict[str, tuple[Any, ...]] = {
    "unknown mode": ("variance_scaling", (1.0, "fan_inn", "normal"), {}, (3, 4), "float32"),
    "unknown distribution": ("variance_scaling", (1.0, "fan_in", "nor"), {}, (3, 4), "float32"),
    "scale of a string": ("variance_scaling", ("a", "fan_in", "normal"), {}, (3, 4), "float32"),
    "scale None": ("variance_scaling", (None, "fan_in", "normal"), {}, (3, 4), "float32"),
    "rank 0": lecun((), "float32"),
    "rank 1": lecun((5,), "float32"),
    "negative size": lecun((-1, 3), "float32"),
    "fractional size": lecun((2.0, 3), "float32"),
    "shape of a string": lecun("ab", "float32"),
    "shape None": lecun(None, "float32"),
    "size None": lecun((3, None), "float32"),
    "dtype int32": lecun((3, 4), "int32"),
    "dtype bool": lecun((3, 4), "bool"),
    "dtype uint8, uniform": ("uniform", (), {}, (3, 4), "uint8"),
    "dtype int32, normal": ("normal", (), {}, (3, 4), "int32"),
    "dtype complex64, uniform": ("uniform", (), {}, (3, 4), "complex64"),
    "dtype complex64, truncated": ("truncated_normal", (), {}, (3, 4), "complex64"),
    "dtype unknown": lecun((3, 4), "nope"),
    "in_axis": ("lecun_normal", (2,), {}, (3, 4), "float32"),
    "in_axis in a tuple": ("lecun_normal", ((0, 2),), {}, (3, 4), "float32"),
    "in_axis None": ("lecun_normal", (None,), {}, (3, 4), "float32"),
    "in_axis 1.0": ("lecun_normal", (1.0,), {}, (3, 4), "float32"),
    "out_axis": ("he_uniform", (-2, -3), {}, (3, 4), "float32"),
    "batch_axis": ("glorot_uniform", (), {"batch_axis": 5}, (3, 4), "float32"),
    "constant that does not broadcast": ("constant", (np.arange(3),), {}, (3, 4), "float32"),
    "constant None": ("constant", (None,), {}, (3, 4), "float32"),
    "constant of a list": ("constant", ([1, 2, 3, 4],), {}, (3, 4), "float32"),
    "orthogonal of rank 1": ("orthogonal", (), {}, (3,), "float32"),
    "orthogonal of float16": ("orthogonal", (), {}, (3, 4), "float16"),
    "orthogonal of int32": ("orthogonal", (), {}, (3, 4), "int32"),
    "column_axis": ("orthogonal", (1.0, 2), {}, (3, 4), "float32"),
    "column_axis None": ("orthogonal", (1.0, None), {}, (3, 4), "float32"),
    "delta_orthogonal of rank 2": ("delta_orthogonal", (), {}, (3, 4), "float32"),
    "delta_orthogonal of rank 6": ("delta_orthogonal", (), {}, (1, 1, 1, 1, 3, 4), "float32"),
    "delta_orthogonal, fans": ("delta_orthogonal", (), {}, (3, 4, 3), "float32"),
    "too many arguments": ("lecun_normal", (1, 2, 3, 4, 5, 6), {}, (3, 4), "float32"),
    "unknown argument": ("uniform", (), {"stddev": 1.0}, (3, 4), "float32"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_jax_refuses_is_refused_with_its_type(case: str) -> None:
    if VERSION < (0, 10):
        pytest.skip("not available: jax>=0.10")
    name, args, kwargs, *call = ERRORS[case]
    want = jax_draw(name, args, kwargs, 0, *call)
    if case == "orthogonal of float16" and VERSION >= (0, 11):
        assert want is TypeError  # NotImplementedError up to 0.10, as ours
        want = NotImplementedError
    assert isinstance(want, type), f"{case}: JAX gives {want!r}"
    got = own_draw(name, args, kwargs, 0, *call)
    assert got is want, f"{case}: got {got!r}, JAX {want}; repeat with {command()}"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda init: init.variance_scaling(1.0, "fan_inn", "normal"),
            ValueError,
            "mode must be 'fan_in', 'fan_out', 'fan_avg' or 'fan_geo_avg', got 'fan_inn'",
        ),
        (
            lambda init: init.variance_scaling(1.0, "fan_in", "nor"),
            ValueError,
            "distribution must be 'truncated_normal', 'normal' or 'uniform', got 'nor'",
        ),
        (
            lambda init: init.variance_scaling(-1.0, "fan_in", "normal"),
            ValueError,
            "scale must be >= 0, got -1.0",
        ),
        (
            lambda init: init.variance_scaling(math.nan, "fan_in", "normal"),
            ValueError,
            "scale must be >= 0, got nan",
        ),
        (
            lambda init: init.truncated_normal(1.0, lower=2, upper=-2),
            ValueError,
            "lower must be below upper, got 2 and -2",
        ),
        (
            lambda init: init.truncated_normal(1.0, lower=math.nan),
            ValueError,
            "lower must be below upper, got nan and 2.0",
        ),
        (
            lambda init: init.lecun_normal(in_axis=1.5),
            TypeError,
            "in_axis must be an integer or several, got 1.5",
        ),
        (lambda init: init.uniform("a"), TypeError, "scale must be a real number, got 'a'"),
        (
            lambda init: init.uniform()(0, (2, -1)),
            TypeError,
            "shape must not have negative sizes, got (2, -1)",
        ),
        (
            lambda init: init.uniform()(0, (2.5,)),
            TypeError,
            "shape must be a sequence of integers, got (2.5,)",
        ),
        (
            lambda init: init.delta_orthogonal()(0, (2, 2)),
            ValueError,
            "shape must be 3-D, 4-D or 5-D for delta_orthogonal, got (2, 2)",
        ),
        (
            lambda init: init.orthogonal()(0, (2,)),
            ValueError,
            "shape must be at least 2-D for orthogonal, got (2,)",
        ),
    ],
)
def test_the_message_names_the_argument(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error) as raised:
        call(varscale.numpy)
    assert str(raised.value) == message


def test_the_exponent_only_float8_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^dtype must be one of .*; got float8_e8m0fnu$"):
        varscale.numpy.uniform()(0, (2,), "float8_e8m0fnu")


# Signatures


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    return [
        (one.name, one.kind, one.default)
        for one in inspect.signature(function).parameters.values()
        if one.name != "compiled"
    ]


@pytest.mark.parametrize("name", FACTORIES)
def test_each_factory_has_the_signature_of_jax(name: str) -> None:
    want, got = (parameters(getattr(m, name)) for m in (jax.nn.initializers, varscale.numpy))
    if VERSION < (0, 10):
        # The default dtype was `jnp.float_` there.
        want, got = ([(one[0], one[1]) for one in both] for both in (want, got))
    assert got == want, f"{name}: repeat with {command()}"


@pytest.mark.parametrize("name", SEVERAL_FORMS)
def test_compiled_is_by_keyword_only_and_none_by_default(name: str) -> None:
    parameter = inspect.signature(getattr(varscale.numpy, name)).parameters["compiled"]
    assert (parameter.kind, parameter.default) == (inspect.Parameter.KEYWORD_ONLY, None)


def test_every_initializer_of_jax_is_here() -> None:
    public = {name for name in dir(jax.nn.initializers) if name[0] != "_"} - {"Initializer"}
    assert public == {*FACTORIES, "zeros", "ones"}


def test_an_initializer_is_called_as_in_jax() -> None:
    want = list(inspect.signature(jax.nn.initializers.zeros).parameters)[:3]
    got = list(inspect.signature(type(varscale.numpy.zeros).__call__).parameters)[1:4]
    assert got == want == ["key", "shape", "dtype"]
    init = varscale.numpy.uniform()
    assert_identical(init(key=1, shape=(3,), dtype="float16"), init(1, (3,), "float16"), "keywords")


@pytest.mark.parametrize("name", FACTORIES)
def test_arguments_by_position_and_by_name_mean_the_same(name: str) -> None:
    names = [one for one, _, _ in parameters(getattr(jax.nn.initializers, name))]
    values = {
        "scale": 3.0, "mode": "fan_out", "distribution": "uniform", "in_axis": 0, "out_axis": 1,
        "batch_axis": (2,), "dtype": "float16", "stddev": 0.5, "lower": -1.0, "upper": 1.5,
        "value": 4, "column_axis": 1,
    }  # fmt: skip
    factory = getattr(varscale.numpy, name)
    by_name = {one: values[one] for one in names}
    assert factory(*by_name.values()) == factory(**by_name), f"{name}({by_name})"
