"""Random models of Flax NNX: every parameter of a twin has the key that the stream gives."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")

from hypothesis import given
from hypothesis import strategies as st
from torch import nn as tn

from tests.core.cases import SEEDS, random_cases
from tests.porting.nnx_params import nnx, params_of, planned
from tests.porting.transplants import started

SIZE = st.integers(1, 6)
LAYER = st.one_of(
    st.tuples(st.just("linear"), SIZE, SIZE, st.booleans()),
    st.tuples(st.just("conv"), SIZE, st.integers(1, 3), st.sampled_from([1, 2])),
    st.tuples(st.just("norm"), SIZE, st.booleans(), st.booleans()),
    st.tuples(st.just("embed"), SIZE, SIZE, st.none()),
    st.tuples(st.just("attention"), st.sampled_from([2, 4]), st.sampled_from([0, 0.3]), st.none()),
    st.tuples(st.just("dropout"), st.sampled_from([0.0, 0.5]), st.none(), st.none()),
    st.tuples(st.sampled_from(["lstm", "gru", "rnn"]), SIZE, SIZE, st.none()),
)  # fmt: skip


def make_nnx(layer: Any, rngs: Any) -> Any:
    kind, a, b, c = layer
    if kind == "linear":
        return nnx.Linear(a, b, use_bias=c, rngs=rngs)
    if kind == "conv":
        return nnx.Conv(2 * a, 4, (b,), feature_group_count=c, rngs=rngs)
    if kind == "norm":
        return nnx.LayerNorm(a, use_scale=True, use_bias=c, rngs=rngs)
    if kind == "embed":
        return nnx.Embed(a, b, rngs=rngs)
    if kind == "attention":
        return nnx.MultiHeadAttention(2, a, dropout_rate=b, decode=False, rngs=rngs)
    if kind == "dropout":
        return nnx.Dropout(a, rngs=rngs)
    return {"lstm": nnx.LSTMCell, "gru": nnx.GRUCell, "rnn": nnx.SimpleCell}[kind](a, b, rngs=rngs)


def make_torch(layer: Any) -> Any:
    kind, a, b, c = layer
    if kind == "linear":
        return tn.Linear(a, b, bias=c)
    if kind == "conv":
        return tn.Conv1d(2 * a, 4, b, groups=c)
    if kind == "norm":
        return tn.LayerNorm(a, bias=c)
    if kind == "embed":
        return tn.Embedding(a, b)
    if kind == "attention":
        return tn.MultiheadAttention(a, 2, dropout=b)
    if kind == "dropout":
        return tn.Dropout(a)
    return {"lstm": tn.LSTMCell, "gru": tn.GRUCell, "rnn": tn.RNNCell}[kind](a, b)


@random_cases(max_examples=15)
@given(layers=st.lists(LAYER, min_size=1, max_size=6), seed=SEEDS, stream=st.booleans())
def test_random_models_start_as_nnx(layers: list[Any], seed: int, stream: bool) -> None:
    streams = {"dropout": 1, "params": seed} if stream else seed
    rngs = nnx.Rngs(streams)
    params: dict[str, Any] = {}
    for i, layer in enumerate(layers):
        made = params_of(make_nnx(layer, rngs))
        params |= {f"{i}/{path}": leaf for path, leaf in made.items()}
    twin = tn.ModuleList([make_torch(layer) for layer in layers])
    started(twin, params, planned(streams))
