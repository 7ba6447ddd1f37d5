"""`check`: a twin like its Flax model is found equal; every mistake of porters is found by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.cases import random_cases
from tests.core.oracle import EAGER, jax
from tests.torch.tensors import as_numpy, torch

pytest.importorskip("flax", reason="not installed: pip install flax")

import flax.linen as nn
from torch import nn as tn

import varscale
import varscale.torch as door
from varscale.port import Flattened, Place, Twin
from varscale.port.causes import Case, Kind
from varscale.port.causes.scales import fits, guesses
from varscale.port.laws import Law
from varscale.port.libraries import Linen
from varscale.port.trees import flatten

#: Standard deviation of a standard normal truncated to (-2, 2).
C = 0.87962566103423978
SEED = 5
MAP = {"head": Flattened("CHW", (6, 4, 4))}
XAVIER = nn.initializers.xavier_uniform()
INIT = {
    "attention": {r"(query|key|value)/kernel": door.xavier_uniform()},
    "fc1": {"bias": door.normal(0.1)},
    "up": door.he_normal(),
}
NAMES = {name: name for name in ("conv", "up", "head", "norm", "attention", "fc1", "fc2", "out")}


class Flax(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.Conv(36, (3, 3), name="conv")(x)
        x = nn.ConvTranspose(6, (2, 2), kernel_init=nn.initializers.he_normal(), name="up")(x)
        x = nn.LayerNorm(name="norm")(nn.Dense(24, name="head")(x.reshape(x.shape[0], -1)))
        x = nn.MultiHeadDotProductAttention(4, kernel_init=XAVIER, name="attention")(x[:, None])
        x = nn.RNN(nn.LSTMCell(24), name="lstm")(x)
        x = nn.Dense(24, bias_init=nn.initializers.normal(0.1), name="fc1")(x)
        return nn.Dense(100, name="out")(nn.Dense(24, name="fc2")(x))


class Model(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.up = tn.Conv2d(8, 36, 3), tn.ConvTranspose2d(36, 6, 2)
        self.head, self.norm = tn.Linear(96, 24), tn.LayerNorm(24)
        self.attention = tn.MultiheadAttention(24, 4)
        self.lstm = tn.LSTM(24, 24)
        self.fc1, self.fc2, self.out = tn.Linear(24, 24), tn.Linear(24, 24), tn.Linear(24, 100)


#: Values of the model.
TOTAL = sum(parameter.numel() for parameter in Model().parameters())


def planned(model: Any, key: Any = SEED, **options: Any) -> Any:
    said = {"names": {**NAMES, "lstm": "LSTMCell_0"}, "init": INIT, "layout": MAP}
    said["init"] = {**INIT, "attention": {r".*/kernel": door.xavier_uniform()}}
    return door.plan(model, key, "flax.linen", **({**said, "compiled": EAGER} | options))


@pytest.fixture(scope="module")
def params() -> Any:
    variables = Flax().init(jax.random.key(SEED), np.zeros((2, 4, 4, 8), np.float32))
    return jax.tree.map(np.asarray, variables["params"])


@pytest.fixture
def twin() -> Any:
    """A plan whose model is filled."""
    plan = planned(Model())
    plan.fill_()
    return plan


def row_of(found: Any, name: str, part: str = "") -> Any:
    return next(row for row in found.rows if row.to == name and part in row.part)


def test_a_twin_as_jax_has_it_is_equal(twin: Any, params: Any) -> None:
    found = twin.check({"params": params})
    assert found.ok
    assert all(row.equal and not row.differing and row.max_ulp == 0 for row in found.rows)
    assert sum(row.size for row in found.rows) == sum(p.numel() for p in twin.model.parameters())
    assert str(found) == f"all {len(found.rows)} are equal, {TOTAL:,} values, bit for bit"
    found.raise_()


def test_one_other_bit_is_seen(twin: Any, params: Any) -> None:
    weight = twin.model.out.weight
    with torch.no_grad():
        weight[3, 4] = torch.nextafter(weight[3, 4], torch.tensor(9.0))
    found = twin.check(params)
    (row,) = [row for row in found.rows if not row.equal]
    assert (row.to, row.differing, row.max_ulp, row.cause.kind) == ("out.weight", 1, 1, "rounding")
    assert not found.ok
    with pytest.raises(AssertionError, match=rf"(?s)1 of 38 differ, 1 of {TOTAL:,}.*out\.weight"):
        found.raise_()


def test_a_comparison_is_no_truth_value(twin: Any, params: Any) -> None:
    with pytest.raises(TypeError, match=r"use \.ok"):
        bool(twin.check(params))


def stddev(model: Any, name: str) -> float:
    """JAX's, of the weights that are lecun_normal here."""
    return math.sqrt(1 / math.prod(model.get_parameter(name).shape[1:]))


