"""Where the compiled kernel writes: any strides, any counters, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.cases import random_cases
from tests.core.compare import assert_identical
from varscale import CounterMap
from varscale.initializers import Normal, Uniform, VarianceScaling
from varscale.kernels import native
from varscale.numerics import sampler
from varscale.numerics.numpy_ops import NUMPY

from hypothesis import given  # isort: skip
from hypothesis import strategies as st  # isort: skip

pytestmark = pytest.mark.usefixtures("only_compiled")

KEY = varscale.Key((0xA4093822, 0x299F31D0))
DRAWS = {
    "float32": Uniform(1.0),
    "float64": Normal(1.0),
    "bfloat16": Normal(1.0),
    "float8_e4m3fn": Uniform(1.0),
}
Case = tuple[str, tuple[int, ...], tuple[int, ...], tuple[slice, ...], int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A dtype; a shape; the order of its axes in memory; a slice of the memory; an offset."""
    dtype = draw(st.sampled_from(list(DRAWS)))
    sides = st.sampled_from((1, 2, 3, 5, 16, 64, 129)) | st.integers(1, 9)
    shape = tuple(draw(st.lists(sides, min_size=1, max_size=5)))
    while np.prod(shape) > 40_000:
        shape = (max(1, shape[0] // 4), *shape[1:]) if shape[0] > 3 else shape[1:]
    if draw(st.integers(0, 3)) == 0:
        shape = (*shape, draw(st.sampled_from((4095, 4096, 4097, 9000))))
        shape = shape if np.prod(shape) < 60_000 else shape[-1:]
    order = tuple(draw(st.permutations(range(len(shape)))))
    steps = st.sampled_from((1, 1, 1, -1, 2, -3))
    index = tuple(slice(None, None, draw(steps)) for _ in shape)
    offset = draw(st.sampled_from((0, 1, 2**32 - 2000, 2**32 - 1, 2**40 - 7)))
    return dtype, shape, order, index, offset


@pytest.mark.parametrize("name", ["avx512", "avx2", "sse2", "neon"])
@random_cases(max_examples=80)
@given(case=cases())
def test_a_fill_of_any_strides_is_that_of_the_reference(name: str, case: Case) -> None:
    if name not in native.isas():
        pytest.skip(f"not available: {name}")
    dtype, shape, order, index, offset = case
    whole = CounterMap.row_major(shape, offset)
    draw = DRAWS[dtype].draw(KEY, (offset + int(np.prod(shape)),), dtype)
    # The destination is a slice of a larger, permuted array, whose other elements stay as they are.
    sides = [n * abs(part.step) for n, part in zip(shape, index, strict=True)]
    got, want = (np.zeros([sides[axis] for axis in order], draw.dtype) for _ in range(2))
    for memory in (got, want):
        memory.view(f"u{memory.itemsize}")[...] = 0x55
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "_INDEX", native.isas().index(name))
        varscale.fill(draw, got.transpose(np.argsort(order))[index], whole)
    want.transpose(np.argsort(order))[index] = sampled(draw, whole)
    assert_identical(got, want, str(case))


def sampled(draw: Any, where: CounterMap) -> Any:
    """The values by the NumPy arithmetic."""
    with np.errstate(all="ignore"):
        return sampler(NUMPY, draw)(where)


MAPS = {
    "flipped": CounterMap.row_major((70, 130)).flipped([0, 1]),
    "flipped, small": CounterMap.row_major((5000,)).flipped([0]),
    "sliced": CounterMap.row_major((300, 200)).sliced(slice(10, 290, 7), slice(199, 2, -3)),
    "packed rows": CounterMap.row_major((192, 64)).sliced(slice(64, 128)),
    "packed columns": CounterMap.row_major((64, 192)).sliced(slice(None), slice(64, 128)),
    "one value": CounterMap(7, (0, 0), (40, 50)),
    "steps beyond 2**32": CounterMap(3, (2**33 + 1, 1), (7, 300)),
    "steps of 2**31": CounterMap(3, (2**31, 5), (9, 40)),
    "backwards across 2**32": CounterMap(2**32 + 5, (-3, -1), (100, 3)),
    "far": CounterMap(2**62, (1,), (10_000,)),
    "inner axis beyond 2**32": CounterMap(1, (1, 2**33), (300, 5)),
}


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("name", MAPS)
def test_counters_are_those_of_the_map(name: str) -> None:
    where = MAPS[name]
    draw = Uniform(1.0).draw(KEY, (2**63 - 1,), "float32")
    got = varscale.fill(draw, np.empty(where.extent, np.float32), where)
    assert_identical(got, sampled(draw, where), name)
    columns = np.empty(where.extent, np.float32, order="F")
    assert_identical(varscale.fill(draw, columns, where), got, f"{name}, by columns")


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("shape", [(64, 3, 7, 7), (96, 64, 3, 3), (5, 4, 1, 1), (33, 1, 3, 3)])
def test_a_convolution_in_torchs_order_is_the_permuted_draw(shape: tuple[int, ...]) -> None:
    layout = varscale.Layout("OIHW", of="HWIO", flip="H")
    draw = VarianceScaling(1.0, "fan_in", "truncated_normal").draw(
        KEY, layout.drawn_shape(shape), "float32"
    )
    whole = varscale.fill(draw, np.empty(draw.shape, np.float32))
    want = np.flip(whole, 0).transpose(3, 2, 0, 1)
    got = varscale.fill(draw, np.empty(shape, np.float32), layout)
    assert_identical(got, np.ascontiguousarray(want), str(shape))


@pytest.mark.usefixtures("isa")
def test_the_number_of_threads_changes_no_value(reference: Callable[..., Any]) -> None:
    draw = Normal(1.0).draw(KEY, (300, 1000), "float32")
    layout = varscale.Layout("OI", of="IO")
    want = varscale.fill(draw, np.empty((1000, 300), np.float32), layout, threads=1)
    for threads in (2, 3, 8, 64, 256):
        got = varscale.fill(draw, np.empty((1000, 300), np.float32), layout, threads=threads)
        assert_identical(got, want, f"{threads} threads")
