"""torch models that start as models of Equinox: the ways of their keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
from torch import nn as tn

import varscale
import varscale.torch as door
from tests.core.oracle import configured, jax
from tests.porting.equinox_params import eqx, jnp, jr, params_of, planned
from tests.porting.transplants import assert_same_function, inputs, started
from tests.torch.tensors import torch
from varscale.port import JaxLayer, Param, Place, Twin
from varscale.port.libraries import Equinox


class Block(eqx.Module):
    up: Any
    down: Any

    def __init__(self, *, key: Any) -> None:
        first, second = jr.split(key)
        self.up = eqx.nn.Linear(8, 12, key=first)
        self.down = eqx.nn.Linear(12, 8, key=second)

    def __call__(self, x: Any) -> Any:
        return x + self.down(jax.nn.relu(self.up(x)))


class Net(eqx.Module):
    """A model as they are written."""

    embed: Any
    position: Any
    attention: Any
    norm: Any
    blocks: list[Any]
    head: Any

    def __init__(self, *, key: Any) -> None:
        k1, k2, k3, k4, k5 = jr.split(key, 5)
        self.embed = eqx.nn.Embedding(11, 8, key=k1)
        self.position = 0.02 * jr.normal(k2, (4, 8))
        self.attention = eqx.nn.MultiheadAttention(2, 8, key=k3)
        self.norm = eqx.nn.LayerNorm(8)
        self.blocks = [Block(key=k) for k in jr.split(k4, 3)]
        self.head = eqx.nn.MLP(8, 3, 5, 2, key=k5)

    def __call__(self, ids: Any) -> Any:
        x = jax.vmap(self.embed)(ids) + self.position
        x = jax.vmap(self.norm)(self.attention(x, x, x))
        for block in self.blocks:
            x = jax.vmap(block)(x)
        return jax.vmap(self.head)(x)


class BlockTwin(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = tn.Linear(8, 12), tn.Linear(12, 8)

    def forward(self, x: Any) -> Any:
        return x + self.down(torch.relu(self.up(x)))


class NetTwin(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = tn.Embedding(11, 8)
        self.position = tn.Parameter(torch.empty(4, 8))
        self.attention = tn.MultiheadAttention(8, 2, bias=False, batch_first=True)
        self.norm = tn.LayerNorm(8)
        self.blocks = tn.ModuleList([BlockTwin() for _ in range(3)])
        self.drop = tn.Dropout(0.5)
        self.head = tn.Sequential(
            tn.Linear(8, 5), tn.ReLU(), tn.Linear(5, 5), tn.ReLU(), tn.Linear(5, 3)
        )

    def forward(self, ids: Any) -> Any:
        x = self.embed(ids) + self.position
        x = self.norm(self.attention(x, x, x)[0])
        for block in self.blocks:
            x = block(x)
        return self.head(self.drop(x))


BY_HAND = {
    "embed": "0/5",
    "position": "1/5",
    "attention": "2/5",
    r"blocks\.(\d)": r"3/5 \1/3",
    r"blocks\.\d\.up": "0/2",
    r"blocks\.\d\.down": "1/2",
    "head": "4/5 each",
}
IN_ORDER = {"": "each", r"blocks|blocks\.\d|head": "each"}
NET: dict[str, Any] = {
    "params": {"position": ("position", door.normal(0.02))},
    "names": {rf"head\.{2 * i}": f"/head/layers/{i}" for i in range(3)},
    "order": ["embed", "position", "attention", "norm", "blocks", "drop", "head"],
}


@pytest.mark.parametrize("splits", [BY_HAND, IN_ORDER], ids=["by hand", "in order"])
@pytest.mark.parametrize("seed", [3, 2**31])
def test_a_model_that_splits_its_key(splits: Any, seed: int) -> None:
    model, twin = Net(key=jr.PRNGKey(seed)), NetTwin().eval()
    params = params_of(model)
    started(twin, params, planned(seed, Equinox(splits), expect=params, **NET))
    ids = inputs((2, 4), 11)
    assert_same_function(twin, ids, jax.vmap(model)(jnp.asarray(ids)))


def test_keys_may_be_given_outright() -> None:
    one, two = eqx.nn.Linear(4, 3, key=jr.PRNGKey(7)), eqx.nn.Linear(3, 2, key=jr.PRNGKey(8))
    three = eqx.nn.Linear(2, 2, key=jr.split(jr.PRNGKey(0), 4)[0])
    twin = tn.Sequential(tn.Linear(4, 3), tn.Linear(3, 2), tn.Linear(2, 2))
    params = {
        f"layers/{i}/{path}": leaf
        for i, layer in enumerate((one, two, three))
        for path, leaf in params_of(layer).items()
    }
    splits = {"0": 7, "1": jr.key(8), "": "each/4"}
    started(twin, params, planned(0, Equinox(splits), expect=params))
    splits = {"0": varscale.key(7), "1": 8, "2": "0/4"}
    started(twin, params, planned(0, Equinox(splits)))


def test_one_key_after_another_and_the_same_key_below() -> None:
    key, first = jr.split(jr.PRNGKey(5))
    _, second = jr.split(key)
    layers = [eqx.nn.Linear(3, 3, key=first), eqx.nn.Linear(3, 3, key=second)]
    params = {f"{i}/0/{p}": leaf for i in range(2) for p, leaf in params_of(layers[i]).items()}
    twin = tn.ModuleList([tn.ModuleList([tn.Linear(3, 3)]) for _ in range(2)])
    splits = {"0": "1/2", "1": "0/2 1/2", r"\d\.0": ""}
    started(twin, params, planned(5, Equinox(splits)))


@pytest.mark.parametrize("partitionable", [True, False])
def test_the_order_of_bits_is_the_keys(partitionable: bool) -> None:
    with configured(partitionable=partitionable):
        model = Block(key=jr.PRNGKey(3))
        params = params_of(model)
    key = varscale.key(3, partitionable=partitionable)
    started(BlockTwin(), params, planned(key, Equinox({"": "each"})))


def test_blocks_that_vmap_makes() -> None:
    class Stacked(eqx.Module):
        blocks: Any

        def __init__(self, *, key: Any) -> None:
            self.blocks = eqx.filter_vmap(lambda k: Block(key=k))(jr.split(key, 3))

    class StackedTwin(tn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = tn.ModuleList([BlockTwin() for _ in range(3)])

    params = params_of(Stacked(key=jr.PRNGKey(6)))
    options: dict[str, Any] = {
        "names": {r"blocks\.\d": "blocks"},
        "lift": {r"blocks\.(\d)": "vmap"},
    }
    splits = {"blocks": "each", r"blocks\.\d": "each"}
    started(StackedTwin(), params, planned(6, Equinox(splits), expect=params, **options))
    options["lift"] = {r"blocks\.(\d)": "scan"}
    with pytest.raises(ValueError, match="the transform 'vmap' only"):
        door.plan(StackedTwin(), 6, Equinox(splits), **options)


def test_initializers_of_the_user() -> None:
    model = eqx.nn.Linear(6, 4, key=jr.PRNGKey(1))
    params = {"weight": np.zeros((4, 6), np.float32), "bias": np.asarray(model.bias)}
    started(tn.Linear(6, 4), params, planned(1, init={"": door.zeros}))


def test_a_layer_of_the_users_own() -> None:
    class Scale(tn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = tn.Parameter(torch.empty(3)), tn.Parameter(torch.empty(3))

    def rule(_: Any) -> Twin:
        draws = tuple(Param(name, (3,), varscale.initializers.Normal(1.0), "a") for name in "ab")
        return Twin(JaxLayer("Scale", draws), {}, (Place("a", "a", "a"), Place("b", "b", "a")))

    one, two = jr.split(jr.PRNGKey(4))
    params = {"scale/a": jr.normal(one, (3,)), "scale/b": jr.normal(two, (3,))}
    twin = tn.ModuleDict({"scale": Scale()})
    splits = {r"scale\.a": "0/2", r"scale\.b": "1/2"}
    started(twin, params, planned(4, Equinox(splits), rules={Scale: rule}))


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({}, r"no key reaches embed, position, attention, blocks\.0\.up, .*head\.4: say in"),
        ({**BY_HAND, "nothing": "0/2"}, r"splits\['nothing'\] matches no module"),
        ({**BY_HAND, "head": "4/5"}, r"no key reaches head\.0, head\.2, head\.4:"),
        ({**BY_HAND, "embed": "5/5"}, r"parts such as '1/3', .* got '5/5'"),
        ({**BY_HAND, "embed": "each 0/2"}, "'each' at the end"),
        ({**IN_ORDER, "": "each/4"}, "the model has 5 modules for 4 keys"),
        ({**BY_HAND, "(": "0/2"}, r"'\(' is not a regular expression"),
    ],
)
def test_ways_that_do_not_fit_are_errors(splits: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        door.plan(NetTwin(), 0, Equinox(dict(reversed(splits.items()))), **NET)
