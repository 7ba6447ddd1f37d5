"""`check`: a twin like its Flax model is found equal; what is not compared is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.cases import random_cases
from tests.core.oracle import EAGER, jax
from tests.porting.checked import (
    INIT,
    MAP,
    NAMES,
    SEED,
    TOTAL,
    Free,
    Model,
    exchange,
    planned,
    row_of,
)
from tests.torch.tensors import as_numpy, torch

pytest.importorskip("flax", reason="not installed: pip install flax")

import flax.linen as nn
from torch import nn as tn

import varscale.torch as door
from varscale.port.libraries import Linen
from varscale.port.trees import flatten


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
@example(shape=[], dtype="bfloat16", same=False, init=door.zeros, key=None, seed=56)
def test_any_shape_and_dtype_can_be_compared(
    shape: list[int], dtype: str, same: bool, init: Any, key: Any, seed: int
) -> None:
    rng = torch.Generator().manual_seed(seed)
    values = torch.randn(shape, generator=rng).to(getattr(torch, dtype))
    other = values if same else torch.randn(shape, generator=rng).to(values.dtype)
    tree = {"w": as_numpy(other)}
    said: Any = {"params": {"w": ("w", init)}, "key": key}
    found = door.check(Free(values), tree, "flax.linen", **said)
    assert found.ok == torch.equal(values, other)  # short dtypes: now and then by chance
    assert (found.rows[0].cause is None) == found.ok
    assert str(found)
