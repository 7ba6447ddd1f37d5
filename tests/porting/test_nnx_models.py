"""torch models that start as models of Flax NNX: streams, transforms, random models."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
from torch import nn as tn

import varscale
import varscale.torch as door
from tests.core.oracle import jax
from tests.porting.nnx_params import jnp, nnx, params_of, planned
from tests.porting.transplants import assert_same_function, inputs, started
from tests.torch.tensors import torch
from varscale.port.libraries import NNX


class Net(nnx.Module):
    """Every way in which a model draws from a stream."""

    def __init__(self, rngs: Any, dropout: float = 0.1) -> None:
        self.stem = nnx.Linear(6, 8, rngs=rngs)
        self.drop = nnx.Dropout(0.2, rngs=rngs)
        self.norm = nnx.LayerNorm(8, epsilon=1e-5, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(
            2, 8, dropout_rate=dropout, deterministic=True, decode=False, rngs=rngs
        )
        self.quiet = nnx.Dropout(0.0, rngs=rngs)
        self.blocks = nnx.List([nnx.Linear(8, 8, use_bias=i < 1, rngs=rngs) for i in range(2)])
        self.head = nnx.Sequential(
            nnx.Linear(8, 5, rngs=rngs), nnx.relu, nnx.Linear(5, 3, rngs=rngs)
        )

    def __call__(self, x: Any) -> Any:
        x = self.norm(self.drop(self.stem(x), deterministic=True))
        x = self.quiet(self.attention(x), deterministic=True)
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


class NetTwin(tn.Module):
    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.stem = tn.Linear(6, 8)
        self.drop = tn.Dropout(0.2)
        self.norm = tn.LayerNorm(8)
        self.attention = tn.MultiheadAttention(8, 2, dropout=dropout, batch_first=True)
        self.quiet = tn.Dropout(0.0)
        self.blocks = tn.ModuleList([tn.Linear(8, 8, bias=i < 1) for i in range(2)])
        self.head = tn.Sequential(tn.Linear(8, 5), tn.ReLU(), tn.Linear(5, 3))

    def forward(self, x: Any) -> Any:
        x = self.norm(self.drop(self.stem(x)))
        x = self.quiet(self.attention(x, x, x)[0])
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize(
    "streams",
    [0, {"params": 0, "dropout": 1}, {"default": 9, "params": 5}, {"dropout": 3, "default": 4}],
    ids=str,
)
def test_a_model_with_dropout_from_streams_of_every_kind(streams: Any, dropout: float) -> None:
    model, twin = Net(nnx.Rngs(streams), dropout), NetTwin(dropout).eval()
    params = params_of(model)
    started(twin, params, planned(streams, expect=params))
    x = inputs((2, 4, 6))
    assert_same_function(twin, x, model(jnp.asarray(x)))


def test_keys_of_every_kind_are_a_seed_for_rngs() -> None:
    for key in (jax.random.key(3), varscale.key(3), jax.random.PRNGKey(3)):
        model = nnx.Linear(4, 3, rngs=nnx.Rngs(jax.random.key(3)))
        started(tn.Linear(4, 3), params_of(model), planned(key))


def test_before_flax_0_11_dropout_draws_nothing() -> None:
    class Bare(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.first = nnx.Linear(4, 4, rngs=rngs)
            self.attention = nnx.MultiHeadAttention(
                2, 4, dropout_rate=0.5, keep_rngs=False, decode=False, rngs=rngs
            )
            self.last = nnx.Linear(4, 4, rngs=rngs)

    class BareTwin(tn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = tn.Linear(4, 4)
            self.drop = tn.Dropout(0.5)
            self.attention = tn.MultiheadAttention(4, 2, dropout=0.5)
            self.last = tn.Linear(4, 4)

    params = params_of(Bare(nnx.Rngs(2)))
    started(BareTwin(), params, planned(2, NNX(dropout_draws=False)))
    kept = {"names": {"drop": None}, "layout": {"attention": {"keep_rngs": False}}}
    started(BareTwin(), params, planned(2, **kept))
    with pytest.raises(AssertionError, match=r"attention/query/kernel.*values differ"):
        started(BareTwin(), params, planned(2))


def test_a_stream_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"drop draws from the stream 'dropout', .*\('params'\)"):
        door.plan(NetTwin(), {"params": 0}, "flax.nnx")


class Recurrent(nnx.Module):
    """Two layers of two directions, with a fork for each module around a cell."""

    def __init__(self, rngs: Any, keep: bool) -> None:
        self.layers = nnx.List([])
        for width in (3, 8):
            forward, backward = (
                nnx.RNN(nnx.OptimizedLSTMCell(width, 4, keep_rngs=keep, rngs=rngs), rngs=rngs)
                for _ in range(2)
            )
            self.layers.append(nnx.Bidirectional(forward, backward, rngs=rngs))
        self.head = nnx.Linear(8, 2, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return self.head(x)


class RecurrentTwin(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = tn.LSTM(3, 4, 2, bidirectional=True, batch_first=True)
        self.head = tn.Linear(8, 2)

    def forward(self, x: Any) -> Any:
        return self.head(self.lstm(x)[0])


@pytest.mark.filterwarnings("ignore:keep_rngs argument is deprecated")
@pytest.mark.parametrize("keep", [False, True])
def test_layers_of_two_directions_with_streams_for_their_carry(keep: bool) -> None:
    model, twin = Recurrent(nnx.Rngs(1), keep), RecurrentTwin()
    options = {
        "names": {
            r"lstm\.l(\d)": r"layers/\1/forward_rnn/cell",
            r"lstm\.l(\d)_reverse": r"layers/\1/backward_rnn/cell",
        },
        "classes": {tn.LSTM: "OptimizedLSTMCell"},
        "layout": {
            r"lstm\.l\d": {"carries": 1, "keep_rngs": keep},
            r"lstm\.l\d_reverse": {"carries": 2, "keep_rngs": keep},
        },
    }
    started(twin, params_of(model), planned(1, **options))
    x = inputs((2, 5, 3))
    assert_same_function(twin, x, model(jnp.asarray(x)))


def test_modules_that_jax_makes_in_another_order() -> None:
    class Late(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.b = nnx.Linear(4, 4, rngs=rngs)
            self.pos = nnx.Param(nnx.initializers.normal(0.02)(rngs.params(), (5, 4)))
            self.scale = nnx.Param(jnp.ones((4,)))
            self.a = nnx.Linear(4, 4, rngs=rngs)

    class LateTwin(tn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pos = tn.Parameter(torch.empty(5, 4))
            self.scale = tn.Parameter(torch.empty(4))
            self.a, self.b = tn.Linear(4, 4), tn.Linear(4, 4)

    params = params_of(Late(nnx.Rngs(8)))
    free = {"pos": ("pos", door.normal(0.02)), "scale": ("scale", door.ones)}
    options = {"params": free, "order": ["b", "pos", "scale", "a"]}
    started(LateTwin(), params, planned(8, expect=params, **options))
    with pytest.raises(AssertionError):
        started(LateTwin(), params, planned(8, NNX(constants_draw=True), **options))


def test_initializers_of_the_user_change_no_key() -> None:
    model = nnx.Sequential(
        nnx.Linear(
            6, 5, kernel_init=nnx.initializers.zeros, bias_init=nnx.initializers.normal(0.1),
            rngs=(rngs := nnx.Rngs(4)),
        ),
        nnx.LayerNorm(5, scale_init=nnx.initializers.uniform(2.0), rngs=rngs),
        nnx.Linear(5, 2, kernel_init=nnx.initializers.he_uniform(), rngs=rngs),
    )  # fmt: skip
    twin = tn.Sequential(tn.Linear(6, 5), tn.LayerNorm(5), tn.Linear(5, 2))
    init = {
        "0": {"kernel": door.zeros, "bias": door.normal(0.1)},
        "1": {"scale": door.uniform(2.0)},
        "2": door.he_uniform(),
    }
    started(twin, params_of(model), planned(4, init=init))


class Blocks(nnx.Module):
    """Modules that vmap makes, between others."""

    def __init__(self, rngs: Any) -> None:
        self.before = nnx.Linear(4, 4, rngs=rngs)

        @nnx.split_rngs(splits=3)
        @nnx.vmap(in_axes=0, out_axes=0)
        def make(rngs: Any) -> Any:
            return Block(rngs)

        self.blocks = make(rngs)
        self.after = nnx.Linear(4, 4, rngs=rngs)


class Block(nnx.Module):
    def __init__(self, rngs: Any) -> None:
        self.up = nnx.Linear(4, 6, rngs=rngs)
        self.drop = nnx.Dropout(0.1, rngs=rngs)
        self.down = nnx.Linear(6, 4, use_bias=False, rngs=rngs)


class BlockTwin(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.drop, self.down = tn.Linear(4, 6), tn.Dropout(0.1), tn.Linear(6, 4, False)


class BlocksTwin(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before = tn.Linear(4, 4)
        self.blocks = tn.ModuleList([BlockTwin() for _ in range(3)])
        self.after = tn.Linear(4, 4)


LIFTED: dict[str, Any] = {"names": {r"blocks\.\d": "blocks"}, "lift": {r"blocks\.(\d)": "vmap"}}


@pytest.mark.parametrize("streams", [5, {"params": 1, "dropout": 2}], ids=str)
def test_modules_that_vmap_makes(streams: Any) -> None:
    params = params_of(Blocks(nnx.Rngs(streams)))
    started(BlocksTwin(), params, planned(streams, expect=params, **LIFTED))


def test_there_is_no_scan_of_modules() -> None:
    options = {**LIFTED, "lift": {r"blocks\.(\d)": "scan"}}
    with pytest.raises(ValueError, match=r"transform 'vmap' only .* got 'scan'"):
        door.plan(BlocksTwin(), 0, "flax.nnx", **options)
