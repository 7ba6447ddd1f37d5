"""Modules that are easily counted wrong: without parameters, shared, wrapped, tied, subclassed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.oracle import EAGER, jax
from tests.porting.twins import assert_same_parameters, poison
from tests.torch.tensors import torch

pytest.importorskip("flax", reason="not installed: pip install flax")

import flax.linen as nn
from flax import nnx
from torch import nn as tn

import varscale.torch as door

X = np.ones((2, 4), np.float32)


def started(flax: Any, twin: Any, **options: Any) -> None:
    """Fails unless the twin gets exactly the parameters of the Flax model."""
    params = flax.init(jax.random.key(1), X)["params"]
    poison(twin)
    plan = door.plan(twin, 1, "flax.linen", compiled=EAGER, expect=params, **options)
    plan.fill_()
    assert_same_parameters(plan, params)


class Shortcut(tn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.project = tn.Linear(inputs, outputs) if inputs != outputs else tn.Identity()


def test_a_module_without_parameters_has_its_number() -> None:
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            x = nn.LayerNorm(use_bias=False, use_scale=False)(x)
            return nn.LayerNorm(scale_init=nn.initializers.normal(1.0))(x)

    twin = tn.Sequential(tn.LayerNorm(4, elementwise_affine=False), tn.LayerNorm(4))
    started(Model(), twin, init={"1": {"scale": door.normal(1.0)}})


def test_a_block_without_parameters_has_its_number() -> None:
    class Shortcuts(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            for outputs in (4, 8, 8, 3):
                x = FlaxShortcut(outputs)(x)
            return x

    twin = tn.Sequential(Shortcut(4, 4), Shortcut(4, 8), Shortcut(8, 8), Shortcut(8, 3))
    started(Shortcuts(), twin, classes={Shortcut: "FlaxShortcut"})


class FlaxShortcut(nn.Module):
    outputs: int

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return x if x.shape[-1] == self.outputs else nn.Dense(self.outputs)(x)


class Block(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense, self.drop = tn.Linear(4, 4), tn.Dropout(0.1)


class FlaxBlock(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.Dropout(0.1, deterministic=True)(nn.Dense(4)(x))


def test_a_shared_block_is_one() -> None:
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            shared = FlaxBlock()
            return FlaxBlock()(shared(shared(x)))

    block = Block()
    twin = tn.ModuleDict(
        {"encoder": tn.ModuleList([block]), "decoder": tn.ModuleList([block, Block()])}
    )
    started(Model(), twin, classes={Block: "FlaxBlock"})


class Positions(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.value = tn.Parameter(torch.zeros(3, 4))


class Embedded(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense, self.positions, self.head = tn.Linear(4, 4), Positions(), tn.Linear(4, 2)


def test_a_module_of_free_parameters_has_a_path_and_its_turn() -> None:
    class FlaxPositions(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return x[:, None] + self.param("value", nn.initializers.normal(0.02), (3, 4))

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            x = FlaxPositions()(nn.Dense(4)(x))
            return nn.Dense(2)(x)

    params = {r"positions\.value": ("value", door.normal(0.02))}
    started(Model(), Embedded(), params=params, classes={Positions: "FlaxPositions"})

    class Nnx(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.dense = nnx.Linear(4, 4, rngs=rngs)
            value = nnx.initializers.normal(0.02)(rngs.params(), (3, 4))
            self.positions = nnx.Dict({"value": nnx.Param(value)})
            self.head = nnx.Linear(4, 2, rngs=rngs)

    state = nnx.to_pure_dict(nnx.state(Nnx(nnx.Rngs(1)), nnx.Param))
    plan = door.plan(Embedded(), 1, "flax.nnx", params=params, compiled=EAGER, expect=state)
    plan.fill_()
    assert_same_parameters(plan, state)


class MLP(tn.Sequential):
    def __init__(self) -> None:
        super().__init__(tn.Linear(4, 4))


def test_a_subclass_of_sequential_is_a_module() -> None:
    class FlaxMLP(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return nn.Dense(4)(x)

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            for _ in range(2):
                x = FlaxMLP()(x)
            return x

    started(Model(), tn.Sequential(MLP(), MLP()), classes={MLP: "FlaxMLP"})


def test_a_wrapped_model_is_refused() -> None:
    with pytest.raises(ValueError, match=r"wrapped in a DataParallel: give .*\.module"):
        door.init_(tn.DataParallel(MLP()), 0, "flax.linen")
    with pytest.raises(ValueError, match=r"wrapped in a OptimizedModule: give .*\._orig_mod"):
        door.init_(torch.compile(MLP(), backend="eager"), 0, "flax.linen")


def test_two_directions_cannot_have_one_name() -> None:
    twin = tn.ModuleDict({"r": tn.LSTM(3, 4, bidirectional=True)})
    with pytest.raises(ValueError, match=r"has several places: r\.l0, r\.l0_reverse"):
        door.init_(twin, 0, "flax.linen", names={r"r\.l0.*": "cell"})


def test_parameters_that_share_memory_are_tied() -> None:
    twin = tn.ModuleDict({"embed": tn.Embedding(10, 4), "head": tn.Linear(4, 10, bias=False)})
    twin["head"].weight.data = twin["embed"].weight.data
    plan = door.plan(twin, 0, "flax.linen")
    assert [row.to for row in plan.plan.rows] == ["embed.weight"]


def test_a_tie_that_to_empty_broke_is_an_error() -> None:
    with torch.device("meta"):
        twin = tn.ModuleDict({"embed": tn.Embedding(10, 4), "head": tn.Linear(4, 10, bias=False)})
        twin["head"].weight = twin["embed"].weight
    plan = door.plan(twin, 0, "flax.linen")
    twin.to_empty(device="cpu")
    with pytest.raises(ValueError, match=r"head.weight was embed.weight when this was planned"):
        plan.fill_()
    twin["head"].weight = twin["embed"].weight
    plan.fill_()


class Low(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.delta = tn.Parameter(torch.zeros(4, 4))

    def forward(self, weight: Any) -> Any:
        return weight + self.delta


def test_the_parameters_of_a_parametrization_are_asked_about() -> None:
    layer = tn.Linear(4, 4)
    tn.utils.parametrize.register_parametrization(layer, "weight", Low())
    with pytest.raises(ValueError, match=r"parametrizations\.weight\.0\.delta .*no rule covers it"):
        door.init_(layer, 0, "flax.linen")
    door.init_(layer, 0, "flax.linen", params={r"parametrizations.*": None})


def test_a_dtype_that_cannot_be_drawn_is_found_before_anything_is_written() -> None:
    twin = tn.Sequential(tn.Linear(3, 4), tn.LSTM(4, 4)).to(torch.bfloat16)
    before = twin[0].weight.detach().clone()
    with pytest.raises(ValueError, match=r"1\.weight_hh_l0: dtype must be"):
        door.init_(twin, 0, "flax.linen")
    assert torch.equal(twin[0].weight, before)


def test_an_exact_swap_is_called_nothing_more() -> None:
    twin = tn.Sequential(tn.Linear(16, 16), tn.Linear(16, 16))
    plan = door.plan(twin, 0, "flax.linen")
    plan.fill_()
    dumped = {
        f"Dense_{i}": {
            "kernel": twin[i].weight.detach().numpy().T.copy(),
            "bias": twin[i].bias.detach().numpy().copy(),
        }
        for i in range(2)
    }
    with torch.no_grad():
        first = twin[0].weight.clone()
        twin[0].weight.copy_(twin[1].weight)
        twin[1].weight.copy_(first)
    said = str(plan.check(dumped))
    assert "holds JAX's Dense_1/kernel, where Dense_0/kernel is meant: swapped" in said
    assert "in another order" not in said


@pytest.mark.parametrize("compiled", [None, EAGER])
def test_an_array_may_take_the_place_of_a_constant(compiled: bool | None) -> None:
    values = np.arange(3, dtype=np.float32)
    twin = tn.Sequential(tn.Linear(4, 3))
    said: Any = {"init": {"0": {"bias": door.constant(values)}}, "compiled": compiled}
    door.init_(twin, 0, "flax.linen", **said)
    np.testing.assert_array_equal(twin[0].bias.detach().numpy(), values)
