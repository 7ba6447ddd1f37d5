"""Every layer of torch.nn that a rule knows, against the layer of Haiku that it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
from torch import nn as tn

import varscale.torch as door
from tests.porting.haiku_params import SCALING, W_INIT, hk, initialised, jnp, planned
from tests.porting.transplants import assert_same_function, inputs, scrambled, started, transplant
from tests.torch.tensors import torch
from varscale.port import Flattened, Place, Twin


@dataclass
class Case:
    """A layer of Haiku, its twin, and an input with channels last."""

    haiku: Callable[[Any], Any]
    twin: Callable[[], Any]
    shape: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    forward: Callable[[Any, Any], Any] | None = None
    integers: int = 0


def first(model: Any, x: Any) -> Any:
    return model(x)[0]


def itself(model: Any, x: Any) -> Any:
    return model(x, x, x)[0]


def attended(bias: bool = True) -> Callable[[Any], Any]:
    return lambda x: hk.MultiHeadAttention(3, 4, w_init=W_INIT, with_bias=bias)(x, x, x)


def unrolled(core: Callable[[], Any]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        state = (made := core()).initial_state(x.shape[0])
        return hk.dynamic_unroll(made, x, state, time_major=False)[0]

    return run


class HaikuGRU(tn.Module):
    """hk.GRU, which torch does not have."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.w_i = tn.Parameter(torch.empty(inputs, 3 * hidden))
        self.w_h = tn.Parameter(torch.empty(hidden, 3 * hidden))
        self.b = tn.Parameter(torch.empty(3 * hidden))

    def forward(self, x: Any) -> Any:
        n, steps = len(self.w_h), []
        h = torch.zeros(x.shape[0], n)
        for t in range(x.shape[1]):
            gates = x[:, t] @ self.w_i + self.b
            z, r = torch.sigmoid(gates[:, : 2 * n] + h @ self.w_h[:, : 2 * n]).chunk(2, 1)
            h = (1 - z) * h + z * torch.tanh(gates[:, 2 * n :] + (r * h) @ self.w_h[:, 2 * n :])
            steps.append(h)
        return torch.stack(steps, 1)


def gru_rule(module: HaikuGRU) -> Twin:
    n, places = len(module.w_h), []
    for i, gate in enumerate("zra"):
        columns = (slice(None), slice(i * n, (i + 1) * n))
        places.append(Place(f"ih.{gate}", "w_i", "IO", columns))
        places.append(Place(f"hh.{gate}", "w_h", "IO", columns))
        places.append(Place(f"bias.{gate}", "b", "O", columns[1:]))
    return Twin("haiku_gru", {"inputs": len(module.w_i), "hidden": n}, tuple(places))


CASES = {
    "linear": Case(lambda x: hk.Linear(5)(x), lambda: tn.Linear(7, 5), (2, 7)),
    "linear without bias": Case(
        lambda x: hk.Linear(5, with_bias=False)(x), lambda: tn.Linear(7, 5, bias=False), (2, 7)
    ),
    "conv 1d": Case(lambda x: hk.Conv1D(6, 3)(x), lambda: tn.Conv1d(4, 6, 3, padding=1), (2, 8, 4)),
    "conv 2d": Case(
        lambda x: hk.Conv2D(6, (3, 2), padding="VALID")(x),
        lambda: tn.Conv2d(4, 6, (3, 2)),
        (2, 5, 8, 4),
    ),
    "conv 3d": Case(
        lambda x: hk.Conv3D(6, (3, 2, 1), padding="VALID", with_bias=False)(x),
        lambda: tn.Conv3d(4, 6, (3, 2, 1), bias=False),
        (2, 4, 5, 6, 4),
    ),
    "grouped conv": Case(
        lambda x: hk.Conv2D(6, 3, feature_group_count=2)(x),
        lambda: tn.Conv2d(4, 6, 3, groups=2, padding=1),
        (2, 5, 5, 4),
    ),
    "depthwise conv": Case(
        lambda x: hk.DepthwiseConv2D(2, 3)(x),
        lambda: tn.Conv2d(4, 8, 3, groups=4, padding=1),
        (2, 5, 5, 4),
        {"classes": {tn.Conv2d: "DepthwiseConv2D"}},
    ),
    "transposed conv 1d": Case(
        lambda x: hk.Conv1DTranspose(6, 3, 2, padding="VALID")(x),
        lambda: tn.ConvTranspose1d(4, 6, 3, 2),
        (2, 5, 4),
    ),
    "transposed conv 2d": Case(
        lambda x: hk.Conv2DTranspose(6, (3, 2), 2, padding="VALID")(x),
        lambda: tn.ConvTranspose2d(4, 6, (3, 2), 2),
        (2, 4, 5, 4),
    ),
    "transposed conv 3d": Case(
        lambda x: hk.Conv3DTranspose(6, 3, 2, padding="VALID")(x),
        lambda: tn.ConvTranspose3d(4, 6, 3, 2),
        (2, 3, 2, 3, 4),
    ),
    "embedding": Case(
        lambda x: hk.Embed(11, 6)(x), lambda: tn.Embedding(11, 6), (2, 5), integers=11
    ),
    "layer norm": Case(lambda x: hk.LayerNorm(-1, True, True)(x), lambda: tn.LayerNorm(6), (3, 6)),
    "layer norm without offset": Case(
        lambda x: hk.LayerNorm(-1, True, False)(x), lambda: tn.LayerNorm(6, bias=False), (3, 6)
    ),
    "rms norm": Case(lambda x: hk.RMSNorm(-1)(x), lambda: tn.RMSNorm(6, eps=1e-5), (3, 6)),
    "group norm": Case(lambda x: hk.GroupNorm(2)(x), lambda: tn.GroupNorm(2, 6), (3, 5, 6)),
    "instance norm": Case(
        lambda x: hk.InstanceNorm(True, True)(x),
        lambda: tn.InstanceNorm1d(6, affine=True),
        (3, 5, 6),
    ),
    "batch norm": Case(
        lambda x: hk.BatchNorm(True, True, 0.9)(x, is_training=True),
        lambda: tn.BatchNorm2d(6).train(),
        (2, 3, 4, 6),
    ),
    "attention": Case(
        attended(),
        lambda: tn.MultiheadAttention(12, 3, batch_first=True),
        (2, 5, 12),
        {"init": {"": SCALING}},
        itself,
    ),
    "attention without bias": Case(
        attended(bias=False),
        lambda: tn.MultiheadAttention(12, 3, bias=False, batch_first=True),
        (2, 5, 12),
        {"init": {"": SCALING}},
        itself,
    ),
    "vanilla rnn": Case(
        unrolled(lambda: hk.VanillaRNN(4)),
        lambda: tn.RNN(3, 4, nonlinearity="relu", batch_first=True),
        (2, 5, 3),
        {},
        first,
    ),
    "vanilla rnn of one bias": Case(
        unrolled(lambda: hk.VanillaRNN(4, double_bias=False)),
        lambda: tn.RNN(3, 4, nonlinearity="relu", batch_first=True),
        (2, 5, 3),
        {"layout": {"": {"double_bias": False}}},
        first,
    ),
    "lstm": Case(
        unrolled(lambda: hk.LSTM(4)), lambda: tn.LSTM(3, 4, batch_first=True), (2, 5, 3), {}, first
    ),
    "gru": Case(
        unrolled(lambda: hk.GRU(4)),
        lambda: HaikuGRU(3, 4),
        (2, 5, 3),
        {"rules": {HaikuGRU: gru_rule}, "classes": {HaikuGRU: "GRU"}},
    ),
}


