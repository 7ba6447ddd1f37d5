"""Random models of Equinox: every parameter of a twin has the key that its layer was made with."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")

from hypothesis import given
from hypothesis import strategies as st
from torch import nn as tn

from tests.core.cases import SEEDS, random_cases
from tests.porting.equinox_params import BIASES, eqx, jr, params_of, planned
from tests.porting.transplants import started
from varscale.port.libraries import Equinox

SIZE = st.integers(1, 6)
LAYER = st.one_of(
    st.tuples(st.just("linear"), SIZE, SIZE, st.booleans()),
    st.tuples(st.just("conv"), SIZE, st.integers(1, 3), st.sampled_from([1, 2])),
    st.tuples(st.just("transposed"), SIZE, st.integers(1, 3), st.sampled_from([1, 2])),
    st.tuples(st.just("norm"), SIZE, st.booleans(), st.none()),
    st.tuples(st.just("embed"), SIZE, SIZE, st.none()),
    st.tuples(st.just("attention"), st.sampled_from([2, 4]), st.booleans(), st.none()),
    st.tuples(st.just("dropout"), st.none(), st.none(), st.none()),
    st.tuples(st.sampled_from(["lstm", "gru"]), SIZE, SIZE, st.booleans()),
)


def make_equinox(layer: Any, key: Any) -> Any:
    kind, a, b, c = layer
    if kind == "linear":
        return eqx.nn.Linear(a, b, c, key=key)
    if kind in ("conv", "transposed"):
        made = eqx.nn.Conv1d if kind == "conv" else eqx.nn.ConvTranspose1d
        return made(2 * a, 4, b, groups=c, key=key)
    if kind == "attention":
        return eqx.nn.MultiheadAttention(2, a, **(BIASES if b else {}), key=key)
    if kind == "embed":
        return eqx.nn.Embedding(a, b, key=key)
    made = eqx.nn.LSTMCell if kind == "lstm" else eqx.nn.GRUCell
    return made(a, b, c, key=key)


def make_torch(layer: Any) -> Any:
    kind, a, b, c = layer
    if kind == "linear":
        return tn.Linear(a, b, bias=c)
    if kind in ("conv", "transposed"):
        return (tn.Conv1d if kind == "conv" else tn.ConvTranspose1d)(2 * a, 4, b, groups=c)
    if kind == "norm":
        return tn.LayerNorm(a, bias=b)
    if kind == "attention":
        return tn.MultiheadAttention(a, 2, bias=b)
    if kind == "embed":
        return tn.Embedding(a, b)
    if kind == "dropout":
        return tn.Dropout(0.5)
    return (tn.LSTMCell if kind == "lstm" else tn.GRUCell)(a, b, c)


@random_cases(max_examples=15)
@given(layers=st.lists(LAYER, min_size=1, max_size=6), seed=SEEDS)
def test_random_models_start_as_equinox(layers: list[Any], seed: int) -> None:
    keyed = [i for i, layer in enumerate(layers) if layer[0] not in ("norm", "dropout")]
    keys = dict(zip(keyed, jr.split(jr.PRNGKey(seed), max(1, len(keyed))), strict=False))
    params: dict[str, Any] = {}
    for i, layer in enumerate(layers):
        if i in keys:
            made = params_of(make_equinox(layer, keys[i]))
        elif layer[0] == "norm":
            made = params_of(eqx.nn.LayerNorm(layer[1], use_bias=layer[2]))
        else:
            made = {}
        params |= {f"{i}/{path}": leaf for path, leaf in made.items()}
    twin = tn.ModuleList([make_torch(layer) for layer in layers])
    like = Equinox({"": "each"} if keyed else {})
    started(twin, params, planned(seed, like, expect=params))
