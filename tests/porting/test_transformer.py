"""An encoder and a decoder with cross attention, in a loop and scanned: Flax and its twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.oracle import EAGER, jax
from tests.porting.twins import assert_same_outputs, assert_same_parameters, poison
from tests.torch.tensors import torch

pytest.importorskip("flax", reason="not installed: pip install flax")

import flax.linen as nn
from torch import nn as tn

import varscale.torch as door

WORDS, WIDTH, HEADS, DEPTH, LENGTH = 31, 12, 3, 3, 7


class Mlp(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        y = nn.Dense(2 * WIDTH, bias_init=nn.initializers.normal(1e-6))(x)
        return nn.Dense(WIDTH, bias_init=nn.initializers.normal(1e-6))(nn.gelu(y))


class EncoderLayer(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = x + nn.MultiHeadDotProductAttention(HEADS)(nn.LayerNorm()(x))
        return x + Mlp(name="mlp")(nn.LayerNorm()(x))


class DecoderLayer(nn.Module):
    @nn.compact
    def __call__(self, x: Any, memory: Any) -> Any:
        y = nn.LayerNorm()(x)
        x = x + nn.MultiHeadDotProductAttention(HEADS, name="self_attention")(y)
        y = nn.LayerNorm()(x)
        x = x + nn.MultiHeadDotProductAttention(HEADS, name="cross_attention")(y, memory)
        return x + Mlp(name="mlp")(nn.LayerNorm()(x))


class EncoderStep(nn.Module):
    @nn.compact
    def __call__(self, x: Any, _: Any) -> Any:
        return EncoderLayer(name="layer")(x), None


class Translator(nn.Module):
    """Embedded words and positions, encoder, decoder; scanned or not."""

    scanned: bool

    @nn.compact
    def __call__(self, source: Any, target: Any) -> Any:
        embed = nn.Embed(WORDS, WIDTH, name="embed")
        positions = self.param("positions", nn.initializers.normal(0.02), (1, LENGTH, WIDTH))
        x, y = embed(source) + positions, embed(target) + positions
        if self.scanned:
            step = nn.scan(
                EncoderStep,
                variable_axes={"params": 0},
                split_rngs={"params": True},
                length=DEPTH,
            )
            x, _ = step(name="encoder")(x, None)
        else:
            for i in range(DEPTH):
                x = EncoderLayer(name=f"encoder_{i}")(x)
        for _ in range(DEPTH):
            y = DecoderLayer()(y, x)
        return embed.attend(nn.LayerNorm(name="norm")(y))


def attention() -> Any:
    return tn.MultiheadAttention(WIDTH, HEADS, batch_first=True)


def norm() -> Any:
    return tn.LayerNorm(WIDTH, eps=1e-6)


class TwinMlp(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = tn.Linear(WIDTH, 2 * WIDTH), tn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Any) -> Any:
        return self.fc2(tn.functional.gelu(self.fc1(x), approximate="tanh"))


class TwinEncoderLayer(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.attention, self.norm2 = norm(), attention(), norm()
        self.mlp = TwinMlp()

    def forward(self, x: Any) -> Any:
        y = self.norm1(x)
        x = x + self.attention(y, y, y)[0]
        return x + self.mlp(self.norm2(x))


class TwinDecoderLayer(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.self_attention = norm(), attention()
        self.norm2, self.cross_attention = norm(), attention()
        self.norm3, self.mlp = norm(), TwinMlp()

    def forward(self, x: Any, memory: Any) -> Any:
        y = self.norm1(x)
        x = x + self.self_attention(y, y, y)[0]
        x = x + self.cross_attention(self.norm2(x), memory, memory)[0]
        return x + self.mlp(self.norm3(x))


class TwinTranslator(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = tn.Embedding(WORDS, WIDTH)
        self.positions = tn.Parameter(torch.empty(1, LENGTH, WIDTH))
        self.encoder = tn.ModuleList(TwinEncoderLayer() for _ in range(DEPTH))
        self.decoder = tn.ModuleList(TwinDecoderLayer() for _ in range(DEPTH))
        self.norm = norm()
        self.head = tn.Linear(WIDTH, WORDS, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, source: Any, target: Any) -> Any:
        x, y = self.embed(source) + self.positions, self.embed(target) + self.positions
        for layer in self.encoder:
            x = layer(x)
        for layer in self.decoder:
            y = layer(y, x)
        return self.head(self.norm(y))


@pytest.mark.parametrize("scanned", [False, True])
def test_a_translator_starts_as_flax_and_translates_the_same(scanned: bool) -> None:
    random = np.random.default_rng(0)
    words = [random.integers(WORDS, size=(2, LENGTH)) for _ in range(2)]
    flax = Translator(scanned)
    variables = flax.init(jax.random.key(8), *words)
    twin = TwinTranslator().eval()
    poison(twin)
    encoder = "encoder/layer" if scanned else r"encoder_\1"
    plan = door.plan(
        twin,
        8,
        "flax.linen",
        names={
            "embed": "embed",
            "norm": "norm",
            r"encoder\.(\d+)": encoder,
            r".*\.mlp": "mlp",
            r".*\.self_attention": "self_attention",
            r".*\.cross_attention": "cross_attention",
        },
        lift={r"encoder\.(\d+)": "scan"} if scanned else {},
        classes={TwinDecoderLayer: "DecoderLayer"},
        init={r".*\.fc\d": {"bias": door.normal(1e-6)}},
        params={"positions": ("positions", door.normal(0.02))},
        compiled=EAGER,
        expect=variables,
    )
    plan.fill_()
    assert_same_parameters(plan, variables)
    with torch.no_grad():
        got = twin(*map(torch.from_numpy, words))
    assert_same_outputs(got, flax.apply(variables, *words))
