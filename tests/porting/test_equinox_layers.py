"""Every layer of torch.nn that a rule knows, against the layer of Equinox that it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
from torch import nn as tn

import varscale.torch as door
from tests.core.oracle import configured, jax
from tests.porting.equinox_params import BIASES, eqx, jnp, jr, params_of, planned, with_params
from tests.porting.transplants import assert_same_function, inputs, scrambled, started, transplant
from tests.torch.tensors import torch
from varscale.port import Place, Twin


def along(cell: Any, xs: Any) -> Any:
    """A cell's outputs along a sequence."""
    zero = jnp.zeros(cell.hidden_size)
    lstm = isinstance(cell, eqx.nn.LSTMCell)
    state, outputs = (zero, zero) if lstm else zero, []
    for x in xs:
        state = cell(x, state)
        outputs.append(state[0] if lstm else state)
    return jnp.stack(outputs)


@dataclass
class Case:
    """A layer of Equinox, its twin, and an input without a batch, channels first."""

    eqx: Callable[[Any], Any]
    twin: Callable[[], Any]
    shape: tuple[int, ...]
    call: Callable[[Any, Any], Any] = lambda model, x: model(x)
    forward: Callable[[Any, Any], Any] | None = None
    integers: int = 0
    options: dict[str, Any] = field(default_factory=dict)


def first(model: Any, x: Any) -> Any:
    return model(x)[0]


def itself(model: Any, x: Any) -> Any:
    return model(x, x, x)[0]


def attended(model: Any, x: Any) -> Any:
    return model(x, x, x)


CASES = {
    "linear": Case(lambda k: eqx.nn.Linear(7, 5, key=k), lambda: tn.Linear(7, 5), (2, 7)),
    "linear without bias": Case(
        lambda k: eqx.nn.Linear(7, 5, False, key=k), lambda: tn.Linear(7, 5, bias=False), (2, 7)
    ),
    "conv 1d": Case(
        lambda k: eqx.nn.Conv1d(4, 6, 3, padding=1, key=k),
        lambda: tn.Conv1d(4, 6, 3, padding=1),
        (2, 4, 8),
    ),
    "conv 2d": Case(
        lambda k: eqx.nn.Conv2d(4, 6, (3, 2), key=k),
        lambda: tn.Conv2d(4, 6, (3, 2)),
        (2, 4, 5, 8),
    ),
    "conv 3d": Case(
        lambda k: eqx.nn.Conv3d(4, 6, (3, 2, 1), use_bias=False, key=k),
        lambda: tn.Conv3d(4, 6, (3, 2, 1), bias=False),
        (2, 4, 4, 5, 6),
    ),
    "grouped conv": Case(
        lambda k: eqx.nn.Conv2d(4, 6, 3, groups=2, key=k),
        lambda: tn.Conv2d(4, 6, 3, groups=2),
        (2, 4, 5, 5),
    ),
    "depthwise conv": Case(
        lambda k: eqx.nn.Conv1d(4, 8, 3, groups=4, key=k),
        lambda: tn.Conv1d(4, 8, 3, groups=4),
        (2, 4, 9),
    ),
    "transposed conv 1d": Case(
        lambda k: eqx.nn.ConvTranspose1d(4, 6, 3, 2, key=k),
        lambda: tn.ConvTranspose1d(4, 6, 3, 2),
        (2, 4, 5),
    ),
    "transposed conv 2d": Case(
        lambda k: eqx.nn.ConvTranspose2d(4, 6, (3, 2), 2, key=k),
        lambda: tn.ConvTranspose2d(4, 6, (3, 2), 2),
        (2, 4, 4, 5),
    ),
    "transposed conv 3d": Case(
        lambda k: eqx.nn.ConvTranspose3d(4, 6, 3, 2, use_bias=False, key=k),
        lambda: tn.ConvTranspose3d(4, 6, 3, 2, bias=False),
        (2, 4, 3, 2, 3),
    ),
    "grouped transposed conv": Case(
        lambda k: eqx.nn.ConvTranspose2d(4, 6, (3, 2), 2, groups=2, key=k),
        lambda: tn.ConvTranspose2d(4, 6, (3, 2), 2, groups=2),
        (2, 4, 4, 5),
    ),
    "depthwise transposed conv": Case(
        lambda k: eqx.nn.ConvTranspose1d(3, 6, 3, 2, groups=3, key=k),
        lambda: tn.ConvTranspose1d(3, 6, 3, 2, groups=3),
        (2, 3, 5),
    ),
    "embedding": Case(
        lambda k: eqx.nn.Embedding(11, 6, key=k),
        lambda: tn.Embedding(11, 6),
        (2, 5),
        jax.vmap,
        integers=11,
    ),
    "layer norm": Case(lambda k: eqx.nn.LayerNorm(6), lambda: tn.LayerNorm(6), (3, 6)),
    "layer norm of two axes": Case(
        lambda k: eqx.nn.LayerNorm((4, 6), use_bias=False),
        lambda: tn.LayerNorm((4, 6), bias=False),
        (3, 4, 6),
    ),
    "rms norm": Case(
        lambda k: eqx.nn.RMSNorm(6, use_bias=False), lambda: tn.RMSNorm(6, eps=1e-5), (3, 6)
    ),
    "group norm": Case(lambda k: eqx.nn.GroupNorm(2, 6), lambda: tn.GroupNorm(2, 6), (3, 6, 5)),
    "instance norm": Case(
        lambda k: eqx.nn.GroupNorm(6, 6), lambda: tn.InstanceNorm1d(6, affine=True), (3, 6, 5)
    ),
    "attention": Case(
        lambda k: eqx.nn.MultiheadAttention(3, 12, key=k),
        lambda: tn.MultiheadAttention(12, 3, bias=False, batch_first=True),
        (2, 5, 12),
        attended,
        itself,
    ),
    "attention with biases": Case(
        lambda k: eqx.nn.MultiheadAttention(2, 6, **BIASES, key=k),
        lambda: tn.MultiheadAttention(6, 2, dropout=0.3, batch_first=True),
        (2, 5, 6),
        attended,
        itself,
    ),
    "lstm": Case(
        lambda k: eqx.nn.LSTMCell(3, 5, key=k),
        lambda: tn.LSTM(3, 5, batch_first=True),
        (2, 4, 3),
        along,
        first,
    ),
    "lstm without bias": Case(
        lambda k: eqx.nn.LSTMCell(3, 5, False, key=k),
        lambda: tn.LSTM(3, 5, bias=False, batch_first=True),
        (2, 4, 3),
        along,
        first,
    ),
    "gru": Case(
        lambda k: eqx.nn.GRUCell(3, 5, key=k),
        lambda: tn.GRU(3, 5, batch_first=True),
        (2, 4, 3),
        along,
        first,
    ),
    "gru without bias": Case(
        lambda k: eqx.nn.GRUCell(3, 5, False, key=k),
        lambda: tn.GRU(3, 5, bias=False, batch_first=True),
        (2, 4, 3),
        along,
        first,
    ),
}


