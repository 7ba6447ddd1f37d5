"""Models of the JAX libraries, small and of every kind; each is an init function of a key."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.oracle import jax

pytest.importorskip("flax", reason="not installed: pip install flax")

import flax.linen as nn
from flax import nnx

numpy = jax.numpy
#: Drawn inside a loop or a jitted module, its values differ by an ulp from those drawn outside.
SMALL = nn.initializers.normal(1e-6)


class MLP(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.Dense(16, kernel_init=nn.initializers.normal(0.02), bias_init=SMALL)(x)
        return nn.Dense(8, param_dtype=numpy.bfloat16)(nn.relu(x))


class CNN(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.Conv(8, (3, 3), kernel_init=nn.initializers.he_normal())(x)
        x = nn.BatchNorm(use_running_average=False)(x)
        x = nn.ConvTranspose(16, (3, 3))(x)
        return nn.Dense(8)(x.reshape(x.shape[0], -1))


class Block(nn.Module):
    @nn.compact
    def __call__(self, x: Any, _: Any) -> Any:
        y = nn.LayerNorm()(x)
        x = x + nn.MultiHeadDotProductAttention(2)(y, y)
        y = nn.Dense(16, kernel_init=nn.initializers.xavier_uniform(), bias_init=SMALL)(x)
        return x + nn.Dense(8, bias_init=SMALL)(nn.gelu(y)), None


class Transformer(nn.Module):
    scanned: bool

    @nn.compact
    def __call__(self, ids: Any) -> Any:
        x = nn.Embed(11, 8)(ids)
        x = x + self.param("pos", nn.initializers.normal(0.02), (1, 4, 8))
        if self.scanned:
            layers = nn.scan(
                Block, variable_axes={"params": 0}, split_rngs={"params": True}, length=3
            )
            x, _ = layers(name="layers")(x, None)
        else:
            for _ in range(3):
                x, _ = nn.remat(Block)()(x, None)
        return nn.Dense(8)(x)


class Lifted(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        dense = nn.vmap(nn.Dense, variable_axes={"params": 0}, split_rngs={"params": True})
        return nn.jit(nn.Dense)(16, bias_init=SMALL)(dense(8, bias_init=SMALL)(x))


class Recurrent(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.RNN(nn.LSTMCell(8))(x)


class Net(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(2, 8, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.dropout = nnx.Dropout(0.1, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(2, 8, rngs=rngs, decode=False)
        self.cell = nnx.OptimizedLSTMCell(8, 8, rngs=rngs)

        @nnx.split_rngs(splits=3)
        @nnx.vmap(in_axes=(0,), out_axes=0)
        def layers(rngs: nnx.Rngs) -> nnx.Linear:
            return nnx.Linear(8, 8, rngs=rngs, bias_init=SMALL)

        self.layers = layers(rngs)


IDS = numpy.zeros((2, 4), numpy.int32)

LINEN = {
    "mlp": lambda key: MLP().init(key, numpy.ones((1, 8))),
    "cnn": lambda key: CNN().init(key, numpy.ones((1, 8, 8, 8))),
    "transformer": lambda key: Transformer(False).init(key, IDS),
    "scanned transformer": lambda key: Transformer(True).init(key, IDS),
    "vmap and jit": lambda key: Lifted().init(key, numpy.ones((3, 8))),
    "lstm": lambda key: Recurrent().init(key, numpy.ones((2, 6, 8))),
}
NNX = {
    "nnx": lambda key: nnx.state(Net(nnx.Rngs(key))),
    "nnx with two streams": lambda key: nnx.split(
        Net(nnx.Rngs(params=key, dropout=jax.random.fold_in(key, 1)))
    )[1],
}
