"""Arrays as destinations: `out`, layouts, dtypes and defaults."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import varscale
from tests.core.cases import random_cases
from tests.core.compare import assert_identical
from varscale import numpy as door
from varscale.family import FACTORIES

from hypothesis import given  # isort: skip
from hypothesis import strategies as st  # isort: skip

#: No initializer here draws it.
SENTINEL = -7.0


@st.composite
def views(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[slice, ...], tuple[int, ...]]:
    """A shape of memory, a slice of it with steps of either sign, and an order of its axes."""
    rank = draw(st.integers(1, 4))
    shape, index = [], []
    for _ in range(rank):
        start, length, step, rest = (draw(st.integers(low, 3)) for low in (0, 1, 1, 0))
        shape.append(start + length * step + rest)
        forwards = range(start, start + length * step, step)
        if draw(st.booleans()):
            index.append(slice(forwards.start, forwards.stop, step))
        else:
            end = forwards.start - step
            index.append(slice(forwards[-1], end if end >= 0 else None, -step))
    return tuple(shape), tuple(index), tuple(draw(st.permutations(range(rank))))


@random_cases(max_examples=300)
@given(view=views(), dtype=st.sampled_from(("float32", "bfloat16", "float64", "float8_e5m2")))
def test_a_view_of_any_strides_is_filled_and_its_neighbours_are_not(view: Any, dtype: str) -> None:
    shape, index, order = view
    memory = np.full(shape, SENTINEL).astype(getattr(ml_dtypes, dtype, dtype))
    want = memory.copy()
    target = memory[index].transpose(order)
    want[index].transpose(order)[...] = door.uniform(1.0)(3, target.shape, dtype)
    assert door.uniform(1.0)(3, target.shape, out=target) is target
    assert_identical(memory, want, f"np.full({shape})[{index}].transpose({order})")


def test_a_layout_leads_into_the_destination() -> None:
    layout = varscale.Layout("OIHW", of="HWIO", flip="H")
    kernel = door.lecun_normal()(0, (3, 2, 4, 5))
    want = np.flip(kernel, 0).transpose(3, 2, 0, 1)
    out = np.full((5, 4, 3, 2), SENTINEL, np.float32)
    assert door.lecun_normal()(0, (3, 2, 4, 5), out=out, layout=layout) is out
    assert_identical(out, want, "out, layout")
    assert_identical(door.lecun_normal()(0, (3, 2, 4, 5), layout=layout), want, "layout")


def test_a_counter_map_is_a_part_of_the_draw() -> None:
    whole = door.normal()(4, (6, 5))
    where = varscale.CounterMap.row_major((6, 5)).sliced(slice(1, None, 2), 3)
    assert_identical(door.normal()(4, (6, 5), layout=where), whole[1::2, 3], "[1::2, 3]")


def test_float32_is_the_default_dtype() -> None:
    for init in (door.normal(), door.zeros, door.constant(2), door.orthogonal()):
        assert init(0, (3, 3)).dtype == np.float32


def test_the_dtype_of_the_call_comes_before_the_factorys_and_that_before_outs() -> None:
    init = door.normal(dtype="bfloat16")
    assert init(0, (3,)).dtype == ml_dtypes.bfloat16
    assert init(0, (3,), np.float64).dtype == np.float64
    out = np.empty(3, np.float16)
    assert door.normal()(0, (3,), out=out) is out
    with pytest.raises(TypeError, match=r"^destination must be of dtype bfloat16, got float16$"):
        init(0, (3,), out=out)


@pytest.mark.parametrize("name", ["normal", "uniform", "truncated_normal"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_scalar_is_an_array_of_no_axes(name: str, dtype: str) -> None:
    got = getattr(door, name)()(0, (), dtype)
    assert isinstance(got, np.ndarray)
    assert got.shape == ()
    out = np.full((), SENTINEL).astype(got.dtype)
    getattr(door, name)()(0, (), out=out)
    assert_identical(out, got, name)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0, 2)])
def test_an_empty_array_is_drawn(shape: tuple[int, ...]) -> None:
    assert door.normal()(0, shape).shape == shape
    out = np.empty(shape, np.float32)
    assert door.normal()(0, shape, out=out) is out


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"dtype": "float64"}, TypeError, "destination must be of dtype float64, got float32"),
        ({"shape": (4, 3)}, ValueError, "out must have shape (4, 3), got (3, 4)"),
        ({"layout": varscale.Layout("ab", of="ba")}, ValueError,
         "out must have shape (4, 3), got (3, 4)"),
        ({"layout": varscale.Layout("abc")}, ValueError,
         "Layout('abc', of='abc') is a layout of 3 axes, got shape (3, 4)"),
        ({"layout": varscale.CounterMap(1, (4, 1), (3, 4))}, ValueError,
         "layout must stay in the draw's 12 elements, got counters from 1 to 12"),
        ({"key": None}, TypeError, "key must be given, got None: varscale keeps no global state"),
        ({"key": 0.0}, TypeError, "key must be a varscale key, an integer seed"),
        ({"shape": (3.0, 4)}, TypeError, "shape must be a sequence of integers, got (3.0, 4)"),
        ({"shape": (-3, -4)}, TypeError, "shape must not have negative sizes, got (-3, -4)"),
        ({"dtype": "int32"}, ValueError, "dtype must be one of float16, float32"),
        ({"dtype": "float33"}, TypeError, "dtype 'float33' is not a dtype"),
    ],
    ids=["dtype", "shape", "layout", "rank", "part", "no key", "float key", "float shape",
         "negative shape", "integers", "no dtype"],
)  # fmt: skip
def test_an_error_names_the_argument_and_leaves_out_as_it_was(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    out = np.full((3, 4), SENTINEL, np.float32)
    with pytest.raises(error) as raised:
        door.normal()(**{"key": 0, "shape": (3, 4), "out": out} | arguments)
    assert str(raised.value).startswith(message)
    assert (out == SENTINEL).all()


READ_ONLY = "destination must be writeable, got a read-only array"
OVERLAP = "destination must not overlap itself"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda memory: np.broadcast_to(memory[0], (3, 4)), READ_ONLY),
        (lambda memory: np.lib.stride_tricks.as_strided(memory, (3, 4), (0, 4)), OVERLAP),
        (lambda memory: np.lib.stride_tricks.as_strided(memory, (3, 4), (4, 4)), OVERLAP),
    ],
    ids=["read-only", "expanded", "sliding"],
)
def test_an_array_that_cannot_be_filled_is_refused(make: Any, message: str) -> None:
    memory = np.full((3, 4), SENTINEL, np.float32)
    with pytest.raises(ValueError, match=f"^{message}"):
        door.normal()(0, (3, 4), out=make(memory))
    assert (memory == SENTINEL).all()


def test_the_global_random_state_is_untouched_and_has_no_effect() -> None:
    before = np.random.get_state()
    first = door.normal()(0, (5,))
    np.random.seed(3)
    assert_identical(door.normal()(0, (5,)), first, "np.random.seed")
    np.random.set_state(before)
    door.normal()(0, (5,))
    for got, want in zip(np.random.get_state(), before, strict=True):
        assert np.array_equal(got, want)


@pytest.mark.parametrize("name", [*FACTORIES, "zeros", "ones"])
@pytest.mark.parametrize("how", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copied_initializer_draws_the_same(name: str, how: Any) -> None:
    arguments = {"constant": (0.5,), "variance_scaling": (2.0, "fan_avg", "normal")}
    init = getattr(door, name)
    if name in FACTORIES:
        init = init(*arguments.get(name, ()))
    assert how(init) == init
    assert_identical(how(init)(0, (2, 3, 4)), init(0, (2, 3, 4)), name)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_fill_makes_no_second_copy(order: Any) -> None:
    out = np.ones((2048, 4096), np.float32, order=order)
    init = door.lecun_uniform()
    init(0, (64, 64))
    tracemalloc.start()
    try:
        init(0, out.shape, out=out)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20, f"{out.nbytes} bytes were filled with {peak} bytes of scratch"
