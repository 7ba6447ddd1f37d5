"""Random models of Haiku: every parameter of a twin has the key that the sequence gives."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")

from hypothesis import given
from hypothesis import strategies as st
from torch import nn as tn

from tests.core.cases import SEEDS, random_cases
from tests.porting.haiku_params import hk, initialised, jnp, planned
from tests.porting.transplants import started
from varscale.port.libraries import Haiku

SIZE = st.integers(1, 6)
LAYER = st.one_of(
    st.tuples(st.just("linear"), SIZE, SIZE, st.booleans()),
    st.tuples(st.just("conv"), SIZE, st.integers(1, 3), st.sampled_from([1, 2])),
    st.tuples(st.just("transposed"), SIZE, SIZE, st.none()),
    st.tuples(st.just("norm"), SIZE, st.booleans(), st.none()),
    st.tuples(st.just("embed"), SIZE, SIZE, st.none()),
    st.tuples(st.just("dropout"), st.none(), st.none(), st.none()),
    st.tuples(st.sampled_from(["lstm", "rnn"]), SIZE, SIZE, st.none()),
)


def run_haiku(layer: Any) -> None:
    kind, a, b, c = layer
    if kind == "linear":
        hk.Linear(b, with_bias=c)(jnp.zeros((1, a)))
    elif kind == "conv":
        hk.Conv1D(4, b, feature_group_count=c)(jnp.zeros((1, 4, 2 * a)))
    elif kind == "transposed":
        hk.Conv1DTranspose(b, 3)(jnp.zeros((1, 4, a)))
    elif kind == "norm":
        hk.LayerNorm(-1, True, b)(jnp.zeros((2, a)))
    elif kind == "embed":
        hk.Embed(a, b)(jnp.zeros((1,), int))
    elif kind == "dropout":
        hk.dropout(hk.next_rng_key(), 0.5, jnp.ones(2))
    else:
        core = {"lstm": hk.LSTM, "rnn": hk.VanillaRNN}[kind](b)
        core(jnp.zeros((1, a)), core.initial_state(1))


def make_torch(layer: Any) -> Any:
    kind, a, b, c = layer
    if kind == "linear":
        return tn.Linear(a, b, bias=c)
    if kind == "conv":
        return tn.Conv1d(2 * a, 4, b, groups=c)
    if kind == "transposed":
        return tn.ConvTranspose1d(a, b, 3)
    if kind == "norm":
        return tn.LayerNorm(a, bias=b)
    if kind == "embed":
        return tn.Embedding(a, b)
    if kind == "dropout":
        return tn.Dropout(0.5)
    return {"lstm": tn.LSTMCell, "rnn": tn.RNNCell}[kind](a, b)


@random_cases(max_examples=15)
@given(
    layers=st.lists(LAYER, min_size=1, max_size=6),
    seed=SEEDS,
    reserve=st.integers(1, 5),
)
def test_random_models_start_as_haiku(layers: list[Any], seed: int, reserve: int) -> None:
    def function() -> None:
        for layer in layers:
            run_haiku(layer)

    with hk.config.context(rng_reserve_size=reserve):
        _, params, _ = initialised(function, key=seed)
    twin = tn.ModuleList([make_torch(layer) for layer in layers])
    classes = {tn.LSTMCell: "LSTM", tn.RNNCell: "VanillaRNN"}
    started(twin, params, planned(seed, Haiku(reserve, True), expect=params, classes=classes))