def truncated(tensor: Any, std: float, bound: float = 2.0) -> None:
    tn.init.trunc_normal_(tensor, std=std, a=-bound * std, b=bound * std)


def rotate(tensor: Any, parts: int) -> None:
    tensor.copy_(torch.cat([*tensor.chunk(parts)[1:], tensor.chunk(parts)[0]]))


def exchange(one: Any, other: Any) -> None:
    kept = one.clone()
    one.copy_(other)
    other.copy_(kept)


def uniform(tensor: Any, limit: float) -> None:
    tn.init.uniform_(tensor, -limit, limit)


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


def test_missing_and_misshapen_leaves(twin: Any, params: Any) -> None:
    tree = {**params, "fc1": {"kernell": params["fc1"]["kernel"], "bias": np.zeros(23)}}
    found = twin.check(tree)
    missing, shape = row_of(found, "fc1.weight"), row_of(found, "fc1.bias")
    assert missing.cause.kind == "missing"
    assert missing.cause.text.startswith("JAX's tree has no fc1/kernel; it has fc1/kernell")
    assert missing.differing == missing.size
    assert shape.cause.kind == "shape"
    assert shape.cause.text == "JAX's array has shape (23,), the twin's gives (24,)"
    assert found.unmatched == ("fc1/kernell",)


def test_what_is_not_compared_is_said(twin: Any, params: Any) -> None:
    found = twin.check({"params": params, "batch_stats": {"bn": {"mean": np.zeros(3)}}})
    assert found.ok
    assert found.others == ("batch_stats/bn/mean",)
    assert "1 in the tree, not compared: batch_stats/bn/mean" in str(found)
    found = twin.check({**params, "extra": {"kernel": np.zeros(3, np.float32)}})
    assert not found.ok
    assert "1 of JAX's parameters, without a place in the plan: extra/kernel" in str(found)
    assert "all 38 are equal" in str(found)


def test_running_averages_among_the_parameters_are_no_parameters() -> None:
    plan = door.plan(tn.Sequential(tn.BatchNorm1d(3)), 0, "flax.linen")
    plan.fill_()
    ones, zeros = np.ones(3, np.float32), np.zeros(3, np.float32)
    leaves = {"scale": ones, "bias": zeros, "mean": zeros, "var": ones, "count": np.uint32(3)}
    found = plan.check({"BatchNorm_0": leaves})
    assert found.ok
    assert set(found.others) == {f"BatchNorm_0/{name}" for name in ("mean", "var", "count")}
    found = plan.check({"BatchNorm_0": {"scale": ones, "bias": zeros}, "Other_0": {"mean": ones}})
    assert found.unmatched == ("Other_0/mean",)


def test_a_file_of_parameters_will_do(params: Any, tmp_path: Path) -> None:
    leaves = {path: leaf for path, leaf in flatten(params).items() if path.startswith("out/")}
    np.savez(tmp_path / "out.npz", **leaves)
    model, said = tn.Sequential(tn.Linear(24, 100)), {"names": {"0": "out"}}
    door.init_(model, SEED, "flax.linen", names=said["names"], expect=tmp_path / "out.npz")
    file = str(tmp_path / "out.npz")
    door.check(model, file, "flax.linen", names=said["names"], compiled=EAGER).raise_()
    with pytest.raises(ValueError, match="JAX's out/bias"):
        door.plan(tn.Sequential(tn.Linear(24, 9)), SEED, "flax.linen", **said, expect=file)


