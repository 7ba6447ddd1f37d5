"""Every layer of torch.nn that a rule knows, against the layer of Flax NNX that it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
from torch import nn as tn

import varscale.torch as door
from tests.porting.nnx_params import jnp, nnx, params_of, planned, with_params
from tests.porting.transplants import assert_same_function, inputs, scrambled, started, transplant
from tests.porting.twins import assert_same_outputs
from tests.torch.tensors import torch
from varscale.port import Flattened, Place, Twin


@dataclass
class Case:
    """A layer of NNX, its twin, and an input with channels last."""

    nnx: Callable[[Any], Any]
    twin: Callable[[], Any]
    shape: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    forward: Callable[[Any, Any], Any] | None = None
    integers: int = 0


def first(model: Any, x: Any) -> Any:
    return model(x)[0]


def itself(model: Any, x: Any) -> Any:
    return model(x, x, x)[0]


CELL = {"names": {"": "cell"}}

CASES = {
    "linear": Case(lambda r: nnx.Linear(7, 5, rngs=r), lambda: tn.Linear(7, 5), (2, 7)),
    "linear without bias": Case(
        lambda r: nnx.Linear(7, 5, use_bias=False, rngs=r),
        lambda: tn.Linear(7, 5, bias=False),
        (2, 7),
    ),
    "conv 1d": Case(
        lambda r: nnx.Conv(4, 6, (3,), padding=1, rngs=r),
        lambda: tn.Conv1d(4, 6, 3, padding=1),
        (2, 8, 4),
    ),
    "conv 2d": Case(
        lambda r: nnx.Conv(4, 6, (3, 2), padding="VALID", rngs=r),
        lambda: tn.Conv2d(4, 6, (3, 2)),
        (2, 5, 8, 4),
    ),
    "conv 3d": Case(
        lambda r: nnx.Conv(4, 6, (3, 2, 1), padding="VALID", rngs=r),
        lambda: tn.Conv3d(4, 6, (3, 2, 1)),
        (2, 4, 5, 6, 4),
    ),
    "grouped conv": Case(
        lambda r: nnx.Conv(4, 6, (3, 3), feature_group_count=2, padding=1, rngs=r),
        lambda: tn.Conv2d(4, 6, 3, groups=2, padding=1),
        (2, 5, 5, 4),
    ),
    "depthwise conv": Case(
        lambda r: nnx.Conv(4, 8, (3,), feature_group_count=4, padding=1, use_bias=False, rngs=r),
        lambda: tn.Conv1d(4, 8, 3, groups=4, padding=1, bias=False),
        (2, 9, 4),
    ),
    "transposed conv": Case(
        lambda r: nnx.ConvTranspose(4, 6, (3, 2), strides=(2, 2), padding="VALID", rngs=r),
        lambda: tn.ConvTranspose2d(4, 6, (3, 2), 2),
        (2, 4, 5, 4),
    ),
    "transposed kernel": Case(
        lambda r: nnx.ConvTranspose(
            4, 6, (3,), strides=(2,), padding="VALID", transpose_kernel=True, rngs=r
        ),
        lambda: tn.ConvTranspose1d(4, 6, 3, 2),
        (2, 5, 4),
        {"layout": {"": {"transpose_kernel": True}}},
    ),
    "embedding": Case(
        lambda r: nnx.Embed(11, 6, rngs=r), lambda: tn.Embedding(11, 6), (2, 5), integers=11
    ),
    "layer norm": Case(
        lambda r: nnx.LayerNorm(6, epsilon=1e-5, rngs=r), lambda: tn.LayerNorm(6), (3, 6)
    ),
    "rms norm": Case(
        lambda r: nnx.RMSNorm(6, epsilon=1e-6, rngs=r), lambda: tn.RMSNorm(6, eps=1e-6), (3, 6)
    ),
    "group norm": Case(
        lambda r: nnx.GroupNorm(6, 2, epsilon=1e-5, rngs=r),
        lambda: tn.GroupNorm(2, 6),
        (3, 5, 6),
    ),
    "instance norm": Case(
        lambda r: nnx.InstanceNorm(6, epsilon=1e-5, rngs=r),
        lambda: tn.InstanceNorm1d(6, affine=True),
        (3, 5, 6),
    ),
    "batch norm": Case(
        lambda r: nnx.BatchNorm(6, use_running_average=True, rngs=r),
        lambda: tn.BatchNorm2d(6),
        (2, 3, 4, 6),
    ),
    "attention": Case(
        lambda r: nnx.MultiHeadAttention(3, 12, decode=False, rngs=r),
        lambda: tn.MultiheadAttention(12, 3, batch_first=True),
        (2, 5, 12),
        forward=itself,
    ),
    "attention without bias": Case(
        lambda r: nnx.MultiHeadAttention(2, 6, use_bias=False, decode=False, rngs=r),
        lambda: tn.MultiheadAttention(6, 2, bias=False, batch_first=True),
        (2, 5, 6),
        forward=itself,
    ),
    "rnn": Case(
        lambda r: nnx.RNN(nnx.SimpleCell(3, 4, rngs=r)),
        lambda: tn.RNN(3, 4, batch_first=True),
        (2, 5, 3),
        CELL,
        first,
    ),
    "lstm": Case(
        lambda r: nnx.RNN(nnx.LSTMCell(3, 4, rngs=r)),
        lambda: tn.LSTM(3, 4, batch_first=True),
        (2, 5, 3),
        CELL,
        first,
    ),
    "optimized lstm": Case(
        lambda r: nnx.RNN(nnx.OptimizedLSTMCell(3, 4, rngs=r)),
        lambda: tn.LSTM(3, 4, batch_first=True),
        (2, 5, 3),
        {**CELL, "classes": {tn.LSTM: "OptimizedLSTMCell"}},
        first,
    ),
    "gru": Case(
        lambda r: nnx.RNN(nnx.GRUCell(3, 4, rngs=r)),
        lambda: tn.GRU(3, 4, batch_first=True),
        (2, 5, 3),
        CELL,
        first,
    ),
}


@pytest.mark.parametrize("seed", [0, 2**31])
@pytest.mark.parametrize("name", CASES)
def test_a_layer_starts_as_nnx_and_computes_the_same(name: str, seed: int) -> None:
    case = CASES[name]
    model, twin = case.nnx(nnx.Rngs(seed)), case.twin().eval()
    plan = started(twin, params_of(model), planned(seed, **case.options))
    x = inputs(case.shape, case.integers)
    assert_same_function(twin, x, model(jnp.asarray(x)), case.forward)
    others = scrambled(params_of(model))
    transplant(plan, others)
    assert_same_function(twin, x, with_params(model, others)(jnp.asarray(x)), case.forward)


def test_inputs_that_were_flattened_with_channels_last() -> None:
    rngs = nnx.Rngs(5)
    conv, dense = nnx.Conv(3, 5, (3, 3), rngs=rngs), nnx.Linear(60, 7, rngs=rngs)
    twin = tn.Sequential(tn.Conv2d(3, 5, 3, padding=1), tn.Flatten(), tn.Linear(60, 7))
    params = {
        **{f"layers/0/{path}": leaf for path, leaf in params_of(conv).items()},
        **{f"layers/2/{path}": leaf for path, leaf in params_of(dense).items()},
    }
    started(twin, params, planned(5, layout={"2": Flattened("CHW", (5, 4, 3))}))
    x = inputs((2, 4, 3, 3))
    with torch.no_grad():
        got = twin(torch.from_numpy(np.moveaxis(x, -1, 1).copy()))
    assert_same_outputs(got, dense(conv(jnp.asarray(x)).reshape(2, -1)))


def test_attention_that_normalises_queries_and_keys() -> None:
    class Normed(tn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = tn.ParameterDict()
            for name in ("query", "key", "value", "out"):
                self.weights[name] = torch.empty(8, 8)
                self.weights[f"{name}_bias"] = torch.empty(8)
            for name in ("query", "key"):
                self.weights[f"{name}_ln"] = torch.empty(4)

    def rule(_: Any) -> Twin:
        places = []
        for name in ("query", "key", "value", "out"):
            places.append(Place(f"{name}.kernel", f"weights.{name}", "OI"))
            places.append(Place(f"{name}.bias", f"weights.{name}_bias", "O"))
        for name in ("query", "key"):
            places.append(Place(f"{name}_ln.scale", f"weights.{name}_ln", "a"))
        sizes = {"inputs": 8, "heads": 2, "head_size": 4, "outputs": 8, "normalize_qk": True}
        return Twin("attention", sizes, tuple(places))

    model = nnx.Sequential(
        nnx.MultiHeadAttention(2, 8, normalize_qk=True, decode=False, rngs=(rngs := nnx.Rngs(6))),
        nnx.Linear(8, 2, rngs=rngs),
    )
    twin = tn.Sequential(Normed(), tn.Linear(8, 2))
    started(twin, params_of(model), planned(6, rules={Normed: rule}))


def test_attention_of_two_widths() -> None:
    model = nnx.MultiHeadAttention(2, 8, in_kv_features=6, decode=False, rngs=nnx.Rngs(1))
    twin = tn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True)
    started(twin, params_of(model), planned(1))
    with pytest.raises(ValueError, match="keys and values of the same width"):
        door.plan(tn.MultiheadAttention(8, 2, kdim=6, vdim=4), 1, "flax.nnx")


def test_what_nnx_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"conv_transpose layer of flax\.nnx has no groups"):
        door.plan(tn.ConvTranspose1d(4, 4, 3, groups=2), 0, "flax.nnx")
    with pytest.raises(ValueError, match="recurrent cells have a bias"):
        door.plan(tn.GRU(4, 4, bias=False), 0, "flax.nnx")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_parameters_of_other_dtypes(dtype: str) -> None:
    model = nnx.Conv(16, 24, (3, 3), param_dtype=dtype, rngs=nnx.Rngs(1))
    twin = tn.Conv2d(16, 24, 3).to(getattr(torch, dtype))
    started(twin, params_of(model), planned(1))
