"""What cannot be recorded is refused by name, with the line that calls it; nothing is guessed."""

from __future__ import annotations

import functools
import random as python_random
import re
from typing import Any

import numpy as np
import pytest

from tests.core.oracle import jax
from tests.recipe.oracle import EVERY_BIT, recorded
from varscale import recipe

numpy, random, lax = jax.numpy, jax.random, jax.lax


def refused(function: Any, *words: str, key: Any = 0) -> None:
    with pytest.raises(NotImplementedError) as caught:
        recipe.record(function, key)
    for word in words:
        assert word in str(caught.value)


def test_an_unknown_primitive_is_named_with_its_line() -> None:
    def init(key: Any) -> Any:
        return numpy.tanh(random.normal(key, (3, 2)))

    refused(init, "tanh(float32[3,2]) cannot be recorded", "test_refusals.py:", "init")


@pytest.mark.parametrize(
    ("name", "function"),
    {
        "while": lambda key: lax.while_loop(
            lambda x: x.sum() < 0, lambda x: x + 1, random.normal(key, (3,))
        ),
        "cond": lambda key: lax.cond(
            random.uniform(key) < 0.5, lambda: numpy.ones(3), lambda: numpy.zeros(3)
        ),
        "random_bits": lambda key: random.bits(key, (3,)),
        "dot_general": lambda key: random.normal(key, (3, 3)) @ numpy.ones((3, 3)),
        "sort": lambda key: numpy.sort(random.normal(key, (3,))),
        "random_bits ": lambda key: random.permutation(key, 4),
    }.items(),
)
def test_what_has_no_exact_replay_is_refused_by_name(name: str, function: Any) -> None:
    refused(function, f"{name.strip()}(")


def test_a_function_inside_jit_is_refused_where_it_stands() -> None:
    refused(jax.jit(lambda key: numpy.tanh(random.normal(key, (3,)))), "tanh(float32[3])")


def test_bounds_that_depend_on_the_key_are_refused() -> None:
    def init(key: Any) -> Any:
        return random.uniform(key, (3,), maxval=random.uniform(key))

    refused(init, "its bounds depend on the key")


def test_a_large_constant_is_refused_with_its_shape() -> None:
    table = np.arange(5000.0).reshape(50, 100)
    refused(lambda key: numpy.asarray(table), "a constant of shape (50, 100)", "4096")
    assert recorded(lambda key: numpy.asarray(table[:40])).outputs[0].shape == (40, 100)


def test_complex_numbers_are_refused() -> None:
    refused(lambda key: random.normal(key, (3,), numpy.complex64), "complex64")


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
def test_a_key_of_another_generator_is_refused(impl: str) -> None:
    refused(lambda key: random.normal(key), repr(impl), key=random.key(0, impl=impl))
    with jax.default_prng_impl(impl):
        refused(lambda key: random.normal(key), repr(impl))


def test_a_key_of_another_generator_inside_is_refused() -> None:
    def init(key: Any) -> Any:
        return random.uniform(random.key(3, impl="rbg"), (3,))

    refused(init, "rbg")


@pytest.mark.parametrize(
    "key", [np.zeros(3, np.uint32), np.zeros((2, 2), np.uint32), np.zeros(2), "x", 1.5, None]
)
def test_what_is_no_key_is_refused(key: Any) -> None:
    with pytest.raises(TypeError):
        recipe.record(lambda key: random.normal(key), key)


def test_several_keys_are_refused() -> None:
    with pytest.raises(TypeError, match="one key"):
        recipe.record(lambda key: random.normal(key[0]), random.split(random.key(0)))


def test_a_function_without_arrays_is_refused() -> None:
    with pytest.raises(ValueError, match="must return arrays"):
        recipe.record(lambda key: {"key": key})