def test_what_the_plan_leaves_is_not_compared(twin: Any, params: Any) -> None:
    found = planned(twin.model, names={**NAMES, "lstm": "LSTMCell_0", "out": None}).check(params)
    assert found.left == ("out.weight", "out.bias")
    assert set(found.unmatched) == {"out/kernel", "out/bias"}
    assert found.ok
    assert "2 of the twin, left as they are, not compared: out.weight, out.bias" in str(found)


def test_nothing_compared_is_not_well() -> None:
    found = door.check(tn.Sequential(tn.ReLU()), {}, "flax.linen")
    assert not found.ok
    assert str(found) == "nothing was compared"


def test_stacked_parameters_are_compared_slice_by_slice() -> None:
    class Step(nn.Module):
        @nn.compact
        def __call__(self, x: Any, _: None) -> Any:
            return nn.Dense(16, name="fc")(x), None

    class Deep(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            axes, rngs = {"params": 0}, {"params": True}
            step = nn.scan(Step, variable_axes=axes, split_rngs=rngs, length=3)
            return step(name="steps")(x, None)[0]

    class Twin3(tn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.steps = tn.ModuleList(tn.ModuleDict({"fc": tn.Linear(16, 16)}) for _ in range(3))

    params = Deep().init(jax.random.key(1), np.zeros((2, 16), np.float32))
    model = Twin3()
    said: Any = {
        "names": {r"steps\.\d": "steps", r".*fc": "fc"},
        "lift": {r"steps\.(\d)": "scan"},
    }
    plan = door.plan(model, 1, "flax.linen", **said)
    plan.fill_()
    assert plan.check(params).ok
    with torch.no_grad():
        exchange(model.steps[0]["fc"].weight, model.steps[2]["fc"].weight)
    found = plan.check(params)
    causes = {row.stack: row.cause for row in found.rows if row.to.endswith("weight")}
    assert causes[(1,)] is None
    assert causes[(0,)].kind == causes[(2,)].kind == "swapped"
    assert causes[(0,)].text.startswith("holds JAX's steps/fc/kernel[2]")
    short = {"params": {"steps": {"fc": {"kernel": np.zeros((2, 16, 16)), "bias": np.zeros(3)}}}}
    shapes = [row.cause.kind for row in plan.check(short).rows if row.stack == (2,)]
    assert shapes == ["shape", "shape"]


def test_a_bias_that_jax_adds_in_the_forward_pass_is_expected_in_memory() -> None:
    model = tn.Sequential(tn.LSTM(4, 6))
    plan = door.plan(model, 0, "haiku", names={"0": "lstm"}, init={"0": door.truncated_normal()})
    plan.fill_()
    rows = [row for row in plan.plan.rows if row.param and row.init != row.param.init]
    assert len(rows) == 1, "Haiku adds 1 to the forget gate's bias"
    tree = {path: np.zeros(shape, np.float32) for path, shape in plan.plan.shapes().items()}
    found = {(row.to, row.part): row for row in plan.check(tree).rows}
    forget = found["0.bias_hh_l0", "rows 6:12"]
    assert forget.equal, forget
    with torch.no_grad():
        model[0].bias_hh_l0.zero_()
    forget = row_of(plan.check(tree), "0.bias_hh_l0", "rows 6:12")
    assert forget.cause.text == "all values are 0, JAX's 1"


@pytest.mark.parametrize(("dtype", "short"), [
    ("bfloat16", "bfloat16"), ("float16", "float16"), ("float64", "float32"),
])  # fmt: skip
def test_a_twin_of_another_dtype_is_equal_after_rounding(
    dtype: str, short: str, twin: Any, params: Any
) -> None:
    count = len(twin.check(params).rows)
    twin.model.to(getattr(torch, dtype))
    found = twin.check(params)
    assert not found.ok
    assert {row.cause.kind for row in found.rows if row.path} == {"dtype"}
    said = f"are equal after rounding to {short} (the twin's are {dtype}, JAX's float32)"
    assert str(found).startswith(f"all {count} {said}, ")
    assert "differ" not in str(found)


def test_a_tree_of_another_dtype_is_equal_after_rounding(twin: Any, params: Any) -> None:
    halved = {path: np.asarray(leaf, np.float16) for path, leaf in flatten(params).items()}
    said = "equal after rounding to float16 (the twin's are float32, JAX's float16)"
    assert said in str(twin.check(halved))


def test_mistakes_in_a_twin_of_another_dtype_are_found_beside_it(twin: Any, params: Any) -> None:
    twin.model.bfloat16()
    with torch.no_grad():
        rotate(twin.model.attention.in_proj_weight, 3)
        twin.model.conv.weight.copy_(twin.model.conv.weight.flip(-1, -2))
        twin.model.fc1.weight[3, 4] += 1
    found = twin.check(params)
    for name, part, kind, said in (
        ("attention.in_proj_weight", "rows 0:24", "parts", "attention/key/kernel, where"),
        ("conv.weight", "", "order", "axes HW flipped"),
        ("fc1.weight", "", "partly", "all at O 3; I 4; the others are equal after rounding to bf"),
    ):
        cause = row_of(found, name, part).cause
        assert (cause.kind, said in cause.text) == (kind, True), cause
    others = len([row for row in found.rows if row.path]) - 5
    assert f"\n{others} of {len(found.rows)} are equal after rounding to bfloat16" in str(found)


def test_the_sign_of_zero_counts_in_another_dtype_too() -> None:
    values = torch.tensor([[0.5, -0.0, 2.0, 3.0]])
    said: Any = {"params": {"w": ("w", door.normal(1.0))}}
    found = door.check(Free(values), {"w": np.array([[0.5, 0.0, 2.0, 3.0]])}, "flax.linen", **said)
    assert not found.ok
    assert (found.rows[0].differing, found.rows[0].cause.kind) == (1, "partly")
    found = door.check(Free(values), {"w": as_numpy(values.double())}, "flax.linen", **said)
    assert not found.ok
    assert (found.rows[0].differing, found.rows[0].cause.kind) == (0, "dtype")


@pytest.mark.parametrize("imaginary", [0.1, 99.0])
def test_imaginary_parts_count_in_another_dtype_too(imaginary: float) -> None:
    values = np.arange(1, 7).reshape(2, 3) * 0.1
    twin = Free(torch.from_numpy(values + 0.1j).to(torch.complex64))
    said: Any = {"params": {"w": ("w", door.normal(1.0))}}
    found = door.check(twin, {"w": values + 1j * imaginary}, "flax.linen", **said)
    assert not found.ok
    assert ("after rounding to complex64" in str(found)) == (imaginary == 0.1)
    found = door.check(twin, {"w": values.astype(np.float32)}, "flax.linen", **said)
    assert found.rows[0].differing == 6


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", [
    f"{family}_{law}" for family in ("lecun", "he", "glorot") for law in ("uniform", "normal")
])  # fmt: skip
def test_jaxs_own_short_values_are_of_their_law(name: str, dtype: str) -> None:
    init: Any = getattr(door, name)()
    for shape in ((32, 512), (64, 128)):
        model = tn.Sequential(tn.Linear(*shape, bias=False)).to(getattr(torch, dtype))
        said: Any = {"like": "flax.linen", "init": {"0": init}}
        door.init_(model, 1, **said)  # JAX's bits, as is tested elsewhere, without its compiler
        tree = {"Dense_0": {"kernel": as_numpy(model[0].weight).T.copy()}}
        door.init_(model, 2, **said)
        cause = door.check(model, tree, **said).rows[0].cause
        assert cause is not None
        assert cause.kind == "key", cause
    # What is really another law still is.
    weight = model[0].weight
    std = float(weight.detach().double().std())
    for plant in (
        lambda: weight.mul_(1.14),
        lambda: weight.normal_(0, std) if "uniform" in name else uniform(weight, std * 3**0.5),
    ):
        with torch.no_grad():
            plant()
        cause = door.check(model, tree, **said).rows[0].cause
        assert cause is not None
        assert cause.kind in ("distribution", "truncation", "unknown"), cause


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_short_sum_is_no_product(dtype: str, twin: Any, params: Any) -> None:
    twin.model.to(getattr(torch, dtype))
    with torch.no_grad():
        twin.model.out.weight.add_(1e-3)
        twin.model.fc1.weight.mul_(1.1)
    found = twin.check(params)
    assert "times JAX's" not in row_of(found, "out.weight").cause.text
    cause = row_of(found, "fc1.weight").cause
    assert cause.kind == "scaled"
    assert 1.09 < float(cause.text.split()[3]) < 1.11


