"""Layouts: a fill through any layout equals drawing the whole row-major and moving it by NumPy."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import varscale
from varscale import CounterMap, Layout
from varscale import draws as draws_module
from varscale.initializers import (
    Constant,
    DeltaOrthogonal,
    Normal,
    Orthogonal,
    TruncatedNormal,
    Uniform,
)
from varscale.layout import blocks, in_memory_order, overlaps_itself
from varscale.numerics.numpy_ops import NUMPY

from .cases import random_cases, shapes
from .compare import assert_identical, command, patterns

from hypothesis import HealthCheck, given  # isort: skip
from hypothesis import strategies as st  # isort: skip

DTYPES = ("float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2fnuz")
KEYS = (varscale.key(3), varscale.Key((5, 6), partitionable=False))


# Strategies


@st.composite
def draws(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    """A draw of this shape, and its values in row-major order."""
    dtype = draw(st.sampled_from(DTYPES))
    choices = [Uniform(1.0), Normal(1.0), TruncatedNormal(1.0), Constant(2.5), "array"]
    if len(shape) >= 2 and dtype in ("float32", "float64"):
        choices.append(Orthogonal())
    initializer = draw(st.sampled_from(choices))
    if initializer == "array":
        initializer = Constant(np.arange(math.prod(shape), dtype=np.float32).reshape(shape))
    drawn = initializer.draw(draw(st.sampled_from(KEYS)), shape, dtype)
    return drawn, varscale.fill(drawn, np.zeros(shape, drawn.dtype))


class Window:
    """A strided view of a larger array whose other elements must not change."""

    def __init__(self, canvas: np.ndarray, index: Any, order: tuple[int, ...]) -> None:
        self.canvas, self.index, self.order = canvas, index, order
        self.before = canvas.copy()
        self.view = canvas[(*index, ...)].transpose(order)

    def assert_rest_untouched(self, case: str) -> None:
        outside = np.ones(self.canvas.shape, bool)
        outside[(*self.index, ...)] = False
        now, before = patterns(self.canvas)[outside], patterns(self.before)[outside]
        assert (now == before).all(), f"{case}: wrote beside {self}; repeat with {command()}"

    def __repr__(self) -> str:
        return f"zeros({self.canvas.shape})[{self.index}].transpose({self.order})"


@st.composite
def windows(draw: st.DrawFn, shape: tuple[int, ...], dtype: Any) -> Window:
    order = tuple(draw(st.permutations(range(len(shape)))))
    inner = [0] * len(shape)
    for axis, source in enumerate(order):
        inner[source] = shape[axis]
    index, canvas = [], []
    for size in inner:
        step, before, after = draw(st.sampled_from((1, 1, -1, 2, -3))), draw(side), draw(side)
        span = (size - 1) * abs(step) + 1 if size else 0
        canvas.append(before + span + after)
        positions = range(before, before + span, abs(step))
        if step > 0 or not size:
            index.append(slice(before, before + span, abs(step)))
        else:
            index.append(slice(positions[-1], positions[0] - 1 if positions[0] else None, step))
    values = np.arange(math.prod(canvas) * np.dtype(dtype).itemsize, dtype=np.uint8)
    return Window(values.view(dtype).reshape(canvas), tuple(index), order)


side = st.sampled_from((0, 0, 1, 2))


@st.composite
def moves(draw: st.DrawFn, shape: tuple[int, ...]) -> list[tuple[str, Any]]:
    """Flips, permutations, slices and shards, one after the other."""
    result: list[tuple[str, Any]] = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(("permuted", "flipped", "sliced", "sharded")))
        if kind == "permuted":
            order = tuple(draw(st.permutations(range(len(shape)))))
            shape = tuple(shape[axis] for axis in order)
            result.append((kind, (order,)))
        elif kind == "flipped":
            axes = draw(st.sets(st.integers(0, len(shape) - 1))) if shape else set()
            result.append((kind, (tuple(axes),)))
        elif kind == "sliced":
            index = []
            for size in shape[: draw(st.integers(0, len(shape)))]:
                if size and draw(st.booleans()):
                    index.append(draw(st.integers(-size, size - 1)))
                else:
                    index.append(draw(st.slices(size)) if size else slice(None))
            shape = np.zeros(shape, np.int8)[tuple(index)].shape
            result.append((kind, tuple(index)))
        elif shape:
            axis = draw(st.integers(0, len(shape) - 1))
            counts = [n for n in range(1, 7) if shape[axis] % n == 0]
            count = draw(st.sampled_from(counts))
            result.append((kind, (axis, draw(st.integers(0, count - 1)), count)))
            shape = (*shape[:axis], shape[axis] // count, *shape[axis + 1 :])
    return result


def moved(whole: np.ndarray, path: list[tuple[str, Any]]) -> np.ndarray:
    for kind, arguments in path:
        if kind == "permuted":
            whole = whole.transpose(*arguments)
        elif kind == "flipped":
            whole = np.flip(whole, *arguments)
        elif kind == "sliced":
            whole = np.asarray(whole[arguments])
        else:
            axis, index, count = arguments
            whole = np.split(whole, count, axis)[index]
    return whole


def mapped(shape: tuple[int, ...], path: list[tuple[str, Any]]) -> CounterMap:
    where = CounterMap.row_major(shape)
    for kind, arguments in path:
        where = getattr(where, kind)(*arguments)
    return where


# Maps alone


@random_cases(max_examples=300)
@given(st.data())
def test_a_map_that_was_moved_holds_the_counters_of_the_moved_array(data: st.DataObject) -> None:
    shape = data.draw(shapes())
    path = data.draw(moves(shape))
    want = moved(np.arange(math.prod(shape)).reshape(shape), path)
    where = mapped(shape, path)
    case = f"{shape}, {path}"
    assert where.extent == want.shape, f"{case}: {where}; repeat with {command()}"
    assert_identical(NUMPY.counters(where).reshape(where.extent), want, case)
    if want.size:
        assert where.bounds() == (want.min(), want.max()), case


@random_cases(max_examples=200)
@given(st.data())
def test_blocks_cover_every_position_once_and_stay_within_the_limit(data: st.DataObject) -> None:
    shape = data.draw(shapes())
    path = data.draw(moves(shape))
    limit = data.draw(st.integers(1, 50))
    where = mapped(shape, path)
    values = moved(np.arange(math.prod(shape)).reshape(shape), path)
    seen = np.zeros(where.extent, int)
    for index, part in blocks(where, limit):
        case = f"{where}, limit {limit}, {index}"
        assert 0 < math.prod(part.extent) <= limit, f"{case}; repeat with {command()}"
        seen[index] += 1
        assert_identical(NUMPY.counters(part).reshape(part.extent), values[index], case)
    assert (seen == 1).all(), f"{where}, limit {limit}: {seen}; repeat with {command()}"


@random_cases(max_examples=150)
@given(st.data())
def test_memory_order_keeps_each_counter_at_its_address(data: st.DataObject) -> None:
    shape = data.draw(shapes(max_dims=4, max_size=200))
    path = data.draw(moves(shape))
    where = mapped(shape, path)
    window = data.draw(windows(where.extent, "u1"))
    memory = window.view.strides
    ordered, strides = in_memory_order(where, memory)

    def pairs(one: CounterMap, steps: Any) -> list[tuple[int, int]]:
        positions = itertools.product(*map(range, one.extent))
        counters = NUMPY.counters(one).ravel().tolist()
        addresses = [sum(p * s for p, s in zip(at, steps, strict=True)) for at in positions]
        return sorted(zip(addresses, counters, strict=True))

    if 0 not in where.extent:
        assert pairs(ordered, strides) == pairs(where, memory), f"{where}, {memory}; {command()}"
        assert len(ordered.extent) <= len(where.extent)


def test_a_contiguous_destination_is_one_axis_in_memory_order() -> None:
    where = CounterMap.row_major((3, 4, 5))
    assert in_memory_order(where, (20, 5, 1)) == (CounterMap(0, (1,), (60,)), (1,))


# Fills


@random_cases(max_examples=120, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_fill_through_any_map_is_the_whole_draw_moved(data: st.DataObject) -> None:
    shape = data.draw(shapes())
    drawn, whole = data.draw(draws(shape))
    path = data.draw(moves(shape))
    want, where = moved(whole, path), mapped(shape, path)
    window = data.draw(windows(where.extent, drawn.dtype))
    returned = varscale.fill(drawn, window.view, where)
    case = f"{drawn} of {shape} through {path} into {window}"
    assert returned is window.view
    assert_identical(np.array(window.view), np.array(want), case)
    window.assert_rest_untouched(case)


@random_cases(max_examples=80, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_named_layout_transposes_then_flips(data: st.DataObject) -> None:
    shape = data.draw(shapes())
    drawn, whole = data.draw(draws(shape))
    of = "ABCDE"[: len(shape)]
    axes = "".join(data.draw(st.permutations(of)))
    flip = "".join(sorted(data.draw(st.sets(st.sampled_from(of))))) if of else ""
    layout = Layout(axes, of=of, flip=flip)
    want = np.flip(whole, [of.index(name) for name in flip])
    want = want.transpose([of.index(name) for name in axes])
    assert layout.drawn_shape(want.shape) == shape
    assert layout.destination_shape(shape) == want.shape
    window = data.draw(windows(want.shape, drawn.dtype))
    varscale.fill(drawn, window.view, layout)
    case = f"{drawn} of {shape} through {layout} into {window}"
    assert_identical(np.array(window.view), np.array(want), case)
    window.assert_rest_untouched(case)


@random_cases(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_shards_joined_are_the_whole(data: st.DataObject) -> None:
    shape = data.draw(shapes(min_dims=1, max_dims=4))
    drawn, whole = data.draw(draws(shape))
    axis = data.draw(st.integers(0, len(shape) - 1))
    count = data.draw(st.sampled_from([n for n in range(1, 9) if shape[axis] % n == 0]))
    parts = []
    for index in range(count):
        where = CounterMap.row_major(shape).sharded(axis, index, count)
        parts.append(varscale.fill(drawn, np.zeros(where.extent, drawn.dtype), where))
    joined = np.concatenate([patterns(part) for part in parts], axis).view(drawn.dtype)
    assert_identical(joined, whole, f"{drawn} of {shape}, axis {axis}, {count} shards")


@pytest.mark.parametrize("block", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("key", KEYS, ids=["partitionable", "legacy"])
def test_values_do_not_depend_on_the_size_of_a_block(
    monkeypatch: pytest.MonkeyPatch, block: int, dtype: str, key: Any
) -> None:
    shape, layout = (3, 5, 7), Layout("CAB", of="ABC", flip="B")
    drawn = Normal(1.0).draw(key, shape, dtype)
    want = np.flip(varscale.fill(drawn, np.zeros(shape, drawn.dtype)), 1).transpose(2, 0, 1)
    monkeypatch.setattr(draws_module, "BLOCK", block)
    got = varscale.fill(drawn, np.zeros((7, 3, 5), drawn.dtype), layout)
    assert_identical(got, np.array(want), f"block {block}, {dtype}, {key}")


def test_a_draw_of_several_blocks_moves_as_one() -> None:
    shape = (37, 9, 101)
    drawn = TruncatedNormal(1.0).draw(1, shape, "float32")
    whole = varscale.fill(drawn, np.zeros(shape, np.float32))
    assert whole.size > 2 * draws_module.BLOCK
    for axes in ("ABC", "CBA", "BCA", "ACB"):
        order = ["ABC".index(name) for name in axes]
        target = np.zeros([shape[axis] for axis in order], np.float32, order="F")
        varscale.fill(drawn, target, Layout(axes, of="ABC"))
        assert_identical(np.array(target), np.array(whole.transpose(order)), f"{shape}, {axes}")


def test_delta_orthogonal_kernels_move_too() -> None:
    drawn = DeltaOrthogonal().draw(0, (3, 3, 2, 4), "float32")
    whole = varscale.fill(drawn, np.zeros((3, 3, 2, 4), np.float32))
    got = varscale.fill(drawn, np.zeros((4, 2, 3, 3), np.float32), Layout("OIHW", of="HWIO"))
    assert_identical(got, np.array(whole.transpose(3, 2, 0, 1)), "delta_orthogonal OIHW")


def test_a_fill_of_64_mib_needs_less_than_8_mib_of_scratch() -> None:
    drawn = Normal(1.0).draw(0, (2**12, 2**12), "float32")
    target = np.zeros((2**12, 2**12), np.float32)
    tracemalloc.start()
    try:
        varscale.fill(drawn, target.T, Layout("BA", of="AB"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert target[-1, -1] != 0
    assert peak < 8 * 2**20, f"{peak} bytes at once; repeat with {command()}"


# Errors leave the destination as it was


def readonly() -> np.ndarray:
    array = np.full((3, 4), 7, np.float32)
    array.flags.writeable = False
    return array


def window_of(shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    memory = np.full(100, 7, np.float32)
    return np.lib.stride_tricks.as_strided(memory, shape, [4 * stride for stride in strides])


ERRORS = {
    "dtype": (
        np.full((3, 4), 7, np.float64), None, TypeError,
        "destination must be of dtype float32, got float64",
    ),
    "byte order": (
        np.full((3, 4), 7, ">f4"), None, TypeError,
        "destination must be of dtype float32, got >f4",
    ),
    "read-only": (
        readonly(), None, ValueError, "destination must be writeable, got a read-only array",
    ),
    "size": (
        np.full((3, 5), 7, np.float32), None, ValueError,
        "destination must hold a draw of shape (3, 4), got shape (3, 5)",
    ),
    "shape": (
        np.full((4, 3), 7, np.float32), None, ValueError,
        "destination must hold a draw of shape (3, 4), got shape (4, 3)",
    ),
    "shape of the layout": (
        np.full((3, 4), 7, np.float32), Layout("OI", of="IO"), ValueError,
        "destination must hold a draw of shape (3, 4), got shape (3, 4) in "
        "Layout('OI', of='IO'), which holds (4, 3)",
    ),
    "rank of the layout": (
        np.full((3, 4), 7, np.float32), Layout("OIW", of="WIO"), ValueError,
        "Layout('OIW', of='WIO') is a layout of 3 axes, got shape (3, 4)",
    ),
    "extent of the map": (
        np.full((3, 4), 7, np.float32), CounterMap.row_major((4, 3)), ValueError,
        "destination must have the layout's extent (4, 3), got (3, 4)",
    ),
    "counters too large": (
        np.full((3, 4), 7, np.float32), CounterMap.row_major((3, 4), offset=1), ValueError,
        "layout must stay in the draw's 12 elements, got counters from 1 to 12",
    ),
    "negative counters": (
        np.full((3, 4), 7, np.float32), CounterMap(10, (-4, 1), (3, 4)), ValueError,
        "layout must stay in the draw's 12 elements, got counters from 2 to 13",
    ),
    "counters below zero": (
        np.full((3, 4), 7, np.float32), CounterMap(7, (-4, 1), (3, 4)), ValueError,
        "layout must stay in the draw's 12 elements, got counters from -1 to 10",
    ),
    "broadcast": (
        window_of((3, 4), (0, 1)), None, ValueError,
        "destination must not overlap itself, got an array of shape (3, 4) and strides (0, 4)",
    ),
    "sliding windows": (
        window_of((3, 4), (1, 1)), None, ValueError,
        "destination must not overlap itself, got an array of shape (3, 4) and strides (4, 4)",
    ),
    "overlapping rows": (
        window_of((3, 4), (3, 1)), None, ValueError,
        "destination must not overlap itself, got an array of shape (3, 4) and strides (12, 4)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("destination", "layout", "error", "message"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("initializer", [Normal(1.0), Constant(1), Orthogonal()], ids=repr)
def test_an_error_names_the_argument_and_writes_nothing(
    initializer: Any, destination: np.ndarray, layout: Any, error: Any, message: str
) -> None:
    with pytest.raises(error) as raised:
        varscale.fill(initializer.draw(0, (3, 4), "float32"), destination, layout)
    assert str(raised.value) == message
    assert (destination == 7).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("OI", "HW"), "axes and of must name the same axes once each, got 'OI' and 'HW'"),
        (("OIO", "OIO"), "axes and of must name the same axes once each, got 'OIO' and 'OIO'"),
        (("OI", "OIH"), "axes and of must name the same axes once each, got 'OI' and 'OIH'"),
        (("OI", "IO", "H"), "flip must name axes of 'OI' once each, got 'H'"),
    ],
)
def test_a_wrong_layout_is_named(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match="must name") as raised:
        Layout(*arguments)
    assert str(raised.value) == message


def test_wrong_moves_are_named() -> None:
    where = CounterMap.row_major((4, 6))
    with pytest.raises(ValueError, match=r"^axes must order all of 2 axes, got \(0, 0\)$"):
        where.permuted((0, 0))
    with pytest.raises(IndexError, match=r"^3 indices for 2 axes$"):
        where.sliced(0, 0, 0)
    with pytest.raises(IndexError):
        where.sliced(4)
    with pytest.raises(
        ValueError, match=r"^axis 0 of size 4 must divide into 3 shards, of which 0 "
    ):
        where.sharded(0, 0, 3)
    with pytest.raises(
        ValueError, match=r"^axis 1 of size 6 must divide into 3 shards, of which 3 "
    ):
        where.sharded(1, 3, 3)


@random_cases(max_examples=400)
@given(
    axes=st.lists(st.tuples(st.integers(0, 4), st.integers(-9, 9)), max_size=3),
    itemsize=st.sampled_from((1, 2, 4)),
)
def test_overlap_is_never_overlooked(axes: Any, itemsize: int) -> None:
    extent, strides = tuple(a for a, _ in axes), tuple(b for _, b in axes)
    starts = [
        sum(p * s for p, s in zip(at, strides, strict=True))
        for at in itertools.product(*map(range, extent))
    ]
    touched = [start + byte for start in starts for byte in range(itemsize)]
    if len(set(touched)) < len(touched):
        assert overlaps_itself(extent, strides, itemsize), f"{extent}, {strides}, {itemsize}"


@random_cases(max_examples=150)
@given(st.data())
def test_a_view_of_one_array_is_never_taken_for_overlapping(data: st.DataObject) -> None:
    window = data.draw(windows(data.draw(shapes(max_dims=4)), "float32"))
    view = window.view
    assert not overlaps_itself(view.shape, view.strides, view.itemsize), f"{window}; {command()}"


# The NumPy adapter's face


def test_out_is_filled_in_place_and_returned() -> None:
    out = np.zeros((5, 3), ml_dtypes.bfloat16).T
    init = varscale.numpy.lecun_normal()
    assert init(0, (3, 5), out=out) is out
    assert_identical(np.array(out), init(0, (3, 5), "bfloat16"), "out of bfloat16")


def test_a_layout_gives_a_new_array_its_shape() -> None:
    init = varscale.numpy.lecun_normal()
    got = init(0, (3, 3, 4, 8), layout=Layout("OIHW", of="HWIO"))
    assert_identical(got, np.array(init(0, (3, 3, 4, 8)).transpose(3, 2, 0, 1)), "OIHW")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"out": np.full((2, 3), 7, np.float32)},
            ValueError,
            "out must have shape (3, 2), got (2, 3)",
        ),
        (
            {"out": np.full((3, 2), 7, np.float32), "dtype": "float64"},
            TypeError,
            "destination must be of dtype float64, got float32",
        ),
    ],
)
def test_a_wrong_out_is_named_and_left_alone(options: Any, error: Any, message: str) -> None:
    with pytest.raises(error) as raised:
        varscale.numpy.lecun_normal()(0, (3, 2), **options)
    assert str(raised.value) == message
    assert (options["out"] == 7).all()
