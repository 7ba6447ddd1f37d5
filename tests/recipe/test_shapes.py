"""Arrays that are not made: rearranged in any order, they are what NumPy makes of the array."""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np

import varscale
from varscale.initializers import Uniform
from varscale.recipe.tensors import Sources, Tensor, concatenated, stacked

Pair = tuple[Tensor, np.ndarray[Any, Any]]


def drawn(seed: int, shape: tuple[int, ...]) -> Pair:
    draw = Uniform(1.0).draw(seed, shape, "float32")
    return Tensor.of(draw), varscale.fill(draw, np.empty(shape, np.float32))


@st.composite
def rearranged(draw: Any) -> Pair:
    """A tensor and its array after some changes of shape."""
    shape = tuple(draw(st.lists(st.integers(1, 4), max_size=3)))
    tensor, array = drawn(draw(st.integers(0, 9)), shape)
    for _ in range(draw(st.integers(0, 6))):
        change = draw(st.sampled_from(CHANGES))
        tensor, array = change(draw, tensor, array)
        if array.size > 4000:
            break
    return tensor, array


def transposed(draw: Any, tensor: Tensor, array: Any) -> Pair:
    axes = draw(st.permutations(range(array.ndim)))
    return tensor.transposed(axes), array.transpose(axes)


def flipped(draw: Any, tensor: Tensor, array: Any) -> Pair:
    axes = [axis for axis in range(array.ndim) if draw(st.booleans())]
    return tensor.reversed(axes), np.flip(array, axes)


def sliced(draw: Any, tensor: Tensor, array: Any) -> Pair:
    start = [draw(st.integers(0, n)) for n in array.shape]
    stop = [draw(st.integers(a, n)) for a, n in zip(start, array.shape, strict=True)]
    step = [draw(st.integers(1, 3)) for _ in start]
    return tensor.sliced(start, stop, step), array[tuple(map(slice, start, stop, step))]


def reshaped(draw: Any, tensor: Tensor, array: Any) -> Pair:
    shape = list(array.shape)
    if draw(st.booleans()):
        shape.insert(draw(st.integers(0, len(shape))), 1)
    elif len(shape) > 1 and draw(st.booleans()):
        axis = draw(st.integers(0, len(shape) - 2))
        shape[axis : axis + 2] = [shape[axis] * shape[axis + 1]]
    elif shape:
        axis = draw(st.integers(0, len(shape) - 1))
        divisor = draw(st.sampled_from([n for n in range(1, 9) if shape[axis] % n == 0]))
        shape[axis : axis + 1] = [divisor, shape[axis] // divisor]
    return tensor.reshaped(tuple(shape)), array.reshape(shape)


def broadcast(draw: Any, tensor: Tensor, array: Any) -> Pair:
    shape = [draw(st.integers(1, 3)) if n == 1 else n for n in array.shape]
    place = draw(st.integers(0, len(shape)))
    axes = [axis + (axis >= place) for axis in range(len(shape))]
    expected = np.broadcast_to(np.expand_dims(array, place), (*shape[:place], 2, *shape[place:]))
    return tensor.broadcast(expected.shape, axes), expected


def beside(draw: Any, tensor: Tensor, array: Any) -> Pair:
    other, values = drawn(draw(st.integers(0, 9)), array.shape)
    if array.ndim and draw(st.booleans()):
        axis = draw(st.integers(0, array.ndim - 1))
        return concatenated([tensor, other], axis), np.concatenate([array, values], axis)
    return stacked([other, tensor]), np.stack([values, array])


def updated(draw: Any, tensor: Tensor, array: Any) -> Pair:
    shape = tuple(draw(st.integers(0, n)) for n in array.shape)
    start = [draw(st.integers(0, n - m)) for n, m in zip(array.shape, shape, strict=True)]
    part, values = drawn(3, shape)
    expected = np.array(array)
    expected[tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))] = values
    return tensor.updated(part, start), expected


CHANGES = (transposed, flipped, sliced, reshaped, broadcast, beside, updated)


@hypothesis.settings(max_examples=500, deadline=None)
@hypothesis.given(rearranged(), st.integers(1, 50))
def test_a_rearranged_tensor_is_the_rearranged_array(pair: Pair, limit: int) -> None:
    tensor, array = pair
    assert tensor.shape == array.shape
    assert tensor.values(Sources()).tobytes() == array.tobytes()
    blocks = list(tensor.blocks(limit))
    assert all(block.size <= limit for block in blocks)
    assert b"".join(block.tobytes() for block in blocks) == array.tobytes()


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(rearranged(), st.randoms())
def test_a_tensor_lies_in_a_layout_as_numpy_would_put_it(pair: Pair, random: Any) -> None:
    tensor, array = pair
    names = "ABCDEFGHIJKLMNOP"[: array.ndim]
    axes = "".join(random.sample(names, len(names)))
    flip = "".join(name for name in axes if random.random() < 0.5)
    got = tensor.arranged(varscale.Layout(axes, of=names, flip=flip)).values(Sources())
    turned = array.transpose([names.index(name) for name in axes])
    expected = np.flip(turned, [axes.index(name) for name in flip])
    assert got.tobytes() == np.ascontiguousarray(expected).tobytes()


def test_what_is_only_moved_is_not_made() -> None:
    """A draw larger than any memory, rearranged, of which a few values are made."""
    tensor = Tensor.of(Uniform(1.0).draw(0, (2**20, 2**12, 2**10), "float32"))
    part = tensor.transposed((2, 0, 1)).reshaped((2**10, 2**32)).sliced((5, 7), (6, 10))
    draw = Uniform(1.0).draw(0, tensor.shape, "float32")
    where = varscale.CounterMap(7 * 2**10 + 5, (2**10,), (3,))
    assert (part.values(Sources())[0] == varscale.fill(draw, np.empty(3, np.float32), where)).all()
