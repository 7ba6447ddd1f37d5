"""`init(key, shape, dtype)` against the installed JAX: every factory, every dtype."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from tests.core.cases import random_cases
from tests.core.compare import assert_identical
from tests.core.oracle import jax
from tests.numpy.calls import DTYPES, Call, calls
from tests.torch.tensors import as_numpy, torch

from hypothesis import given  # isort: skip

import varscale
from varscale import torch as door
from varscale.family import FACTORIES


@random_cases(max_examples=25)
@given(call=calls())
def test_what_is_drawn_is_what_jax_draws(call: Call) -> None:
    got = call.of(door)
    assert got.dtype == getattr(torch, call.dtype)
    assert got.is_contiguous()
    assert_identical(as_numpy(got), call.of_jax(), str(call))


@pytest.mark.parametrize("dtype", DTYPES[:3])
@pytest.mark.parametrize("name", ["zeros", "ones"])
def test_zeros_and_ones_are_initializers_themselves(name: str, dtype: str) -> None:
    want = np.asarray(getattr(jax.nn.initializers, name)(jax.random.key(0), (2, 3), dtype))
    assert_identical(as_numpy(getattr(door, name)(0, (2, 3), dtype)), want, f"{name} {dtype}")


@pytest.mark.parametrize(
    "call",
    [
        Call("orthogonal", (("scale", 0.7), ("column_axis", 0)), (6, 4), "float64", (0, 42)),
        Call("orthogonal", (("column_axis", 1),), (2, 5, 3), "float32", (7, 42)),
        Call("delta_orthogonal", (("scale", 2.0),), (2, 3, 3, 3), "float32"),
        Call("delta_orthogonal", (("column_axis", 0),), (1, 2, 3, 2, 4), "float64"),
    ],
    ids=lambda call: f"{call.name}, {call.shape}",
)
def test_orthogonal_matrices_are_those_of_jax(call: Call) -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
    assert_identical(as_numpy(call.of(door)), call.of_jax(), str(call))


@pytest.mark.parametrize("name", FACTORIES)
def test_signatures_are_those_of_jax(name: str) -> None:
    def parameters(factory: Any) -> list[tuple[str, Any]]:
        listed = inspect.signature(factory).parameters.values()
        own = {"compiled": inspect.Parameter.KEYWORD_ONLY}
        return [(one.name, one.default) for one in listed if own.get(one.name) is not one.kind]

    ours, theirs = getattr(door, name), getattr(jax.nn.initializers, name)
    assert parameters(ours) == parameters(theirs)


def test_a_key_of_jax_draws_what_jax_draws_with_it() -> None:
    init = jax.nn.initializers.he_uniform()
    for key in (jax.random.key(3), jax.random.PRNGKey(3)):
        got = as_numpy(door.he_uniform()(key, (4, 5)))
        assert_identical(got, np.asarray(init(key, (4, 5))), repr(key))


@pytest.mark.parametrize(
    "key",
    [
        7,
        np.int32(7),
        varscale.key(7),
        np.array([0, 7], np.uint32),
        torch.tensor([0, 7], dtype=torch.uint32),
        torch.tensor(7),
    ],
    ids=lambda key: f"{type(key).__module__}.{type(key).__name__}",
)
def test_a_key_is_a_seed_or_words_of_any_framework(key: Any) -> None:
    want = jax.nn.initializers.uniform()(jax.random.key(7), (3,))
    assert_identical(as_numpy(door.uniform()(key, (3,))), np.asarray(want), repr(key))


def test_another_key_draws_other_values() -> None:
    init = door.lecun_normal()
    assert not torch.equal(init(0, (4, 4)), init(1, (4, 4)))
