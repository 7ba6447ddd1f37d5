"""`check` where the twin and the dump are of different dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.oracle import EAGER, jax
from tests.porting.checked import Free, rotate, row_of, uniform
from tests.torch.tensors import as_numpy, torch

pytest.importorskip("flax", reason="not installed: pip install flax")

import flax.linen as nn
from torch import nn as tn

import varscale.torch as door
from varscale.port.trees import flatten


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
