"""`check`: every mistake of porters is found by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.cases import random_cases
from tests.porting.checked import (
    MAP,
    NAMES,
    SEED,
    C,
    Model,
    exchange,
    planned,
    rotate,
    row_of,
    uniform,
)
from tests.torch.tensors import torch

pytest.importorskip("flax", reason="not installed: pip install flax")

from torch import nn as tn

import varscale
import varscale.torch as door
from varscale.port import Place, Twin
from varscale.port.causes import Case, Kind
from varscale.port.causes.scales import fits, guesses
from varscale.port.laws import Law


def stddev(model: Any, name: str) -> float:
    """JAX's, of the weights that are lecun_normal here."""
    return math.sqrt(1 / math.prod(model.get_parameter(name).shape[1:]))


def truncated(tensor: Any, std: float, bound: float = 2.0) -> None:
    tn.init.trunc_normal_(tensor, std=std, a=-bound * std, b=bound * std)


def student(tensor: Any, std: float) -> None:
    values = np.random.default_rng().standard_t(3, tuple(tensor.shape)) * std / math.sqrt(3)
    tensor.copy_(torch.from_numpy(values))


def clipped(tensor: Any) -> None:
    std = tensor.std()
    tn.init.normal_(tensor, std=std)
    tensor.clamp_(-2 * std, 2 * std)


