"""The arithmetic for devices: run on CPU tensors here, and on CUDA where there is one.

`fill` goes another way on the CPU, through NumPy; what a device computes must be the same bits.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.core.cases import random_cases
from tests.core.compare import assert_identical
from tests.torch.tensors import FLOAT_DTYPES, SENTINEL, as_numpy, torch
from varscale import draws, initializers
from varscale.adapters.torch import filling
from varscale.adapters.torch.ops import TorchOps
from varscale.keys import Key
from varscale.layout import CounterMap, Layout
from varscale.numerics.erf_inv import erf_inv
from varscale.numerics.numpy_ops import NUMPY

from hypothesis import given  # isort: skip
from hypothesis import strategies as st  # isort: skip

Array = np.ndarray[Any, Any]

CPU = TorchOps(torch.device("cpu"))
SHORT = ("float8_e4m3fn", "float8_e5m2")

#: What is drawn, with the values at the edges of every distribution.
DATA: dict[str, initializers.Initializer] = {
    "uniform": initializers.Uniform(3.0),
    "normal": initializers.Normal(0.7),
    "normal of jax 0.10": initializers.Normal(0.7, compiled=False),
    "truncated normal": initializers.TruncatedNormal(0.3, lower=-1.5, upper=2.5),
    "truncated normal, compiled": initializers.TruncatedNormal(1.0, compiled=True),
    "truncated at infinity": initializers.TruncatedNormal(1.0, lower=-np.inf),
    "variance scaling": initializers.VarianceScaling(2.0, "fan_avg", "uniform"),
    "tiny": initializers.Normal(1e-38),
    "zero": initializers.Normal(0.0),
}
KEYS = {"partitionable": Key((7, 2**31 + 5)), "legacy": Key((7, 2**31 + 5), partitionable=False)}
SHAPE = (9, 7, 11)


def host(draw: Any, where: CounterMap) -> Array:
    """The reference: the core's own fill of a NumPy array."""
    return draws.fill(draw, np.empty(where.extent, draw.dtype), where)


@pytest.mark.parametrize("way", [filling.fill_on_device, filling.fill_from_host])
@pytest.mark.parametrize("dtype", [*FLOAT_DTYPES, *SHORT])
@pytest.mark.parametrize("name", DATA)
def test_a_device_draws_what_the_host_draws(name: str, dtype: str, way: Any) -> None:
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    for order, key in KEYS.items():
        draw = DATA[name].draw(key, SHAPE, kind)
        where = CounterMap.row_major(SHAPE)
        got = torch.full(SHAPE, SENTINEL).to(getattr(torch, dtype))
        way(draw, got, where)
        assert_identical(as_numpy(got), host(draw, where), f"{name}, {dtype}, {order}")


@pytest.mark.parametrize("way", [filling.fill_on_device, filling.fill_from_host])
@pytest.mark.parametrize("block", [1, 5, 64, 10_000])
def test_the_size_of_a_block_makes_no_difference(
    block: int, way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "_DEVICE_BLOCK", block)
    shape = (3, 4, 5)
    for key in KEYS.values():
        draw = initializers.Normal().draw(key, shape, "float32")
        got = torch.full(shape, SENTINEL)
        way(draw, got, CounterMap.row_major(shape))
        assert_identical(as_numpy(got), host(draw, CounterMap.row_major(shape)), f"{block}")


@st.composite
def targets(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[slice, ...], tuple[int, ...], str]:
    """Memory, a slice of it, an order of axes, and the axes that run backwards in the draw."""
    rank = draw(st.integers(0, 4))
    shape = tuple(draw(st.integers(0 if rank > 2 else 1, 5)) for _ in range(rank))
    index = tuple(slice(None, None, draw(st.integers(1, 2))) for _ in shape)
    flip = "".join(name for name in "abcd"[:rank] if draw(st.booleans()))
    return shape, index, tuple(draw(st.permutations(range(rank)))), flip