@pytest.mark.parametrize("seed", [0, 2**31])
@pytest.mark.parametrize("name", CASES)
def test_a_layer_starts_as_equinox_and_computes_the_same(name: str, seed: int) -> None:
    case = CASES[name]
    model, twin = case.eqx(jr.PRNGKey(seed)), case.twin().eval()
    params = params_of(model)
    plan = started(twin, params, planned(seed, expect=params, **case.options))
    x = inputs(case.shape, case.integers)
    call = jax.vmap(lambda one: case.call(model, one))
    if case.integers:
        call = jax.vmap(jax.vmap(model))
    same = {"forward": case.forward, "channels_first": True}
    assert_same_function(twin, x, call(jnp.asarray(x)), **same)
    others = scrambled(params)
    transplant(plan, others)
    changed = with_params(model, others)
    call = jax.vmap(lambda one: case.call(changed, one))
    if case.integers:
        call = jax.vmap(jax.vmap(changed))
    assert_same_function(twin, x, call(jnp.asarray(x)), **same)


def test_batch_norm_has_no_key() -> None:
    norm, _ = eqx.nn.make_with_state(eqx.nn.BatchNorm)(6, axis_name="batch", mode="batch")
    params = {"weight": norm.weight, "bias": norm.bias}
    started(tn.BatchNorm2d(6), params, planned(expect=params))


def test_what_equinox_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="equinox has no layer of the kind 'simple_rnn'"):
        door.plan(tn.RNN(3, 3), 0, "equinox")
    with pytest.raises(ValueError, match="has a weight and a bias, or neither"):
        door.plan(tn.ModuleList([PartNorm()]), 0, "equinox", rules={PartNorm: part_norm})
    with pytest.raises(TypeError, match="is one key"):
        door.plan(tn.Linear(3, 3), {"params": 0}, "equinox")


class PartNorm(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = tn.Parameter(torch.empty(3))


def part_norm(_: Any) -> Twin:
    places = (Place("scale", "weight", "a"),)
    return Twin("group_norm", {"shape": (3,), "scale": True, "bias": False}, places)


#: Of widths whose limits are other float64 numbers by 1 / sqrt(n) and by sqrt(1 / n).
OTHERS = {
    "conv": (lambda **given: eqx.nn.Conv2d(2, 24, 3, **given), lambda: tn.Conv2d(2, 24, 3)),
    "linear": (lambda **given: eqx.nn.Linear(3, 24, **given), lambda: tn.Linear(3, 24)),
    "gru": (lambda **given: eqx.nn.GRUCell(4, 6, **given), lambda: tn.GRUCell(4, 6)),
}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("name", OTHERS)
def test_parameters_of_other_dtypes(name: str, dtype: str) -> None:
    made, twin = OTHERS[name]
    with configured(x64=dtype == "float64"):
        params = params_of(made(dtype=jnp.dtype(dtype), key=jr.PRNGKey(1)))
        params = {path: np.asarray(leaf) for path, leaf in params.items()}
    started(twin().to(getattr(torch, dtype)), params, planned(1))