#: What a porter does to the model; the parameter that it is found at; the cause; the evidence.
MISTAKES: dict[str, tuple[Callable[[Any], Any], str, str, str]] = {
    "conv: space exchanged": (
        lambda m: m.conv.weight.copy_(m.conv.weight.mT.clone()),
        "conv.weight", "order", "OIWH, where OIHW is meant (transposed)"),
    "conv: flipped": (
        lambda m: m.conv.weight.copy_(m.conv.weight.flip(-1, -2)),
        "conv.weight", "order", "axes HW flipped"),
    "conv transpose: not flipped": (
        lambda m: m.up.weight.copy_(m.up.weight.flip(-1, -2)),
        "up.weight", "order", "axes HW flipped"),
    "conv: JAX's memory": (
        lambda m: m.conv.weight.copy_(
            m.conv.weight.permute(2, 3, 1, 0).reshape(m.conv.weight.shape)),
        "conv.weight", "order", "HWIO, where OIHW is meant (reshaped, not transposed)"),
    "square weight: not transposed": (
        lambda m: m.fc1.weight.copy_(m.fc1.weight.T.clone()),
        "fc1.weight", "order", "IO, where OI is meant (transposed)"),
    "weight: reshaped": (
        lambda m: m.out.weight.copy_(m.out.weight.T.reshape(m.out.weight.shape)),
        "out.weight", "order", "IO, where OI is meant (reshaped, not transposed)"),
    "inputs flattened as JAX does": (
        lambda m: m.head.weight.copy_(
            m.head.weight.view(24, 6, 4, 4).permute(0, 2, 3, 1).reshape(24, 96)),
        "head.weight", "order", "OHWC, where OCHW is meant"),
    "rows exchanged": (
        lambda m: m.fc2.weight.copy_(m.fc2.weight[torch.randperm(24)]),
        "fc2.weight", "order", "axis O in another order"),
    "shuffled": (
        lambda m: m.fc2.weight.copy_(m.fc2.weight.reshape(-1)[torch.randperm(576)].view(24, 24)),
        "fc2.weight", "order", "none of the usual"),
    "k, v, q": (
        lambda m: rotate(m.attention.in_proj_weight, 3),
        "attention.in_proj_weight", "parts", "attention/key/kernel, where attention/query"),
    "heads interleaved": (
        lambda m: m.attention.out_proj.weight.copy_(
            m.attention.out_proj.weight.view(24, 4, 6).mT.reshape(24, 24)),
        "attention.out_proj.weight", "order", "axis I in the order (6, 4), where JAX has (4, 6)"),
    "gates f, g, o, i": (
        lambda m: rotate(m.lstm.weight_ih_l0, 4),
        "lstm.weight_ih_l0", "parts", "LSTMCell_0/if/kernel, where LSTMCell_0/ii/kernel"),
    "layers swapped": (
        lambda m: exchange(m.fc2.weight, m.attention.out_proj.weight),
        "fc2.weight", "swapped", "attention/out/kernel, where fc2/kernel"),
    "layers swapped and transposed": (
        lambda m: m.fc2.weight.copy_(m.attention.out_proj.weight.T),
        "fc2.weight", "swapped", "(with axes in the order IO"),
    "bfloat16": (
        lambda m: m.out.weight.copy_(m.out.weight.bfloat16()),
        "out.weight", "rounded", "float32 values rounded to bfloat16"),
    "float16": (
        lambda m: m.out.weight.copy_(m.out.weight.half()),
        "out.weight", "rounded", "rounded to float16"),
    "zeros": (lambda m: m.out.weight.zero_(), "out.weight", "constant", "never initialised"),
    "NaN": (
        lambda m: m.out.weight.fill_(torch.nan),
        "out.weight", "not finite", "all of the twin's values are NaN or infinite: never init"),
    "one infinite value": (
        lambda m: m.out.weight[0, :1].fill_(torch.inf),
        "out.weight", "not finite", "1 of 2400 of the twin's"),
    "ones for zeros": (lambda m: m.norm.bias.fill_(1), "norm.bias", "constant", "all values are 1"),
    "torch's bias": (
        lambda m: m.out.reset_parameters(),
        "out.bias", "constant", "within 1/sqrt(fan_in) = 0.2041, as torch's own biases"),
    "a bias of its own": (
        lambda m: m.out.bias.uniform_(0, 9), "out.bias", "constant", "JAX has 0 throughout"),
    "torch's default": (
        lambda m: m.head.reset_parameters(),
        "head.weight", "default", "torch's own default, U(+-1/sqrt(fan_in)): never initialised"),
    "a row of padding": (
        lambda m: m.out.weight[7].zero_(),
        "out.weight", "partly", "24 of 2400 values differ, all at O 7; they are 0 in the twin"),
    "trained": (
        lambda m: m.out.weight.add_(0.05 * torch.randn(100, 24)),
        "out.weight", "changed", "correlated with JAX's values (0.9"),
    "negated": (lambda m: m.fc2.weight.neg_(), "fc2.weight", "scaled", "-1 times JAX's"),
    "scaled by the correction": (
        lambda m: m.out.weight.mul_(C),
        "out.weight", "truncation", "0.87963 times JAX's: the truncation is not corrected"),
    "another law of the same bits": (
        lambda m: m.out.weight.copy_(torch.erf(m.out.weight)),
        "out.weight", "distribution", "JAX's random bits with another distribution; key and"),
    "trunc_normal_ of torch": (
        lambda m: tn.init.trunc_normal_(m.head.weight, std=stddev(m, "head.weight")),
        "head.weight", "truncation", "no truncation, as of torch's trunc_normal_"),
    "no correction": (
        lambda m: truncated(m.out.weight, stddev(m, "out.weight")),
        "out.weight", "truncation", "not corrected for (x0.8796)"),
    "correction, no truncation": (
        lambda m: m.out.weight.normal_(0, stddev(m, "out.weight") / C),
        "out.weight", "truncation", "the correction is made (x1.1368), but no truncation"),
    "correction twice": (
        lambda m: truncated(m.out.weight, stddev(m, "out.weight") / C**2),
        "out.weight", "truncation", "made twice"),
    "packed xavier": (
        lambda m: tn.init.xavier_uniform_(m.attention.in_proj_weight),
        "attention.in_proj_weight", "packed", "whole packed in_proj_weight, fan_out x3"),
    "transposed convolution": (
        lambda m: truncated(m.up.weight, math.sqrt(2 / (6 * 4)) / C),
        "up.weight", "fans", "torch's fans of a transposed convolution"),
    "kernel's area": (
        lambda m: truncated(m.conv.weight, math.sqrt(1 / 8) / C),
        "conv.weight", "area", "without the kernel's area of 9"),
    "fan_out": (
        lambda m: truncated(m.head.weight, math.sqrt(1 / 24) / C),
        "head.weight", "fans", "fan_out (24) where JAX has fan_in"),
    "xavier": (
        lambda m: truncated(m.out.weight, math.sqrt(2 / 124) / C),
        "out.weight", "fans", "fan_avg (62) where JAX has fan_in"),
    "normal for uniform": (
        lambda m: tn.init.xavier_normal_(m.attention.out_proj.weight),
        "attention.out_proj.weight", "distribution", "normal where JAX has a uniform"),
    "uniform for normal": (
        lambda m: uniform(m.head.weight, math.sqrt(3 / 96)),
        "head.weight", "distribution", "uniform where JAX has a normal"),
    "uniform without sqrt(3)": (
        lambda m: uniform(m.attention.out_proj.weight, math.sqrt(1 / 24)),
        "attention.out_proj.weight", "distribution", "without sqrt(3)"),
    "he": (
        lambda m: truncated(m.head.weight, math.sqrt(2 / 96) / C),
        "head.weight", "gain", "a gain of sqrt(2) (he) that JAX has not"),
    "variance": (
        lambda m: truncated(m.head.weight, 1 / 96 / C),
        "head.weight", "variance", "the variance is taken for the standard deviation"),
    "clipped": (lambda m: clipped(m.out.weight), "out.weight", "clipped", "lie on the bounds"),
    "another key": (
        lambda m: door.lecun_normal_(m.out.weight, key=999),
        "out.weight", "key", "the same distribution, uncorrelated"),
    "orthogonal for normal": (
        lambda m: tn.init.orthogonal_(m.head.weight, 2.0),
        "head.weight", "distribution", "the twin's matrix is orthogonal, where JAX has lecun_nor"),
    "an orthogonal kernel": (
        lambda m: tn.init.orthogonal_(m.conv.weight),
        "conv.weight", "distribution", "the twin's matrix is orthogonal, where JAX has lecun_nor"),
    "signs": (
        lambda m: m.head.weight.bernoulli_(0.5).mul_(0.2).sub_(0.1),
        "head.weight", "unknown", "fits no mistake"),
    "another orthogonal matrix": (
        lambda m: tn.init.orthogonal_(m.lstm.weight_hh_l0[:24]),
        "lstm.weight_hh_l0", "key", "an orthogonal matrix as JAX's, but another"),
    "not orthogonal": (
        lambda m: m.lstm.weight_hh_l0[:24].uniform_(-0.2, 0.2),
        "lstm.weight_hh_l0", "distribution", "not orthogonal, as JAX's is"),
    "another tail": (
        lambda m: student(m.out.weight, stddev(m, "out.weight")),
        "out.weight", "unknown", "fits no mistake"),
    "another scale": (
        lambda m: truncated(m.head.weight, 3 * math.sqrt(1 / 96) / C),
        "head.weight", "unknown", "fits no mistake"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake: str, twin: Any, params: Any) -> None:
    plant, name, kind, evidence = MISTAKES[mistake]
    with torch.no_grad():
        plant(twin.model)
    found = twin.check(params)
    row = row_of(found, name)
    assert row.cause is not None, str(found)
    assert (row.cause.kind, evidence in row.cause.text) == (kind, True), row.cause
    assert row.cause.text in str(found)
    assert name in str(found)
    assert not found.ok


def test_every_kind_of_cause_has_a_mistake() -> None:
    elsewhere = {"missing", "shape", "rounding", "init", "few", "dtype", "param_dtype"}
    assert {kind for _, _, kind, _ in MISTAKES.values()} | elsewhere == set(get_args(Kind))


KEYS: dict[str, tuple[Any, str]] = {
    "seed": (SEED + 1, "seed 6 as the model's key"),
    "split": (varscale.split(SEED)[1], "split(key, 2)[1] as the model's key"),
    "legacy": (varscale.key(SEED, partitionable=False), "jax_threefry_partitionable=False"),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_is_nearly_right_is_found(name: str, twin: Any, params: Any) -> None:
    key, evidence = KEYS[name]
    planned(twin.model, key).fill_("fc1.weight", "out.weight")
    for to in ("fc1.weight", "out.weight"):
        cause = row_of(twin.check(params), to).cause
        assert cause.kind == "key"
        assert cause.text.startswith(f"the twin's values are drawn with {evidence} (")


ONE_KEY: dict[str, tuple[Any, str]] = {
    "counter": (varscale.linen.param_key(SEED, ("fc2",), 2), "number 2 of its module"),
    "name": (varscale.linen.param_key(SEED, ("fc3",), 1), "the name fc3/kernel"),
    "raw": (varscale.key(SEED), "the model's own key"),
    "other": (varscale.linen.param_key(SEED, ("head",), 1), "the key of head/kernel"),
    "separator": (
        varscale.linen.param_key(SEED, ("fc2",), 1, fix_rng_separator=True),
        "flax_fix_rng_separator=True",
    ),
}


@pytest.mark.parametrize("name", ONE_KEY)
def test_a_parameters_own_wrong_key_is_found(name: str, twin: Any, params: Any) -> None:
    key, evidence = ONE_KEY[name]
    door.lecun_normal_(twin.model.fc2.weight, key=key)
    cause = row_of(twin.check(params), "fc2.weight").cause
    assert cause.kind == "key"
    assert evidence in cause.text
    assert "the plan's key is" in cause.text


def test_the_side_that_the_plan_did_not_draw_is_named(params: Any) -> None:
    plan = planned(Model(), SEED + 1)
    plan.fill_()
    cause = row_of(plan.check(params), "out.weight").cause
    assert cause.text.startswith("JAX's values are drawn with seed 5 as the model's key")


def test_without_a_key_no_key_is_named(twin: Any, params: Any) -> None:
    planned(twin.model, SEED + 1).fill_("out.weight")
    said: dict[str, Any] = {"names": {**NAMES, "lstm": "LSTMCell_0"}, "layout": MAP}
    found = door.check(twin.model, params, "flax.linen", **said)
    cause = row_of(found, "out.weight").cause
    assert cause.kind == "key"
    assert cause.text.startswith("the same distribution, uncorrelated")


def test_the_other_rounding_is_named(twin: Any, params: Any) -> None:
    planned(twin.model, compiled=True).fill_("fc1.bias")
    cause = row_of(twin.check(params), "fc1.bias").cause
    assert cause.kind == "rounding"
    assert "ulp at most: another rounding" in cause.text
    assert "; the twin's is that of compiled=" in cause.text
    assert "True" in cause.text.rpartition("compiled=")[2]


def test_an_initializer_that_was_not_said_is_named_from_the_bits(params: Any) -> None:
    plan = planned(Model(), init={"fc1": {"bias": door.normal(0.1)}})
    plan.fill_()
    cause = row_of(plan.check(params), "up.weight").cause
    assert cause.kind == "gain"
    assert "a gain of sqrt(2) (he) is missing; key and layout are right" in cause.text
    assert cause.text.endswith("The plan's lecun_normal() is not what JAX's model has")
    cause = row_of(plan.check(params), "attention.out_proj.weight").cause
    assert cause.kind == "distribution"


def test_an_initializer_that_was_not_said_is_named_from_the_values(params: Any) -> None:
    model = Model()
    found = planned(model, init={}).check(params)
    cause = row_of(found, "attention.out_proj.weight").cause
    assert cause.kind == "init"
    assert "not those of lecun_normal()" in cause.text
    assert "uniform where JAX has a normal distribution" in cause.text
    assert "say it in init" in cause.text


def test_few_values_are_not_guessed_at() -> None:
    model = tn.Sequential(tn.Linear(8, 8))
    tree = {"Dense_0/kernel": np.random.default_rng(0).normal(0, 0.3, (8, 8)).astype(np.float32),
            "Dense_0/bias": np.zeros(8, np.float32)}  # fmt: skip
    cause = door.check(model, tree, "flax.linen").rows[0].cause
    assert cause is not None
    assert (cause.kind, cause.text) == ("few", "64 values are too few to tell distributions apart")


@pytest.mark.parametrize("size", [2400, 10000])
def test_heavy_tails_fit_no_law_of_this_spread_and_normals_always_do(size: int) -> None:
    rng = np.random.default_rng(size)
    for _ in range(200):
        tails, normal = rng.standard_t(3, size), rng.standard_normal(size)
        spreads = float(tails.std()) * np.linspace(0.6, 1.2, 7)
        assert not any(fits(tails, Law.of_stddev("normal", spread)) for spread in spreads)
        assert fits(normal, Law("normal", 1.0))


class KeyValue(tn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = tn.Parameter(torch.empty(2 * size, size))


def key_value(module: KeyValue) -> list[Twin]:
    size = module.weight.shape[1]
    sizes = {"inputs": size, "outputs": size, "bias": False}
    places = [Place("kernel", "weight", "OI", (slice(i * size, (i + 1) * size),)) for i in range(2)]
    return [Twin("dense", sizes, (place,), suffix="kv"[i]) for i, place in enumerate(places)]


def test_packed_keys_and_values_are_named() -> None:
    model = tn.Sequential(KeyValue(48))
    said: Any = {"rules": {KeyValue: key_value}, "init": {r"0\..": door.xavier_uniform()}}
    plan = door.plan(model, 0, "flax.linen", **said)
    plan.fill_()
    tree = {
        row.path: part.detach().numpy().T.copy()
        for row, part in zip(plan.plan.rows, model[0].weight.chunk(2), strict=True)
    }
    assert plan.check(tree).ok
    tn.init.xavier_uniform_(model[0].weight)
    for row in plan.check(tree).rows:
        assert row.cause.kind == "packed"
        ratio = float(row.cause.text.partition(" times JAX's")[0].rpartition(" ")[2])
        assert ratio == pytest.approx(0.8165, rel=0.05)


def test_the_other_order_of_flattening_is_named_where_nothing_was_said(
    twin: Any, params: Any
) -> None:
    cause = row_of(planned(twin.model, layout={}).check(params), "head.weight").cause
    assert cause.kind == "order"
    assert "axis I in the order (6, 16), where JAX has (16, 6)" in cause.text
    assert "Flattened('CHW', (6, height, width))" in cause.text


@random_cases(max_examples=25)
@given(
    ratio=st.floats(0.2, 5.0),
    family=st.sampled_from(("normal", "uniform", "truncated")),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_scale_that_nobody_makes_is_not_named(ratio: float, family: str, seed: int) -> None:
    # JAX's and the twin's values are both made here: no key of the plan has drawn either.
    rng = np.random.default_rng(seed)
    model = tn.Sequential(tn.Linear(64, 96, bias=False))
    plan = door.plan(model, 0, "flax.linen")
    std = math.sqrt(1 / 64)

    def draw(family: str, std: float) -> Any:
        if family == "uniform":
            return rng.uniform(-math.sqrt(3), math.sqrt(3), (64, 96)) * std
        values = rng.standard_normal((64, 96))
        while family == "truncated" and (far := np.abs(values) > 2).any():
            values[far] = rng.standard_normal(int(far.sum()))
        return values * std / (C if family == "truncated" else 1)

    tree = {"Dense_0/kernel": draw("truncated", std).astype(np.float32)}
    values = draw(family, ratio * std).astype(np.float32)
    with torch.no_grad():
        model[0].weight.copy_(torch.from_numpy(values.T))
    cause = plan.check(tree).rows[0].cause
    assert cause is not None
    case = Case(plan.plan.rows[0], values, values)
    known = [one for one in guesses(case, plan.plan) if one.law.family == family]
    distance = min(abs(one.law.stddev / (ratio * std) - 1) for one in known)
    if distance > 0.08:
        assert cause.kind == "unknown", (ratio, family, cause)
    else:
        assert cause.kind in ("unknown", *(one.kind for one in known)), cause


def test_mistakes_that_few_values_cannot_tell_apart_are_all_said() -> None:
    # Standard normals of one size: between JAX's truncated ones and those of no truncation.
    rng = np.random.default_rng(0)
    said = set()
    for _ in range(20):
        values = np.clip(rng.standard_normal((15, 15)), -2.2, 2.2)
        values = (values / values.std() * 0.25).astype(np.float32)
        model = tn.Sequential(tn.Linear(15, 15, bias=False))
        plan = door.plan(model, 0, "flax.linen")
        with torch.no_grad():
            model[0].weight.copy_(torch.from_numpy(values))
        tree: Any = {"Dense_0/kernel": np.empty((15, 15), np.float32)}
        init = plan.plan.rows[0].init
        tree["Dense_0/kernel"][:] = varscale.fill(
            init.draw(99, (15, 15), "float32"), np.empty((15, 15), np.float32)
        )
        cause = plan.check(tree).rows[0].cause
        assert cause is not None
        said.add(cause.text.partition("; ")[2][:26])
    assert any(text.startswith("too few values to tell: ") for text in said), said
