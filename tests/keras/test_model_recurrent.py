"""Every recurrent layer and cell of Keras that a rule knows, against Flax Linen's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")
jax = pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
nn = pytest.importorskip("flax.linen", reason="not installed: pip install flax")

from keras import layers  # noqa: E402

import varscale.keras as vk  # noqa: E402

if jax.__version_info__ < (0, 10):
    pytest.skip("not available: jax>=0.10", allow_module_level=True)

#: Biases and scales that are not zero or one: outputs show where they lie.
UNIFORM = jax.nn.initializers.uniform(1.0)
BIAS = {"bias_init": UNIFORM}
DRAWN_BIAS = {"init": {"layer": {"bias": vk.uniform(1.0)}}}
Params = Any
Want = Callable[[Params], dict[str, Any]]


@dataclass
class Case:
    """A Flax layer, its twin, an input, and Flax's parameters as Keras has them, by hand."""

    flax: Callable[[Any], Any]
    twin: Callable[[], Any]
    shape: tuple[int, ...]
    want: Want
    options: dict[str, Any] = field(default_factory=dict)
    forward: Callable[[Any, Any], Any] = lambda layer, x: layer(x)
    integers: int = 0


SAME: dict[str, Any] = {"padding": "same"}
FORWARD = {"init": {r"layer\.forward|layer\.backward": {"bias": vk.uniform(1.0)}}}
STACKED = {"init": {r"layer\.[01]": {"bias": vk.uniform(1.0)}}}


def rnn_cell(cell: Params) -> dict[str, Any]:
    return {
        "kernel": cell["i"]["kernel"],
        "recurrent_kernel": cell["h"]["kernel"],
        "bias": cell["i"]["bias"],
    }


def lstm_cell(cell: Params) -> dict[str, Any]:
    return {
        "kernel": np.concatenate([cell[f"i{gate}"]["kernel"] for gate in "ifgo"], 1),
        "recurrent_kernel": np.concatenate([cell[f"h{gate}"]["kernel"] for gate in "ifgo"], 1),
        "bias": np.concatenate([cell[f"h{gate}"]["bias"] for gate in "ifgo"]),
    }


def gru_cell(cell: Params) -> dict[str, Any]:
    zero = np.zeros_like(cell["hn"]["bias"])
    return {
        "kernel": np.concatenate([cell[f"i{gate}"]["kernel"] for gate in "zrn"], 1),
        "recurrent_kernel": np.concatenate([cell[f"h{gate}"]["kernel"] for gate in "zrn"], 1),
        "bias": np.stack(
            [
                np.concatenate([cell[f"i{gate}"]["bias"] for gate in "zrn"]),
                np.concatenate([zero, zero, cell["hn"]["bias"]]),
            ]
        ),
    }


def conv_lstm_cell(cell: Params) -> dict[str, Any]:
    kernels = {}
    for ours, name in (("kernel", "ih"), ("recurrent_kernel", "hh")):
        i, g, f, o = np.split(np.asarray(cell[name]["kernel"]), 4, -1)
        kernels[ours] = np.concatenate([i, f, g, o], -1)
    i, g, f, o = np.split(np.asarray(cell["ih"]["bias"] + cell["hh"]["bias"]), 4)
    return {**kernels, "bias": np.concatenate([i, f + 1, g, o])}


def cells(**places: tuple[str, Callable[[Params], dict[str, Any]]]) -> Want:
    """Cells by the names of attributes that lead to them, with __ for dots."""

    def want(params: Params) -> dict[str, Any]:
        return {
            f"layer.{place.replace('__', '.')}.{leaf}".replace("..", "."): array
            for place, (name, layout) in places.items()
            for leaf, array in layout(params[name]).items()
        }

    return want


def one_step(states: int, size: int) -> Callable[[Any, Any], Any]:
    """The output of a cell for zeros as its state."""
    return lambda cell, x: cell(x, [keras.ops.zeros((x.shape[0], size))] * states)[0]


def flax_step(cell: Any, states: int, size: int) -> Callable[[Any], Any]:
    def body(x: Any) -> Any:
        zeros = jax.numpy.zeros((x.shape[0], size))
        return cell()(zeros if states == 1 else (zeros,) * states, x)[1]

    return body


def run(cell: Any) -> Callable[[Any], Any]:
    return lambda x: nn.RNN(cell())(x)


def last(cell: Any) -> Callable[[Any], Any]:
    return lambda x: nn.RNN(cell())(x)[:, -1]


