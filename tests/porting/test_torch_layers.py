"""Every layer of torch.nn that a rule knows, against the layer of Flax Linen that it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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
from varscale.port.options import Flattened

jnp = jax.numpy


@dataclass
class Case:
    """A Flax layer, its twin, and an input in Flax's order of axes."""

    flax: Any
    twin: Callable[[], Any]
    shape: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    channels: bool = False
    forward: Callable[[Any, Any], Any] | None = None
    integers: int = 0


def first(model: Any, x: Any) -> Any:
    return model(x)[0]


def itself(model: Any, x: Any) -> Any:
    return model(x, x, x)[0]


def transposed(space: int, **options: Any) -> nn.ConvTranspose:
    return nn.ConvTranspose(6, (3,) * space, strides=(2,) * space, padding="VALID", **options)


def rnn(cell: Any) -> Any:
    """As a module inside another, where the cell gets its automatic name."""

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return nn.RNN(cell())(x)

    return Model()


def bidirectional(cell: Any, layers: int) -> Any:
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            for _ in range(layers):
                x = nn.Bidirectional(nn.RNN(cell()), nn.RNN(cell()))(x)
            return x

    return Model()


class Model(tn.Module):
    """One layer inside a model."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, *inputs: Any) -> Any:
        return self.layer(*inputs)


CASES = {
    "linear": Case(nn.Dense(5), lambda: tn.Linear(7, 5), (2, 7)),
    "linear without bias": Case(
        nn.Dense(5, use_bias=False), lambda: tn.Linear(7, 5, bias=False), (2, 7)
    ),
    "conv 1d": Case(nn.Conv(6, (3,), padding=1), lambda: tn.Conv1d(4, 6, 3, padding=1), (2, 8, 4)),
    "conv 2d": Case(
        nn.Conv(6, (3, 2), padding="VALID"), lambda: tn.Conv2d(4, 6, (3, 2)), (2, 5, 8, 4)
    ),
    "conv 3d": Case(
        nn.Conv(6, (3, 2, 1), padding="VALID"), lambda: tn.Conv3d(4, 6, (3, 2, 1)), (2, 4, 5, 6, 4)
    ),
    "grouped conv": Case(
        nn.Conv(6, (3, 3), feature_group_count=2, padding=1),
        lambda: tn.Conv2d(4, 6, 3, groups=2, padding=1),
        (2, 5, 5, 4),
    ),
    "depthwise conv": Case(
        nn.Conv(8, (3,), feature_group_count=4, padding=1, use_bias=False),
        lambda: tn.Conv1d(4, 8, 3, groups=4, padding=1, bias=False),
        (2, 9, 4),
    ),
    "transposed conv 1d": Case(transposed(1), lambda: tn.ConvTranspose1d(4, 6, 3, 2), (2, 5, 4)),
    "transposed conv 2d": Case(transposed(2), lambda: tn.ConvTranspose2d(4, 6, 3, 2), (2, 4, 5, 4)),
    "transposed conv 3d": Case(
        transposed(3), lambda: tn.ConvTranspose3d(4, 6, 3, 2), (2, 3, 2, 3, 4)
    ),
    "transposed kernel": Case(
        transposed(2, transpose_kernel=True),
        lambda: tn.ConvTranspose2d(4, 6, 3, 2),
        (2, 4, 5, 4),
        {"layout": {"": {"transpose_kernel": True}}},
    ),
    "embedding": Case(nn.Embed(11, 6), lambda: tn.Embedding(11, 6), (2, 5), integers=11),
    "layer norm": Case(nn.LayerNorm(epsilon=1e-5), lambda: tn.LayerNorm(6), (3, 6)),
    "layer norm of two axes": Case(
        nn.LayerNorm(epsilon=1e-5, reduction_axes=(-2, -1), feature_axes=(-2, -1)),
        lambda: tn.LayerNorm((4, 6)),
        (3, 4, 6),
    ),
    "layer norm without bias": Case(
        nn.LayerNorm(epsilon=1e-5, use_bias=False), lambda: tn.LayerNorm(6, bias=False), (3, 6)
    ),
    "rms norm": Case(nn.RMSNorm(epsilon=1e-6), lambda: tn.RMSNorm(6, eps=1e-6), (3, 6)),
    "group norm": Case(
        nn.GroupNorm(2, epsilon=1e-5), lambda: tn.GroupNorm(2, 6), (3, 5, 6), channels=True
    ),
    "batch norm": Case(
        nn.BatchNorm(use_running_average=True), lambda: tn.BatchNorm2d(6), (2, 3, 4, 6)
    ),
    "attention": Case(
        nn.MultiHeadDotProductAttention(3),
        lambda: tn.MultiheadAttention(12, 3, batch_first=True),
        (2, 5, 12),
        forward=itself,
    ),
    "attention without bias": Case(
        nn.MultiHeadDotProductAttention(2, use_bias=False),
        lambda: tn.MultiheadAttention(6, 2, bias=False, batch_first=True),
        (2, 5, 6),
        forward=itself,
    ),
    "rnn": Case(
        rnn(lambda: nn.SimpleCell(4)),
        lambda: tn.RNN(3, 4, batch_first=True),
        (2, 5, 3),
        {},
        forward=first,
    ),
    "lstm": Case(
        rnn(lambda: nn.LSTMCell(4)),
        lambda: tn.LSTM(3, 4, batch_first=True),
        (2, 5, 3),
        forward=first,
    ),
    "optimized lstm": Case(
        rnn(lambda: nn.OptimizedLSTMCell(4)),
        lambda: tn.LSTM(3, 4, batch_first=True),
        (2, 5, 3),
        {"classes": {tn.LSTM: "OptimizedLSTMCell"}},
        forward=first,
    ),
    "gru": Case(
        rnn(lambda: nn.GRUCell(4)), lambda: tn.GRU(3, 4, batch_first=True), (2, 5, 3), forward=first
    ),
    "bidirectional lstm of two layers": Case(
        bidirectional(lambda: nn.LSTMCell(4), 2),
        lambda: tn.LSTM(3, 4, 2, bidirectional=True, batch_first=True),
        (2, 5, 3),
        forward=first,
    ),
    "bidirectional gru": Case(
        bidirectional(lambda: nn.GRUCell(4), 1),
        lambda: tn.GRU(3, 4, bidirectional=True, batch_first=True),
        (2, 5, 3),
        forward=first,
    ),
}
#: Layers that are a model of their own in Flax; the others are inside one.
ALONE = [
    name for name in CASES if "lstm" not in name and name not in ("rnn", "gru", "bidirectional gru")
]


def to_torch(x: np.ndarray[Any, Any], layer: Any) -> Any:
    """Channels where torch has them."""
    spatial = isinstance(
        layer, tn.modules.conv._ConvNd | tn.modules.batchnorm._BatchNorm | tn.GroupNorm
    )
    return torch.from_numpy(np.moveaxis(x, -1, 1).copy() if spatial else x.copy())


def outputs(case: Case, model: Any, layer: Any, x: np.ndarray[Any, Any]) -> Any:
    with torch.no_grad():
        given = to_torch(x, layer)
        y = case.forward(model, given) if case.forward else model(given)
    spatial = given.ndim > 2 and given.shape[1:] != x.shape[1:]
    return y.movedim(1, -1) if spatial else y


def inputs(case: Case) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(0)
    if case.integers:
        return random.integers(case.integers, size=case.shape)
    return random.standard_normal(case.shape, np.float32)


@pytest.mark.parametrize("seed", [0, 2**31])
@pytest.mark.parametrize("name", CASES)
def test_a_layer_starts_as_flax_and_computes_the_same(name: str, seed: int) -> None:
    case = CASES[name]
    x = inputs(case)
    variables = case.flax.init(jax.random.key(seed), x)
    layer = case.twin().eval()
    model = layer if name in ALONE else Model(layer)
    poison(model)
    plan = door.plan(model, seed, "flax.linen", compiled=EAGER, **case.options)
    plan.fill_()
    assert_same_parameters(plan, variables["params"])
    want = (
        case.flax.apply(variables, x, x, x)
        if case.forward is itself
        else case.flax.apply(variables, x)
    )
    assert_same_outputs(outputs(case, model, layer, x), want)


def test_attention_with_keys_and_values_of_other_sizes() -> None:
    random = np.random.default_rng(0)
    q, k, v = (random.standard_normal((2, 5, n), np.float32) for n in (8, 6, 4))
    flax = nn.MultiHeadDotProductAttention(2, qkv_features=8, out_features=8)
    variables = flax.init(jax.random.key(1), q, k, v)
    twin = tn.MultiheadAttention(8, 2, kdim=6, vdim=4, batch_first=True)
    poison(twin)
    plan = door.plan(twin, 1, "flax.linen", compiled=EAGER, expect=variables)
    plan.fill_()
    assert_same_parameters(plan, variables)
    with torch.no_grad():
        got = twin(*map(torch.from_numpy, (q, k, v)))[0]
    assert_same_outputs(got, flax.apply(variables, q, k, v))


def test_inputs_that_were_flattened_with_channels_last() -> None:
    class Flax(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            x = nn.Conv(5, (3, 3))(x)
            return nn.Dense(7)(x.reshape(x.shape[0], -1))

    twin = tn.Sequential(tn.Conv2d(3, 5, 3, padding=1), tn.Flatten(), tn.Linear(60, 7))
    x = np.random.default_rng(0).standard_normal((2, 4, 3, 3), np.float32)
    variables = Flax().init(jax.random.key(5), x)
    poison(twin)
    layout = {"2": Flattened("CHW", (5, 4, 3))}
    plan = door.plan(twin, 5, "flax.linen", layout=layout, compiled=EAGER, expect=variables)
    plan.fill_()
    assert_same_parameters(plan, variables)
    with torch.no_grad():
        got = twin(torch.from_numpy(np.moveaxis(x, -1, 1).copy()))
    assert_same_outputs(got, Flax().apply(variables, x))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_parameters_of_other_dtypes_are_drawn_in_them(dtype: str) -> None:
    with jax.enable_x64(dtype == "float64"):
        flax = nn.Dense(32, param_dtype=dtype, bias_init=nn.initializers.uniform(0.5))
        variables = flax.init(jax.random.key(1), np.ones((2, 48), np.float32))
    twin = tn.Linear(48, 32).to(getattr(torch, dtype))
    poison(twin)
    init = {"": {"bias": door.uniform(0.5)}}
    plan = door.plan(twin, 1, "flax.linen", init=init, compiled=EAGER)
    plan.fill_()
    assert_same_parameters(plan, variables)
