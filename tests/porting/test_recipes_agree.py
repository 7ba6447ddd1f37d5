"""The two ways to a twin, rules and recipes, which share no code above the keys, give the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.oracle import EAGER, EXACT, jax
from tests.porting.twins import assert_same_parameters
from tests.torch.tensors import torch

pytest.importorskip("flax", reason="not installed: pip install flax")

import flax.linen as nn
from flax import nnx
from torch import nn as tn

import varscale.recipe
import varscale.torch as door

X = np.ones((2, 5, 8), np.float32)


class Net(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = tn.MultiheadAttention(8, 2)
        self.norm = tn.LayerNorm(8)
        self.up, self.down = tn.Linear(8, 24), tn.Linear(24, 8)


class Linen(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.LayerNorm()(nn.MultiHeadDotProductAttention(2)(x))
        x = nn.Dense(24, bias_init=nn.initializers.normal(0.1))(x)
        return nn.Dense(8, kernel_init=nn.initializers.he_uniform())(x)


class Nnx(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.attention = nnx.MultiHeadAttention(2, 8, rngs=rngs, decode=False)
        self.norm = nnx.LayerNorm(8, rngs=rngs)
        self.up = nnx.Linear(8, 24, rngs=rngs, bias_init=nnx.initializers.normal(0.1))
        self.down = nnx.Linear(24, 8, rngs=rngs, kernel_init=nnx.initializers.he_uniform())


def nnx_params(key: Any) -> Any:
    return nnx.to_pure_dict(nnx.state(Nnx(nnx.Rngs(key)), nnx.Param))


INITS = {
    "flax.linen": lambda key: Linen().init(key, X)["params"],
    "flax.nnx": nnx_params,
}


@pytest.mark.parametrize("like", INITS)
def test_a_twin_by_rules_has_what_the_recipe_makes_of_the_key(like: str) -> None:
    if not EXACT:
        pytest.skip("not available: jax>=0.10")
    recipe = varscale.recipe.record(INITS[like], jax.random.key(0))
    for seed in (0, 1, 2**31 + 5):
        replayed = varscale.recipe.replay(recipe, seed)
        plan = door.plan(
            Net(),
            seed,
            like,
            init={"up": {"bias": door.normal(0.1)}, "down": door.he_uniform()},
            compiled=EAGER,
            expect=replayed,
        )
        with torch.no_grad():
            for parameter in plan.model.parameters():
                parameter.fill_(torch.nan)
        plan.fill_()
        assert_same_parameters(plan, replayed)
        assert plan.check(replayed).ok