def test_a_draw_of_another_dtype_is_not_a_rounded_one() -> None:
    model = tn.Sequential(tn.Linear(16, 24))
    door.init_(model, 0, "flax.linen")
    params = {"Dense_0": {"kernel": as_numpy(model[0].weight).T, "bias": np.zeros(24, "f4")}}
    short = tn.Sequential(tn.Linear(16, 24)).bfloat16()
    door.init_(short, 0, "flax.linen")
    cause = row_of(door.check(short, params, "flax.linen", key=0), "0.weight").cause
    assert cause.kind == "param_dtype"
    assert cause.text.startswith("the plan's draw in bfloat16, where JAX's is one in float32")
    cause = row_of(door.check(short, params, "flax.linen"), "0.weight").cause
    assert cause.kind == "key"
    assert "drawn as they are, in bfloat16 and float32" in cause.text


def test_a_matrix_of_a_dtype_that_none_is_drawn_in_is_compared(twin: Any, params: Any) -> None:
    twin.model.half()
    with torch.no_grad():
        twin.model.lstm.weight_hh_l0.uniform_(-0.2, 0.2)
    cause = row_of(twin.check(params), "lstm.weight_hh_l0").cause
    assert cause.kind == "distribution"


def test_a_bfloat16_twin_of_a_bfloat16_model_is_equal() -> None:
    model = tn.Sequential(tn.Linear(16, 24)).bfloat16()
    params = nn.Dense(24, param_dtype=jax.numpy.bfloat16).init(
        jax.random.key(0), np.zeros((1, 16), np.float32)
    )
    plan = door.plan(model, 0, "flax.linen", names={"0": ""}, compiled=EAGER)
    plan.fill_()
    plan.check(params).raise_()