@pytest.mark.parametrize("seed", [0, 2**31])
@pytest.mark.parametrize("name", CASES)
def test_a_layer_starts_as_haiku_and_computes_the_same(name: str, seed: int) -> None:
    case = CASES[name]
    x = inputs(case.shape, case.integers)
    model, params, state = initialised(case.haiku, jnp.asarray(x), key=seed)
    twin = case.twin()
    plan = started(twin, params, planned(seed, expect=params, **case.options))
    assert_same_function(twin, x, model.apply(params, state, None, x)[0], case.forward)
    others = scrambled(params)
    transplant(plan, others)
    tree = {
        module: {leaf: jnp.asarray(others[f"{module}/{leaf}"]) for leaf in leaves}
        for module, leaves in params.items()
    }
    assert_same_function(twin, x, model.apply(tree, state, None, x)[0], case.forward)


def test_inputs_that_were_flattened_with_channels_last() -> None:
    def function(x: Any) -> Any:
        return hk.Linear(7)(hk.Flatten()(hk.Conv2D(5, 3)(x)))

    x = inputs((2, 4, 3, 3))
    model, params, state = initialised(function, jnp.asarray(x), key=5)
    twin = tn.Sequential(tn.Conv2d(3, 5, 3, padding=1), tn.Flatten(), tn.Linear(60, 7))
    started(twin, params, planned(5, layout={"2": Flattened("CHW", (5, 4, 3))}))
    with torch.no_grad():
        got = twin(torch.from_numpy(np.moveaxis(x, -1, 1).copy())).numpy()
    np.testing.assert_allclose(got, model.apply(params, state, None, x)[0], atol=2e-5)


def test_layers_of_two_directions() -> None:
    def function(x: Any) -> Any:
        for _ in range(2):
            forward, backward = hk.LSTM(4), hk.LSTM(4)
            states = forward.initial_state(2), backward.initial_state(2)
            there, _ = hk.dynamic_unroll(forward, x, states[0], time_major=False)
            back, _ = hk.dynamic_unroll(backward, x[:, ::-1], states[1], time_major=False)
            x = jnp.concatenate([there, back[:, ::-1]], -1)
        return x

    x = inputs((2, 5, 3))
    model, params, state = initialised(function, jnp.asarray(x), key=2)
    twin = tn.LSTM(3, 4, 2, bidirectional=True, batch_first=True)
    started(twin, params, planned(2, expect=params))
    assert_same_function(twin, x, model.apply(params, state, None, x)[0], first)


def test_what_haiku_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"query/w has no initializer: .* say it in init"):
        door.plan(tn.MultiheadAttention(4, 2), 0, "haiku")
    with pytest.raises(ValueError, match=r"hk\.GRU resets its state .* 'haiku_gru'"):
        door.plan(tn.GRU(4, 4), 0, "haiku")
    twin = tn.Conv1d(4, 4, 3, groups=2)
    with pytest.raises(ValueError, match="a group for each input, got 2 of 4"):
        door.plan(twin, 0, "haiku", classes={tn.Conv1d: "DepthwiseConv1D"})
    with pytest.raises(TypeError, match="is one key"):
        door.plan(tn.Linear(4, 4), {"params": 0}, "haiku")
    for layer in (tn.LSTM(4, 4, bias=False), tn.RNN(4, 4, bias=False)):
        with pytest.raises(ValueError, match="has a bias; give a rule"):
            door.plan(layer, 0, "haiku")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_parameters_of_other_dtypes(dtype: str) -> None:
    x = jnp.zeros((2, 5, 5, 16), dtype)
    _, params, _ = initialised(lambda x: hk.Linear(9)(hk.Conv2D(24, 3)(x)), x, key=1)
    twin = tn.Sequential(tn.Conv2d(16, 24, 3), tn.Linear(24, 9)).to(getattr(torch, dtype))
    started(twin, params, planned(1))