@pytest.mark.parametrize("way", [filling.fill_on_device, filling.fill_from_host])
@random_cases(max_examples=60)
@given(target=targets(), key=st.sampled_from(list(KEYS.values())), block=st.integers(1, 40))
def test_strides_and_layouts_of_a_device_are_those_of_the_host(
    way: Any, target: Any, key: Key, block: int
) -> None:
    shape, index, order, flip = target
    memory = torch.full(shape, SENTINEL, dtype=torch.bfloat16)
    want = as_numpy(memory)
    tensor = memory[index] if index else memory
    axes = "abcd"[: len(shape)]
    names = "".join(axes[axis] for axis in order)
    layout = Layout(axes, of=names, flip=flip)
    where = layout.bind(tuple(tensor.shape))
    draw = initializers.Uniform(1.0).draw(key, layout.drawn_shape(tuple(tensor.shape)), "bfloat16")
    part = want[index] if index else want
    if part.size:
        part[...] = host(draw, where)
    before = filling._DEVICE_BLOCK
    filling._DEVICE_BLOCK = block
    try:
        way(draw, tensor, where)
    finally:
        filling._DEVICE_BLOCK = before
    assert_identical(as_numpy(memory), want, f"torch.full({shape})[{index}], {layout}")


@pytest.mark.parametrize("way", [filling.fill_on_device, filling.fill_from_host])
def test_known_values_are_carried_to_a_device(way: Any) -> None:
    where = Layout("abc", of="cba", flip="b").bind((3, 4, 5))
    for data in (
        initializers.Constant(np.arange(3.0)),
        initializers.Orthogonal(),
        initializers.Constant(2),
    ):
        draw = data.draw(0, (5, 4, 3), "float32")
        got = torch.full((3, 4, 5), SENTINEL)
        way(draw, got, where)
        assert_identical(as_numpy(got), host(draw, where), f"{data}")


LAW = initializers.Uniform(1.0).draw(0, (1,), "float32").law


@pytest.mark.parametrize("offset", [2**32 - 5, 2**33 + 1, 2**40])
@pytest.mark.parametrize("order", KEYS)
def test_counters_beyond_32_bits_are_those_of_the_host(offset: int, order: str) -> None:
    draw = draws.Draw(KEYS[order], (2**41,), LAW)
    where = CounterMap(offset, (1,), (20,))
    got = torch.empty(20)
    filling.fill_on_device(draw, got, where)
    assert_identical(as_numpy(got), host(draw, where), f"{order}, from {offset}")


def test_a_buffer_of_the_host_is_on_the_host_whatever_the_default_device() -> None:
    draw = initializers.Normal().draw(0, (3,), "float32")
    got = torch.empty(3)
    with torch.device("meta"):
        filling.fill_from_host(draw, got, CounterMap.row_major((3,)))
    assert_identical(as_numpy(got), host(draw, CounterMap.row_major((3,))), "torch.device('meta')")


def test_a_device_fill_is_not_seen_by_autograd() -> None:
    tensor = torch.empty(3, requires_grad=True)
    draw = initializers.Normal().draw(0, (3,), "float32")
    filling.fill_on_device(draw, tensor.detach(), CounterMap.row_major((3,)))
    assert tensor.grad_fn is None


# The operations one by one


def check(operation: Callable[[Any], Any], *values: Array, case: str) -> None:
    """Torch's operation and NumPy's on the same float arrays."""
    got = operation(CPU)(*map(torch.from_numpy, values))
    want = operation(NUMPY)(*values)
    got, want = (one if isinstance(one, tuple) else (one,) for one in (got, want))
    for one, other in zip(got, want, strict=True):
        assert_identical(as_numpy(one), other, case)


def random_floats(dtype: str, count: int = 20_000) -> Array:
    """Magnitudes from 2**-60 to 2**60, of both signs."""
    generator = np.random.default_rng(1)
    numbers = generator.standard_normal(count) * 2.0 ** generator.integers(-60, 60, count)
    return numbers.astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fma_rounds_once_also_near_ties(dtype: str) -> None:
    generator = np.random.default_rng(2)
    digits = 24 if dtype == "float32" else 53
    a, b = (
        generator.integers(2 ** (digits - 1), 2**digits, 20_000).astype(dtype) for _ in range(2)
    )
    products = a.astype(np.longdouble) * b
    # Addends that leave the sum half way, or a last bit beside it.
    for shift in (0, 1, 2, digits - 1, digits, digits + 1, 2 * digits):
        c = (-products + 2.0**shift * generator.choice([0.5, 1, 1.5], a.size)).astype(dtype)
        check(lambda ops: lambda *x: ops.fma(*x), a, b, c, case=f"fma, {dtype}, 2**{shift}")
        tie = (2.0 ** (digits + shift) * generator.choice([0.5, 1, 1.5], a.size)).astype(dtype)
        check(lambda ops: lambda *x: ops.fma(*x), a, b, tie, case=f"fma, {dtype}, tie 2**{shift}")


