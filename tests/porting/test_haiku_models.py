"""torch models that start as models of Haiku: sequences of keys, stacks, names."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
from torch import nn as tn

import varscale
import varscale.torch as door
from tests.core.oracle import jax
from tests.porting.haiku_params import SCALING, W_INIT, hk, initialised, jnp, planned
from tests.porting.transplants import assert_same_function, inputs, started
from tests.torch.tensors import torch
from varscale.port.libraries import Haiku


def net(x: Any, training: bool = False) -> Any:
    """Constants between random parameters, and dropout where it is trained."""

    def dropped(x: Any) -> Any:
        return hk.dropout(hk.next_rng_key(), 0.2, x) if training else x

    x = dropped(hk.Linear(8)(x))
    x = hk.LayerNorm(-1, True, True)(x)
    x = dropped(hk.MultiHeadAttention(2, 4, w_init=W_INIT, name="attention")(x, x, x))
    for _ in range(2):
        x = x + hk.Linear(8, w_init=hk.initializers.Constant(0.5))(x)
    return hk.Sequential([hk.Linear(5), jax.nn.relu, hk.Linear(3)])(x)


class NetTwin(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = tn.Linear(6, 8)
        self.drop = tn.Dropout(0.2)
        self.norm = tn.LayerNorm(8)
        self.attention = tn.MultiheadAttention(8, 2, batch_first=True)
        self.drop_again = tn.Dropout(0.2)
        self.blocks = tn.ModuleList([tn.Linear(8, 8) for _ in range(2)])
        self.head = tn.Sequential(tn.Linear(8, 5), tn.ReLU(), tn.Linear(5, 3))

    def forward(self, x: Any) -> Any:
        x = self.norm(self.drop(self.stem(x)))
        x = self.drop_again(self.attention(x, x, x)[0])
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


NET: dict[str, Any] = {
    "names": {"attention": "attention"},
    "init": {"attention": SCALING, r"blocks\.\d": door.constant(0.5)},
}


@pytest.mark.parametrize("seed", [3, 2**40 + 5])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("reserve", [1, 4])
def test_a_model_whose_dropout_and_reserve_shift_the_keys(
    seed: int, training: bool, reserve: int
) -> None:
    x = inputs((2, 4, 6))
    with hk.config.context(rng_reserve_size=reserve):
        model, params, state = initialised(net, jnp.asarray(x), training, key=seed)
    like = Haiku(reserve_size=reserve, dropout_draws=training)
    twin = NetTwin().eval()
    started(twin, params, planned(seed, like, expect=params, **NET))
    assert_same_function(twin, x, model.apply(params, state, None, x)[0])
    with pytest.raises(AssertionError, match="values differ"):
        started(NetTwin(), params, planned(seed, Haiku(3, not training), **NET))


def test_constants_draw_nothing_wherever_the_user_puts_them() -> None:
    def function(x: Any) -> Any:
        x = hk.Linear(5, w_init=jnp.zeros, b_init=hk.initializers.RandomNormal(0.1))(x)
        x = hk.LayerNorm(-1, True, True, scale_init=hk.initializers.RandomUniform(-1.0, 2.0))(x)
        return hk.Linear(3, w_init=hk.initializers.TruncatedNormal(0.3))(x)

    _, params, _ = initialised(function, jnp.zeros((2, 4)), key=5)
    twin = tn.Sequential(tn.Linear(4, 5), tn.LayerNorm(5), tn.Linear(5, 3))
    init = {
        "0": {"w": door.zeros, "b": door.normal(0.1)},
        "1": {"scale": varscale.initializers.UniformBetween(-1.0, 2.0)},
        "2": door.truncated_normal(0.3),
    }
    started(twin, params, planned(5, init=init))


class Mixed(hk.Module):
    """Modules that `__init__` makes, and a parameter of its own, last."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.inner = hk.Linear(4)
        self.other = hk.Linear(4)

    def __call__(self, x: Any) -> Any:
        x = self.other(x)
        scale = hk.get_parameter("scale", (4,), init=jnp.ones)
        offset = hk.get_parameter("offset", (4,), init=hk.initializers.RandomNormal(0.1))
        return self.inner(x) * scale + offset


class MixedTwin(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.other = tn.Linear(4, 4), tn.Linear(4, 4)
        self.scale = tn.Parameter(torch.empty(4))
        self.offset = tn.Parameter(torch.empty(4))


def test_order_of_execution_and_names_of_modules_from_init() -> None:
    def function(x: Any) -> Any:
        x = Mixed()(x)
        return Mixed()(x)

    _, params, _ = initialised(function, jnp.zeros((2, 4)), key=6)
    twin = tn.ModuleList([MixedTwin(), MixedTwin()])
    own = [f"{i}.{name}" for i in range(2) for name in ("other", "scale", "offset", "inner")]
    options = {
        "classes": {MixedTwin: "Mixed"},
        "style": "setup",
        "order": own,
        "params": {
            r".*\.scale": ("scale", door.ones),
            r".*\.offset": ("offset", door.normal(0.1)),
        },
    }
    started(twin, params, planned(6, expect=params, **options))


class Block(hk.Module):
    def __call__(self, x: Any) -> Any:
        y = hk.Linear(6, b_init=hk.initializers.RandomNormal())(x)
        return x + hk.Linear(4)(y)


class BlockTwin(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = tn.Linear(4, 6), tn.Linear(6, 4)


class StackTwin(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before = tn.Linear(4, 4)
        self.blocks = tn.ModuleList([BlockTwin() for _ in range(3)])
        self.after = tn.Linear(4, 4)


@pytest.mark.parametrize("reserve", [1, 3])
def test_layers_of_a_stack(reserve: int) -> None:
    def function(x: Any) -> Any:
        x = hk.Linear(4)(x)
        x = hk.experimental.layer_stack(3)(lambda x: Block()(x))(x)
        return hk.Linear(4)(x)

    with hk.config.context(rng_reserve_size=reserve):
        _, params, _ = initialised(function, jnp.zeros((2, 4)), key=4)
    stacked = next(path for path in params if "stack" in path).rpartition("/")[0]
    options = {
        "names": {r"blocks\.\d": stacked},
        "lift": {r"blocks\.(\d)": "scan"},
        "init": {r"blocks\.\d\.up": {"b": door.normal(1.0)}},
    }
    started(StackTwin(), params, planned(4, Haiku(reserve), expect=params, **options))
    options["lift"] = {r"blocks\.(\d)": "vmap"}
    with pytest.raises(ValueError, match=r"transform 'scan' only .* got 'vmap'"):
        door.plan(StackTwin(), 4, "haiku", **options)


def test_a_forget_gate_that_starts_as_something_random_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"adds 1\.0 to a part of it"):
        door.plan(tn.LSTM(3, 4), 0, "haiku", init={"": {"b": door.normal(0.1)}})