def test_a_parameter_on_the_meta_device_has_no_values() -> None:
    model = tn.Sequential(tn.Linear(3, 4, device="meta"))
    with pytest.raises(ValueError, match=r"0\.weight is on the meta device and has no values"):
        door.check(model, {}, "flax.linen")


def test_library_options_are_taken(params: Any) -> None:
    plan = planned(Model())
    other = door.plan(
        Model(), SEED, Linen(fix_rng_separator=True), names={**NAMES, "lstm": "LSTMCell_0"},
        init={**INIT, "attention": {r".*/kernel": door.xavier_uniform()}}, layout=MAP,
        compiled=EAGER,
    )  # fmt: skip
    other.fill_()
    plan.model.load_state_dict(other.model.state_dict())
    for checked in (plan.check(params), other.check(params)):
        assert "flax_fix_rng_separator=" in row_of(checked, "out.weight").cause.text


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


class Free(tn.Module):
    def __init__(self, values: Any) -> None:
        super().__init__()
        self.w = tn.Parameter(values)


@random_cases(max_examples=120)
@given(
    shape=st.lists(st.integers(0, 4), max_size=3),
    dtype=st.sampled_from(("float16", "bfloat16", "float32", "float64", "complex64")),
    same=st.booleans(),
    init=st.sampled_from((door.zeros, door.normal(1.0), door.orthogonal())),
    key=st.sampled_from((None, 0)),
    seed=st.integers(0, 99),
)
@example(shape=[2, 3], dtype="complex64", same=False, init=door.orthogonal(), key=None, seed=0)
def test_any_shape_and_dtype_can_be_compared(
    shape: list[int], dtype: str, same: bool, init: Any, key: Any, seed: int
) -> None:
    rng = torch.Generator().manual_seed(seed)
    values = torch.randn(shape, generator=rng).to(getattr(torch, dtype))
    other = values if same else torch.randn(shape, generator=rng).to(values.dtype)
    tree = {"w": as_numpy(other)}
    said: Any = {"params": {"w": ("w", init)}, "key": key}
    found = door.check(Free(values), tree, "flax.linen", **said)
    assert found.ok == (same or 0 in shape)
    assert (found.rows[0].cause is None) == found.ok
    assert str(found)
