"""A Flax model and its twin, which the tests of `check` make mistakes in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.oracle import EAGER, jax
from tests.torch.tensors import torch

pytest.importorskip("flax", reason="not installed: pip install flax")

import flax.linen as nn
from torch import nn as tn

import varscale.torch as door
from varscale.port import Flattened

#: Standard deviation of a standard normal truncated to (-2, 2).
C = 0.87962566103423978
SEED = 5
MAP = {"head": Flattened("CHW", (6, 4, 4))}
XAVIER = nn.initializers.xavier_uniform()
INIT = {
    "attention": {r"(query|key|value)/kernel": door.xavier_uniform()},
    "fc1": {"bias": door.normal(0.1)},
    "up": door.he_normal(),
}
NAMES = {name: name for name in ("conv", "up", "head", "norm", "attention", "fc1", "fc2", "out")}


class Flax(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.Conv(36, (3, 3), name="conv")(x)
        x = nn.ConvTranspose(6, (2, 2), kernel_init=nn.initializers.he_normal(), name="up")(x)
        x = nn.LayerNorm(name="norm")(nn.Dense(24, name="head")(x.reshape(x.shape[0], -1)))
        x = nn.MultiHeadDotProductAttention(4, kernel_init=XAVIER, name="attention")(x[:, None])
        x = nn.RNN(nn.LSTMCell(24), name="lstm")(x)
        x = nn.Dense(24, bias_init=nn.initializers.normal(0.1), name="fc1")(x)
        return nn.Dense(100, name="out")(nn.Dense(24, name="fc2")(x))


class Model(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.up = tn.Conv2d(8, 36, 3), tn.ConvTranspose2d(36, 6, 2)
        self.head, self.norm = tn.Linear(96, 24), tn.LayerNorm(24)
        self.attention = tn.MultiheadAttention(24, 4)
        self.lstm = tn.LSTM(24, 24)
        self.fc1, self.fc2, self.out = tn.Linear(24, 24), tn.Linear(24, 24), tn.Linear(24, 100)


#: Values of the model.
TOTAL = sum(parameter.numel() for parameter in Model().parameters())


def planned(model: Any, key: Any = SEED, **options: Any) -> Any:
    said = {"names": {**NAMES, "lstm": "LSTMCell_0"}, "init": INIT, "layout": MAP}
    said["init"] = {**INIT, "attention": {r".*/kernel": door.xavier_uniform()}}
    return door.plan(model, key, "flax.linen", **({**said, "compiled": EAGER} | options))


def row_of(found: Any, name: str, part: str = "") -> Any:
    return next(row for row in found.rows if row.to == name and part in row.part)


def made() -> Any:
    variables = Flax().init(jax.random.key(SEED), np.zeros((2, 4, 4, 8), np.float32))
    return jax.tree.map(np.asarray, variables["params"])


def rotate(tensor: Any, parts: int) -> None:
    tensor.copy_(torch.cat([*tensor.chunk(parts)[1:], tensor.chunk(parts)[0]]))


def exchange(one: Any, other: Any) -> None:
    kept = one.clone()
    one.copy_(other)
    other.copy_(kept)


def uniform(tensor: Any, limit: float) -> None:
    tn.init.uniform_(tensor, -limit, limit)


class Free(tn.Module):
    def __init__(self, values: Any) -> None:
        super().__init__()
        self.w = tn.Parameter(values)