def test_a_sampler_is_not_believed_by_its_name() -> None:
    """A function called as JAX's own, with its arguments, that draws something else."""

    def _uniform(key: Any, low: Any, high: Any) -> Any:
        drawn = random.normal(key, (9,))
        return numpy.where(drawn > low, drawn, high)

    def init(key: Any) -> Any:
        return jax.jit(_uniform)(key, numpy.float32(0), numpy.float32(1))

    made = recipe.record(init, 0, verify=EVERY_BIT)
    assert [one.fields["distribution"] for one in made.program if one.name == "draw"] == ["normal"]
    for name in ("_uniform", "_truncated_normal", "_normal", "_orthogonal", "_normal_real"):

        def fake(key: Any, *bounds: Any) -> Any:
            return numpy.tanh(random.normal(key, (3, 3)))

        fake.__name__ = name
        refused(jax.jit(fake), "tanh(")
        refused(functools.partial(lambda f, key: f(key, -2, 2), jax.jit(fake)), "tanh(")


def test_a_sampler_of_other_constants_is_not_jax_s() -> None:
    """The code of `_truncated_normal`, with one number changed."""

    def _truncated_normal(key: Any, low: Any, high: Any) -> Any:
        root = np.float32(1.5)
        drawn = random.uniform(key, (9,), minval=-0.9, maxval=0.9)
        return numpy.clip(root * lax.erf_inv(drawn), low, high)

    refused(lambda key: jax.jit(_truncated_normal)(key, -2.0, 2.0), "erf_inv(")


def test_a_sampler_whose_arguments_are_passed_on_in_another_order_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A later JAX may call its jitted sampler so: the bounds must not be taken for each other."""
    from varscale.recipe.recording import samplers

    def turned(shape: Any, dtype: Any) -> Any:
        return lambda key, low, high: random.uniform(key, shape, dtype, high, low)

    monkeypatch.setitem(samplers._SAMPLERS, "_uniform", turned)
    samplers._reference.cache_clear()
    refused(lambda key: random.uniform(key, (3,)), "random_bits(")
    samplers._reference.cache_clear()


def test_a_recipe_that_is_not_jax_s_is_refused_with_the_parameter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from varscale.recipe.recording import primitives

    monkeypatch.setitem(primitives._ELEMENTWISE, "max", "minimum")

    def init(key: Any) -> Any:
        return {"a": numpy.ones(3), "b": numpy.maximum(random.uniform(key, (8,)), 0.5)}

    with pytest.raises(ValueError, match=r"^'b' cannot be recorded: 8 of its 8 values"):
        recipe.record(init)
    assert recipe.record(init, verify=False).outputs[1].path == "b"


def test_recording_without_jax_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("varscale.recipe.recording")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(recipe, "recording", raising=False)
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ModuleNotFoundError, match=re.escape("pip install 'varscale[jax]'")):
        recipe.record(lambda key: key)


def test_a_leaf_that_has_the_path_of_a_numbered_one_is_refused() -> None:
    tree = {"a": {"b": numpy.zeros(1)}, "a/b": numpy.ones(1), "a/b#2": numpy.full(1, 2.0)}
    with pytest.raises(ValueError, match="leaves of different paths, got 'a/b#2' twice"):
        recipe.record(lambda key: tree, 0)


def drawn_beside(make: Any) -> Any:
    return lambda key: {"a": random.normal(key, (2,)), "b": numpy.asarray(make(key))}


GENERATOR = np.random.default_rng(0)
COUNT = iter(range(100))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    "make",
    {
        "numpy": lambda key: np.random.randn(2).astype(np.float32),
        "generator": lambda key: GENERATOR.standard_normal(2, np.float32),
        "python": lambda key: [python_random.random(), 0.5],
        "counter": lambda key: numpy.full(2, float(next(COUNT))),
        "shape": lambda key: random.normal(key, (1 + next(COUNT),)),
        "seed": lambda key: random.normal(random.key(next(COUNT)), (2,)),
    }.values(),
)
def test_what_comes_from_anything_but_the_key_is_refused(make: Any, compiled: bool) -> None:
    init = drawn_beside(make)
    for function in (init, jax.jit(init)):  # of the latter, JAX keeps the code that it traced
        with pytest.raises(ValueError, match=r"^'b' cannot be recorded: traced twice"):
            recipe.record(function, 0, compiled=compiled, verify=False)


def test_a_random_state_that_is_set_anew_is_a_constant() -> None:
    def make(key: Any) -> Any:
        return np.random.default_rng(3).standard_normal(2, np.float32)

    got = recipe.replay(recipe.record(drawn_beside(make), 0, verify=EVERY_BIT), 7)
    assert (got["b"] == make(None)).all()