def test_fma_of_float32_is_exact_where_rounding_twice_is_not() -> None:
    # 1 + 2**-24 is a tie of float32; the addend decides it, far below float64's last bit.
    a = np.array([1 + 2.0**-12, 1 + 2.0**-12], np.float32)
    b = np.array([1 + 2.0**-12, 1 + 2.0**-12], np.float32)
    c = np.array([2.0**-80, -(2.0**-80)], np.float32)
    got = as_numpy(CPU.fma(*map(torch.from_numpy, (a, b, c))))
    above = np.float32(1 + 2.0**-11 + 2.0**-23)
    below = np.float32(1 + 2.0**-11)
    assert_identical(got, np.array([above, below]), "fma at a tie")


def test_sums_to_one_number_are_those_of_a_scalar_addend() -> None:
    x = random_floats("float32")
    check(lambda ops: lambda x: ops.fma(x, 1.25, -0.75), x, case="fma with numbers")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_square_root_is_correctly_rounded(dtype: str) -> None:
    x = np.abs(random_floats(dtype, 200_000))
    check(lambda ops: ops.sqrt, x[x > 0], case=f"sqrt, {dtype}")
    roots = np.random.default_rng(3).integers(1, 2**26, 20_000).astype(dtype)
    squares = np.concatenate([roots * roots, np.nextafter(roots * roots, np.array(0, dtype))])
    check(lambda ops: ops.sqrt, squares, case=f"sqrt beside squares, {dtype}")


def test_functions_of_the_c_library_are_called_on_the_host() -> None:
    x = np.abs(random_floats("float64"))
    check(lambda ops: lambda x: ops.c_library(math.log, x), x[x > 0], case="log")


