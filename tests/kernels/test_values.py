"""The compiled kernel against the NumPy arithmetic, which tests/core compares with JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.compare import assert_identical
from varscale.initializers import (
    Initializer,
    Normal,
    TruncatedNormal,
    Uniform,
    UniformBetween,
    VarianceScaling,
)
from varscale.numerics import Draw, sampler
from varscale.numerics.numpy_ops import NUMPY
from varscale.numerics.samples import from_fraction

KEY = varscale.Key((0x13198A2E, 0x03707344))

INITIALIZERS: dict[str, Initializer] = {
    "uniform": Uniform(0.3),
    "negative uniform": Uniform(-0.3),
    "symmetric": VarianceScaling(1.0, "fan_in", "uniform"),
    "between": UniformBetween(-0.17, 0.17),
    "between, positive": UniformBetween(0.2, 1.3),
    "between, negative": UniformBetween(-5.0, -4.9),
    "normal": Normal(0.3),
    "normal, not folded": Normal(0.3, compiled=False),
    "fan": VarianceScaling(2.0, "fan_out", "normal"),
    "truncated": TruncatedNormal(0.5),
    "truncated, jit": TruncatedNormal(0.5, compiled=True),
    "truncated, jax 0.10": TruncatedNormal(0.5, compiled=False),
    "wide": TruncatedNormal(0.5, lower=-3.0, upper=3.5),
    "not truncated": TruncatedNormal(0.5, lower=-np.inf, upper=np.inf),
    "tail alone": TruncatedNormal(0.5, lower=1.0, upper=7.0),
    "lecun": VarianceScaling(1.0, "fan_in", "truncated_normal"),
    "zero": VarianceScaling(0.0, "fan_avg", "truncated_normal"),
}
UNBOUNDED = TruncatedNormal(1.0, lower=-np.inf, upper=np.inf)  # erf_inv(-1) is among its values
DTYPES = (
    "float32",
    "float64",
    "float16",
    "bfloat16",
    "float8_e5m2",
    "float8_e4m3fn",
    "float8_e3m4",
)


@pytest.mark.usefixtures("isa", "only_compiled")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", INITIALIZERS)
def test_samples_are_those_of_the_reference(name: str, dtype: str) -> None:
    for shape in ((1, 1), (7, 19), (300, 41), (129, 129)):
        draw = INITIALIZERS[name].draw(KEY, shape, dtype)
        got = varscale.fill(draw, np.empty(shape, draw.dtype))
        want = sampler(NUMPY, draw)(varscale.CounterMap.row_major(shape))
        assert_identical(got, want, f"{name}, {shape}, {dtype}")


@pytest.mark.usefixtures("isa", "only_compiled")
@pytest.mark.parametrize("lower", [3.2, 5.5, 8.2])
def test_the_far_tail_of_float64_is_that_of_the_reference(lower: float) -> None:
    # From 5.3 on comes the third polynomial; from 8.2 on most uniforms are 1 itself.
    draw = TruncatedNormal(0.5, lower=lower, upper=np.inf).draw(KEY, (40, 50), "float64")
    got = varscale.fill(draw, np.empty((40, 50)))
    with np.errstate(all="ignore"):
        want = sampler(NUMPY, draw)(varscale.CounterMap.row_major((40, 50)))
    assert_identical(got, want, f"from {lower}")


@pytest.mark.usefixtures("isa", "only_compiled")
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("compiled", [None, False])
def test_complex_normal_samples_are_those_of_the_reference(
    dtype: str, compiled: bool | None
) -> None:
    for init in (Normal(0.3, compiled=compiled), VarianceScaling(1.0, "fan_in", "normal")):
        draw = init.draw(KEY, (50, 60), dtype)
        want = sampler(NUMPY, draw)(varscale.CounterMap.row_major((50, 60)))
        got = varscale.fill(draw, np.empty((60, 50), dtype), varscale.Layout("OI", of="IO"))
        assert_identical(got, want.T, f"{init}, {dtype}")


@pytest.mark.parametrize(
    "init",
    [
        Normal(0.3),
        Normal(0.3, compiled=False),
        TruncatedNormal(1.0),
        UNBOUNDED,
        UniformBetween(-0.17, 0.17),
    ],
    ids=str,
)
def test_all_of_the_uniforms_of_float32_are_right(init: Initializer, isa: str) -> None:
    """A sample depends on 23 bits; a fill of 2**28 elements meets all 2**23 of them."""
    draw = init.draw(KEY, (1 << 28,), "float32")
    assert isinstance(draw, Draw)
    table = all_samples(draw)
    bits = Uniform(1.0).draw(KEY, draw.shape, "float32")
    met = np.zeros(1 << 23, bool)
    part = 1 << 22
    got, uniforms = np.empty(part, np.float32), np.empty(part, np.float32)
    for start in range(0, draw.size, part):
        where = varscale.CounterMap(start, (1,), (part,))
        varscale.fill(draw, got, where)
        varscale.fill(bits, uniforms, where)
        index = (uniforms * 2.0**23).astype(np.int32)
        met[index] = True
        wrong = got.view(np.uint32) != table[index]
        assert not wrong.any(), f"{int(wrong.sum())} differ; fractions {index[wrong][:3]}"
        if met.all():
            break
    assert met.all()


def all_samples(draw: Draw) -> np.ndarray[Any, Any]:
    """The bits of the reference's samples of all 2**23 fractions."""
    fractions = np.arange(1 << 23, dtype=np.float32) * np.float32(2.0**-23)
    with np.errstate(all="ignore"):
        pieces = [from_fraction(NUMPY, draw.law, piece) for piece in np.split(fractions, 64)]
    return np.concatenate(pieces).view(np.uint32)


def test_what_the_kernel_has_no_loop_for_is_left_to_the_reference(
    isa: str, reference: Callable[..., Any]
) -> None:
    legacy = varscale.Key((1, 2), partitionable=False)
    cases = [
        (Normal(0.3), legacy, "float32"),
        (Normal(2e-38), KEY, "float32"),
        (Normal(2e-38), KEY, "complex64"),
        (Normal(0.0), KEY, "complex64"),
        (Uniform(np.inf), KEY, "float32"),
        (UniformBetween(-3e38, 3e38), KEY, "float32"),
        (UniformBetween(0.5, 0.5), KEY, "float64"),
        (VarianceScaling(1.0, "fan_in", "uniform"), KEY, "complex64"),
    ]
    for init, key, dtype in cases:
        draw = init.draw(key, (30, 20), dtype)
        got = varscale.fill(draw, np.empty((30, 20), dtype))
        assert_identical(got, reference(draw, np.empty((30, 20), dtype)), f"{init}, {dtype}, {isa}")
