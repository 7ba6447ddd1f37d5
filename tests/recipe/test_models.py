"""Models of Flax Linen, NNX, Haiku and Equinox: their recipes have JAX's bits, for every seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.oracle import jax
from tests.recipe.models import LINEN, NNX, SMALL
from tests.recipe.oracle import compare, recorded
from varscale import recipe

numpy = jax.numpy

pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("name", LINEN)
def test_a_linen_model_is_replayed_bit_for_bit(name: str, compiled: bool) -> None:
    compare(LINEN[name], compiled=compiled)


@pytest.mark.parametrize("name", NNX)
def test_an_nnx_model_is_replayed_bit_for_bit(name: str) -> None:
    made = compare(NNX[name])
    assert {"conv/kernel", "layers/bias", "norm/mean"} <= {one.path for one in made.outputs}
    assert made.left_out == (recipe.LeftOut("dropout/rngs/key", "a PRNG key"),)


def test_a_haiku_model_is_replayed_bit_for_bit() -> None:
    haiku = pytest.importorskip("haiku", reason="not installed: pip install dm-haiku")

    def net(x: Any) -> Any:
        x = haiku.Conv2D(8, 3, name="conv")(x).reshape(x.shape[0], -1, 8)
        scaled = haiku.initializers.VarianceScaling(2.0)
        x = haiku.MultiHeadAttention(2, 8, w_init=scaled, model_size=8)(x, x, x)
        x = haiku.dropout(haiku.next_rng_key(), 0.5, x)
        bias = haiku.initializers.RandomNormal(1e-6)
        x = haiku.experimental.layer_stack(3)(lambda x: haiku.Linear(8, b_init=bias)(x))(x)
        return haiku.Linear(8, w_init=haiku.initializers.RandomUniform(-0.1, 0.3))(x)

    made = compare(
        lambda key: haiku.transform(net).init(key, numpy.ones((1, 4, 4, 8))),
        make=jax.random.PRNGKey,
    )
    assert "conv/w" in {one.path for one in made.outputs}
    assert "dm-haiku" in made.recorded


def test_an_equinox_model_is_replayed_bit_for_bit() -> None:
    equinox = pytest.importorskip("equinox", reason="not installed: pip install equinox")

    def model(key: Any) -> Any:
        first, second, third = jax.random.split(key, 3)
        return {
            "mlp": equinox.nn.MLP(8, 8, 16, 2, key=first),
            "attention": equinox.nn.MultiheadAttention(2, 8, key=second),
            "cell": equinox.nn.GRUCell(8, 8, key=third),
        }

    def arrays(key: Any) -> Any:
        return equinox.filter(model(key), equinox.is_array)

    compare(arrays)
    # The modules themselves are taken too: what is no array is left out, and said.
    made = recorded(model)
    assert [one.path for one in made.outputs] == [one.path for one in recorded(arrays).outputs]
    assert recipe.LeftOut("mlp/activation", "not an array: custom_jvp") in made.left_out


def test_the_two_kinds_of_keys_give_the_same_parameters() -> None:
    raw, typed = (
        recipe.replay(recorded(LINEN["mlp"], key=make(0)), 5)
        for make in (jax.random.PRNGKey, jax.random.key)
    )
    assert raw.keys() == typed.keys()
    assert all((raw[path] == typed[path]).all() for path in raw)


def test_a_bias_drawn_in_a_loop_has_the_compiled_form() -> None:
    """The known ulp of nn.scan: the same draw, inside a loop and outside, differs."""

    def inside(key: Any) -> Any:
        return jax.lax.scan(lambda _, one: (0, SMALL(one, (999,))), 0, key[None])[1][0]

    def outside(key: Any) -> Any:
        return SMALL(key, (999,))

    first, second = (next(iter(recipe.replay(recorded(f), 0).values())) for f in (inside, outside))
    older = jax.__version_info__ < (0, 11)
    assert (first != second).any() == older
    assert np.abs(first - second).max() <= 2 * np.spacing(np.float32(5e-6))


def test_the_recipe_names_what_it_was_recorded_with() -> None:
    made = recorded(LINEN["mlp"])
    assert made.recorded["jax"] == jax.__version__
    assert made.recorded["init"] == "init"
    assert made.recorded.keys() >= {"flax", "jaxlib", "numpy", "varscale"}
    assert recorded(LINEN["mlp"], compiled=True).recorded["init"] == "jax.jit(init)"
