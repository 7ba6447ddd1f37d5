"""How the initializers are called, and what they refuse: JAX's signatures and exceptions."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

import varscale
from varscale.family import FACTORIES

from .compare import assert_identical, command
from .factories import SEVERAL_FORMS, jax_draw, own_draw
from .oracle import VERSION, jax

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