def two(cell: Any) -> Callable[[Any], Any]:
    return lambda x: nn.Bidirectional(nn.RNN(cell()), nn.RNN(cell()))(x)


def simple() -> Any:
    return nn.SimpleCell(8, **BIAS)


def lstm() -> Any:
    return nn.LSTMCell(8, **BIAS)


def gru() -> Any:
    return nn.GRUCell(8, **BIAS)


CASES = {
    "simple rnn": Case(
        run(simple),
        lambda: layers.SimpleRNN(8, return_sequences=True),
        (2, 4, 5),
        cells(cell=("SimpleCell_0", rnn_cell)),
        DRAWN_BIAS,
    ),
    "lstm": Case(
        run(lstm),
        lambda: layers.LSTM(8, return_sequences=True),
        (2, 4, 5),
        cells(cell=("LSTMCell_0", lstm_cell)),
        DRAWN_BIAS,
    ),
    "optimized lstm": Case(
        run(lambda: nn.OptimizedLSTMCell(8, **BIAS)),
        lambda: layers.LSTM(8, return_sequences=True),
        (2, 4, 5),
        cells(cell=("OptimizedLSTMCell_0", lstm_cell)),
        {**DRAWN_BIAS, "classes": {layers.LSTM: "OptimizedLSTMCell"}},
    ),
    "gru": Case(
        run(gru),
        lambda: layers.GRU(8, return_sequences=True),
        (2, 4, 5),
        cells(cell=("GRUCell_0", gru_cell)),
        DRAWN_BIAS,
    ),
    "simple rnn cell": Case(
        flax_step(simple, 1, 8),
        lambda: layers.SimpleRNNCell(8),
        (2, 5),
        cells(**{"": ("SimpleCell_0", rnn_cell)}),
        DRAWN_BIAS,
        one_step(1, 8),
    ),
    "lstm cell": Case(
        flax_step(lstm, 2, 8),
        lambda: layers.LSTMCell(8),
        (2, 5),
        cells(**{"": ("LSTMCell_0", lstm_cell)}),
        DRAWN_BIAS,
        one_step(2, 8),
    ),
    "gru cell": Case(
        flax_step(gru, 1, 8),
        lambda: layers.GRUCell(8),
        (2, 5),
        cells(**{"": ("GRUCell_0", gru_cell)}),
        DRAWN_BIAS,
        one_step(1, 8),
    ),
    "stacked cells": Case(
        lambda x: nn.RNN(gru())(nn.RNN(lstm())(x)),
        lambda: layers.RNN([layers.LSTMCell(8), layers.GRUCell(8)], return_sequences=True),
        (2, 4, 5),
        cells(cell__cells__0=("LSTMCell_0", lstm_cell), cell__cells__1=("GRUCell_0", gru_cell)),
        STACKED,
    ),
    "bidirectional lstm": Case(
        two(lstm),
        lambda: layers.Bidirectional(layers.LSTM(8, return_sequences=True)),
        (2, 4, 5),
        cells(
            forward_layer__cell=("LSTMCell_0", lstm_cell),
            backward_layer__cell=("LSTMCell_1", lstm_cell),
        ),
        FORWARD,
    ),
    "bidirectional gru": Case(
        two(gru),
        lambda: layers.Bidirectional(layers.GRU(8, return_sequences=True)),
        (2, 4, 5),
        cells(
            forward_layer__cell=("GRUCell_0", gru_cell),
            backward_layer__cell=("GRUCell_1", gru_cell),
        ),
        FORWARD,
    ),
    "conv lstm 1d": Case(
        last(lambda: nn.ConvLSTMCell(8, (3,))),
        lambda: layers.ConvLSTM1D(8, 3, **SAME),
        (2, 3, 6, 4),
        cells(cell=("ConvLSTMCell_0", conv_lstm_cell)),
    ),
    "conv lstm 2d": Case(
        last(lambda: nn.ConvLSTMCell(8, (3, 2))),
        lambda: layers.ConvLSTM2D(8, (3, 2), **SAME),
        (2, 3, 6, 5, 4),
        cells(cell=("ConvLSTMCell_0", conv_lstm_cell)),
    ),
    "time distributed": Case(
        lambda x: nn.Dense(8, **BIAS)(x),
        lambda: layers.TimeDistributed(layers.Dense(8)),
        (2, 3, 5),
        lambda p: {f"layer.layer.{leaf}": one for leaf, one in p["Dense_0"].items()},
        DRAWN_BIAS,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_starts_and_computes_as_flaxs(name: str, assert_same_layer: Any) -> None:
    assert_same_layer(CASES[name])