def test_frexp_is_that_of_the_host() -> None:
    x = np.abs(random_floats("float32"))
    check(lambda ops: ops.frexp, x[x > 0], case="frexp")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bounds_and_choices_are_those_of_the_host(dtype: str) -> None:
    x = random_floats(dtype)
    check(lambda ops: lambda x: ops.maximum(x, -0.5), x, case="maximum")
    check(lambda ops: lambda x: ops.minimum(x, 0.5), x, case="minimum")
    check(lambda ops: lambda x: ops.where(x > 0, x, x * 2), x, case="where")
    check(
        lambda ops: lambda x: ops.branch(x > 0, lambda y: y * 3, lambda y: y * 2, x),
        x,
        case="branch",
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("old", [False, True])
def test_erf_inv_is_that_of_the_host(dtype: str, old: bool) -> None:
    generator = np.random.default_rng(4)
    middle = generator.uniform(-1, 1, 20_000).astype(dtype)
    last = np.array([1, -1, 0, -0.0], dtype)
    edge = 1 - 2.0 ** -generator.integers(1, 24 if dtype == "float32" else 53, 2000).astype(dtype)
    x = np.concatenate([middle, edge, -edge, last]).astype(dtype)
    # float32 values that a draw never has are left out: 1 - 2**-24 rounds to 1.
    with np.errstate(all="ignore"):
        check(
            lambda ops: lambda x: erf_inv(ops, x, double=dtype == "float64", old_log1p=old),
            x,
            case=f"erf_inv, {dtype}",
        )


def words_of(values: Array) -> Any:
    """Torch keeps a word's bits in an int32."""
    return torch.from_numpy(values.view(np.int32))


WORDS = np.random.default_rng(5).integers(0, 2**32, 10_000, np.uint32)
EDGES = np.array([0, 1, 2**31 - 1, 2**31, 2**32 - 1], np.uint32)


@pytest.mark.parametrize("other", [0, 1, 5, 2**31 - 1, 2**31, 2**32 - 1, "words"])
def test_words_are_added_and_mixed_as_on_the_host(other: Any) -> None:
    pairs = np.array(list(itertools.product(EDGES, EDGES)), np.uint32)
    a = np.concatenate([WORDS, pairs[:, 0]])
    b = np.concatenate([WORDS[::-1], pairs[:, 1]]) if other == "words" else other
    theirs = words_of(b) if isinstance(b, np.ndarray) else b
    for name in ("add", "xor"):
        got = as_numpy(getattr(CPU, name)(words_of(a), theirs)).view(np.uint32)
        assert_identical(got, getattr(NUMPY, name)(a, b), f"{name} {other}")


@pytest.mark.parametrize("count", [1, 6, 13, 16, 24, 31])
def test_words_are_rotated_and_cut_as_on_the_host(count: int) -> None:
    a = np.concatenate([WORDS, EDGES])
    got = as_numpy(CPU.rotate_left(words_of(a), count)).view(np.uint32)
    assert_identical(got, NUMPY.rotate_left(a, count), f"rotate_left {count}")
    for low in range(33 - count):
        got = as_numpy(CPU.bits(words_of(a), low, count)).view(np.uint32)
        assert_identical(got, NUMPY.bits(a, low, count), f"bits {low}, {count}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_words_become_unsigned_numbers(dtype: str) -> None:
    a = np.concatenate([WORDS, EDGES])
    if dtype == "float32":
        a = a >> np.uint32(9)
    got = as_numpy(CPU.to_float(words_of(a), np.dtype(dtype)))
    assert_identical(got, NUMPY.to_float(a, np.dtype(dtype)), dtype)


def test_counters_and_their_words_are_those_of_the_host() -> None:
    for where in (
        CounterMap(0, (), ()),
        CounterMap(5, (12, -4, 1), (3, 4, 2)),
        CounterMap(2**32 - 3, (1,), (9,)),
        CounterMap(2**40, (-(2**33), 2**31), (4, 5)),
    ):
        got, want = CPU.counters(where), NUMPY.counters(where)
        assert_identical(as_numpy(got).reshape(want.shape), want, str(where))
        for one, other in zip(CPU.words(got), NUMPY.words(want), strict=True):
            assert_identical(as_numpy(one).view(np.uint32).reshape(other.shape), other, str(where))


@pytest.mark.parametrize("dtype", [*FLOAT_DTYPES, *SHORT])
def test_a_table_is_looked_up_as_on_the_host(dtype: str) -> None:
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    table = np.arange(-512, 512).astype(kind)
    index = WORDS % np.uint32(1024)
    assert_identical(as_numpy(CPU.take(table, words_of(index))), NUMPY.take(table, index), dtype)


# CUDA


@pytest.mark.skipif(not torch.cuda.is_available(), reason="not available: cuda")
class TestCuda:
    """The same through the public functions, where a tensor is on a CUDA device."""

    @pytest.mark.parametrize("dtype", [*FLOAT_DTYPES, *SHORT])
    @pytest.mark.parametrize("name", DATA)
    def test_cuda_draws_what_the_host_draws(self, name: str, dtype: str) -> None:
        kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
        for order, key in KEYS.items():
            draw = DATA[name].draw(key, SHAPE, kind)
            tensor = torch.full(SHAPE, SENTINEL, device="cuda").to(getattr(torch, dtype))
            assert filling.fill(draw, tensor) is tensor
            want = host(draw, CounterMap.row_major(SHAPE))
            assert_identical(as_numpy(tensor), want, f"{name}, {dtype}, {order}")

    def test_known_values_reach_cuda_under_a_default_device(self) -> None:
        draw = initializers.Orthogonal().draw(0, (5, 4), "float32")
        with torch.device("cuda"):
            tensor = filling.fill(draw, torch.empty(5, 4))
        assert_identical(as_numpy(tensor), draw.values, "orthogonal")

    def test_a_strided_view_on_cuda_leaves_its_neighbours(self) -> None:
        memory = torch.full((6, 8), SENTINEL, device="cuda")
        draw = initializers.Uniform(1.0).draw(0, (3, 8), "float32")
        filling.fill(draw, memory[::2])
        assert bool((memory[1::2] == SENTINEL).all())
        assert_identical(as_numpy(memory[::2]), host(draw, CounterMap.row_major((3, 8))), "[::2]")

    def test_the_generator_of_cuda_is_untouched_and_the_version_goes_up(self) -> None:
        state = torch.cuda.get_rng_state()
        tensor = torch.empty(3, 4, device="cuda", requires_grad=True)
        before = tensor._version
        filling.fill(initializers.Normal().draw(0, (3, 4), "float32"), tensor)
        assert torch.equal(torch.cuda.get_rng_state(), state)
        assert tensor._version > before
        assert tensor.is_leaf

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_every_uniform_that_a_normal_can_have_is_rounded_as_on_the_host(
        self, dtype: str
    ) -> None:
        draw = initializers.Normal(1.0).draw(3, (1 << 22,), dtype)
        tensor = filling.fill(
            draw, torch.empty(1 << 22, dtype=getattr(torch, dtype), device="cuda")
        )
        assert_identical(as_numpy(tensor), host(draw, CounterMap.row_major((1 << 22,))), dtype)
