"""`init(key, shape, dtype)` against the installed JAX: every factory, every dtype."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from tests.core.cases import random_cases
from tests.core.compare import agree, assert_identical
from tests.core.oracle import configured, jax
from tests.numpy.calls import Call, calls

from hypothesis import given  # isort: skip

from varscale import numpy as door
from varscale.family import FACTORIES


@random_cases(max_examples=60)
@given(call=calls())
def test_what_is_drawn_is_what_jax_draws(call: Call) -> None:
    got = call.of(door)
    assert got.flags.c_contiguous
    assert got.flags.writeable
    agree(got, call.of_jax(), str(call), exact=call.exact)


@pytest.mark.parametrize(
    "call",
    [
        Call("orthogonal", (), (4, 6)),
        Call("orthogonal", (("scale", 0.5), ("column_axis", 0)), (2, 3, 4), "float64", (3, 1)),
        Call("delta_orthogonal", (("scale", 2.0),), (3, 2, 3, 4)),
    ],
    ids=lambda call: f"{call.name}, {call.shape}",
)
def test_orthogonal_matrices_are_those_of_jax(call: Call) -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
    assert_identical(call.of(door), call.of_jax(), str(call))


@pytest.mark.parametrize("name", FACTORIES)
def test_signatures_are_those_of_jax(name: str) -> None:
    def parameters(factory: Any) -> list[tuple[str, Any]]:
        listed = inspect.signature(factory).parameters.values()
        own = {"compiled": inspect.Parameter.KEYWORD_ONLY}
        return [(one.name, one.default) for one in listed if own.get(one.name) is not one.kind]

    assert parameters(getattr(door, name)) == parameters(getattr(jax.nn.initializers, name))


def test_an_initializer_is_called_as_that_of_jax() -> None:
    ours = list(inspect.signature(door.normal()).parameters.values())
    theirs = list(inspect.signature(jax.nn.initializers.normal()).parameters.values())[:3]
    assert [(one.name, one.default) for one in ours[:2]] == [
        (one.name, one.default) for one in theirs[:2]
    ]
    assert (ours[2].name, ours[2].default) == ("dtype", None)
    assert {one.kind for one in ours[3:]} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("name", ["zeros", "ones"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8", "bool"])
def test_zeros_and_ones_are_initializers_themselves(name: str, dtype: str) -> None:
    with configured():
        want = np.asarray(getattr(jax.nn.initializers, name)(jax.random.key(0), (2, 3), dtype))
    assert_identical(getattr(door, name)(0, (2, 3), dtype), want, f"{name}, {dtype}")


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2, 3)])
def test_a_constant_array_broadcasts_as_in_jax(shape: tuple[int, ...]) -> None:
    value = np.arange(3.0)
    want = np.asarray(jax.nn.initializers.constant(value)(jax.random.key(0), shape, "float32"))
    assert_identical(door.constant(value)(0, shape), want, f"{shape}")
