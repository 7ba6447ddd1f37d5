"""Tensors of every kind as destinations: strides, views, dtypes, devices without memory."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.cases import random_cases
from tests.core.compare import assert_identical
from tests.torch.tensors import FLOAT_DTYPES, SENTINEL, as_numpy, torch
from varscale.adapters.torch import filling
from varscale.adapters.torch.filling import fill
from varscale.initializers import Normal

from hypothesis import given  # isort: skip
from hypothesis import strategies as st  # isort: skip

from varscale import numpy as reference
from varscale import torch as door


@st.composite
def views(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[slice, ...], tuple[int, ...]]:
    """A shape of memory, a slice of it with steps, and an order of the slice's axes."""
    rank = draw(st.integers(1, 4))
    shape, index = [], []
    for _ in range(rank):
        start, length, step, rest = (draw(st.integers(low, 3)) for low in (0, 1, 1, 0))
        shape.append(start + length * step + rest)
        index.append(slice(start, start + length * step, step))
    return tuple(shape), tuple(index), tuple(draw(st.permutations(range(rank))))


@random_cases(max_examples=300)
@given(view=views(), dtype=st.sampled_from((*FLOAT_DTYPES, "float8_e5m2")))
def test_a_view_of_any_strides_is_filled_and_its_neighbours_are_not(view: Any, dtype: str) -> None:
    shape, index, order = view
    memory = torch.full(shape, SENTINEL, dtype=getattr(torch, dtype))
    want = as_numpy(memory)
    target = memory[index].permute(order)
    values = reference.uniform(1.0)(3, tuple(target.shape), dtype)
    want[index].transpose(order)[...] = values
    door.uniform(1.0)(3, tuple(target.shape), out=target)
    assert_identical(as_numpy(memory), want, f"torch.full({shape})[{index}].permute({order})")


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
@pytest.mark.parametrize("shape", [(8, 6), (3, 5, 4), (2, 3, 4, 5)])
def test_a_layout_leads_into_a_transposed_view(shape: tuple[int, ...], dtype: str) -> None:
    weight = torch.empty(shape[::-1], dtype=getattr(torch, dtype)).permute(
        *reversed(range(len(shape)))
    )
    assert not weight.is_contiguous()
    axes = "abcd"[: len(shape)]
    got = door.normal(1.0)(1, shape[::-1], out=weight, layout=varscale.Layout(axes, of=axes[::-1]))
    assert got is weight
    want = reference.normal(1.0)(1, shape[::-1], dtype).transpose()
    assert_identical(as_numpy(weight), want, f"{shape}")


@pytest.mark.parametrize(
    ("shape", "layout"),
    [((4, 5), torch.contiguous_format), ((2, 3, 4, 5), torch.channels_last),
     ((2, 3, 4, 3, 2), torch.channels_last_3d)],
    ids=str,
)  # fmt: skip
def test_the_memory_format_is_kept_and_makes_no_difference(shape: Any, layout: Any) -> None:
    plain = door.he_normal_(torch.empty(shape), key=5)
    other = torch.empty(shape).to(memory_format=layout)
    strides = other.stride()
    door.he_normal_(other, key=5)
    assert other.stride() == strides
    assert torch.equal(plain, other)


def test_a_convolution_in_channels_last_is_filled_as_any_other() -> None:
    plain, other = (torch.nn.Conv2d(3, 4, 3) for _ in range(2))
    other = other.to(memory_format=torch.channels_last)
    for layer in (plain, other):
        door.lecun_normal_(layer.weight, key=0)
    assert torch.equal(plain.weight, other.weight)


def test_data_of_a_parameter_is_the_parameter() -> None:
    layer = torch.nn.Linear(4, 3)
    door.uniform_(layer.weight.data, key=2)
    assert torch.equal(layer.weight, door.uniform_(torch.empty(3, 4), key=2))


def test_a_part_of_a_draw_is_filled_by_a_counter_map() -> None:
    whole = reference.normal(1.0)(8, (6, 4))
    draw = Normal(1.0).draw(8, (6, 4), "float32")
    where = varscale.CounterMap.row_major((6, 4))
    shards = [torch.empty(3, 4) for _ in range(2)]
    for index, shard in enumerate(shards):
        assert fill(draw, shard, where.sharded(0, index, 2)) is shard
    assert_identical(np.concatenate([as_numpy(shard) for shard in shards]), whole, "two shards")


@pytest.mark.parametrize("stride", [(0, 1), (1, 1), (2, 1)], ids=["expanded", "sliding", "window"])
def test_a_tensor_that_overlaps_itself_is_refused(stride: tuple[int, int]) -> None:
    memory = torch.full((8,), SENTINEL)
    tensor = memory.as_strided((3, 4), stride)
    with pytest.raises(ValueError, match=r"^tensor must not overlap itself, got shape \(3, 4\)"):
        door.uniform_(tensor, key=0)
    assert bool((memory == SENTINEL).all())


def test_an_axis_of_size_one_may_have_any_stride() -> None:
    tensor = torch.full((4,), SENTINEL).as_strided((1, 4), (0, 1))
    door.uniform_(tensor, key=0, layout=varscale.Layout("ab"))
    assert_identical(as_numpy(tensor), reference.uniform()(0, (1, 4)), "stride 0")


@pytest.mark.parametrize("name", ["uniform", "normal", "truncated_normal"])
def test_a_scalar_tensor_is_filled(name: str) -> None:
    tensor = torch.tensor(SENTINEL)
    got = getattr(door, f"{name}_")(tensor, key=4)
    assert got is tensor
    assert_identical(as_numpy(got), getattr(reference, name)()(4, ()), name)


@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
def test_a_scalar_inside_a_larger_memory_is_filled_alone(dtype: str) -> None:
    memory = torch.full((3,), SENTINEL, dtype=getattr(torch, dtype))
    door.uniform_(memory[1], key=0)
    assert (memory == SENTINEL).tolist() == [True, False, True]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4), (0, 0)])
def test_an_empty_tensor_is_returned(shape: tuple[int, ...]) -> None:
    tensor = torch.empty(shape)
    assert door.normal_(tensor, key=0) is tensor
    if len(shape) > 1:
        assert door.lecun_normal_(tensor, key=0) is tensor
        assert door.orthogonal_(tensor, key=0) is tensor


# No memory


def test_a_meta_tensor_is_left_as_it_is() -> None:
    tensor = torch.empty(3, 4, device="meta")
    for make in (door.lecun_normal_, door.normal_, door.orthogonal_):
        assert make(tensor, key=0) is tensor
    assert door.zeros_(tensor) is tensor
    assert tensor.is_meta


def test_nothing_is_computed_for_a_meta_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("values were made")

    monkeypatch.setattr(filling, "fill_from_host", refuse)
    monkeypatch.setattr(filling.draws, "fill", refuse)
    door.lecun_normal_(torch.empty(3, 4, device="meta"), key=0)
    door.normal()(0, (3, 4), device="meta")


def test_an_orthogonal_meta_tensor_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a matrix was made")

    monkeypatch.setattr("varscale.linalg.orthogonal", refuse)
    door.orthogonal_(torch.empty(64, 64, device="meta"), key=0)


def test_a_model_on_the_meta_device_can_be_filled_after_it_is_made_real() -> None:
    with torch.device("meta"):
        layer = torch.nn.Linear(4, 3)
    door.lecun_normal_(layer.weight, key=1)
    layer = layer.to_empty(device="cpu")
    door.lecun_normal_(layer.weight, key=1)
    assert torch.equal(layer.weight, door.lecun_normal_(torch.empty(3, 4), key=1))


def test_a_fake_tensor_is_left_as_it_is() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        tensor = torch.empty(3, 4)
        assert door.lecun_normal_(tensor, key=0) is tensor


# What is refused


def quietly(make: Any) -> Any:
    """A tensor whose kind torch warns about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


NOT_DENSE = "tensor must be dense and strided, got "
NO_TENSOR = "tensor must be a torch.Tensor, got "


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.eye(3).to_sparse(), f"{NOT_DENSE}layout torch.sparse_coo"),
        (lambda: torch.eye(3).to_sparse_csr(), f"{NOT_DENSE}layout torch.sparse_csr"),
        (lambda: torch.eye(3).to_mkldnn(), f"{NOT_DENSE}layout torch._mkldnn"),
        (lambda: torch.quantize_per_tensor(torch.eye(3), 1.0, 0, torch.qint8), NOT_DENSE),
        (lambda: torch.nested.nested_tensor([torch.ones(3)]), NOT_DENSE),
        (lambda: np.ones((3, 3)), f"{NO_TENSOR}ndarray"),
        (lambda: torch.nn.Linear(3, 3), f"{NO_TENSOR}Linear"),
        (lambda: None, f"{NO_TENSOR}NoneType"),
    ],
    ids=["COO", "CSR", "MKL-DNN", "quantized", "nested", "array", "module", "None"],
)
def test_what_is_no_dense_tensor_is_refused(make: Any, message: str) -> None:
    tensor = quietly(make)
    for call in (
        lambda: door.lecun_normal_(tensor, key=0),
        lambda: door.uniform_(tensor, key=0),
        lambda: door.orthogonal_(tensor, key=0),
        lambda: door.zeros_(tensor),
        lambda: fill(Normal().draw(0, (3, 3), "float32"), tensor),
    ):
        with pytest.raises(TypeError) as raised:
            call()
        assert str(raised.value).startswith(message)


def test_out_must_be_a_dense_tensor() -> None:
    with pytest.raises(TypeError, match=r"^tensor must be a torch\.Tensor, got ndarray$"):
        door.normal()(0, (3,), out=np.ones(3, np.float32))


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.full((3,), 1j).conj(),
        lambda: torch.full((3,), 1j).conj().imag,
    ],
    ids=["conjugated", "negated"],
)
def test_a_lazily_conjugated_or_negated_view_is_refused(make: Any) -> None:
    tensor = make()
    before = tensor.clone()
    with pytest.raises(
        ValueError, match=r"^tensor must hold its values, got a lazily conjugated or negated view$"
    ):
        door.zeros_(tensor)
    assert torch.equal(tensor, before)


@pytest.mark.parametrize("make", [torch.nn.UninitializedParameter, torch.nn.UninitializedBuffer])
def test_a_lazy_parameter_is_refused_until_it_has_a_shape(make: Any) -> None:
    tensor = make()
    with pytest.raises(
        ValueError, match=r"^tensor is a lazy parameter without a shape: run its module once first$"
    ):
        door.lecun_normal_(tensor, key=0)


def test_a_lazy_layer_is_filled_once_it_has_run() -> None:
    layer = torch.nn.LazyLinear(3)
    layer(torch.ones(2, 4))
    door.lecun_normal_(layer.weight, key=0)
    assert torch.equal(layer.weight, door.lecun_normal_(torch.empty(3, 4), key=0))


def test_a_distributed_tensor_is_refused_with_advice() -> None:
    if not torch.distributed.is_available():
        pytest.skip("not available: torch.distributed")
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import distribute_tensor

    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        tensor = distribute_tensor(torch.full((3, 4), SENTINEL), init_device_mesh("cpu", (1,)))
        with pytest.raises(NotImplementedError) as raised:
            door.lecun_normal_(tensor, key=0)
        message = "tensor is a DTensor; fill tensor.to_local() with a CounterMap of its shard"
        assert str(raised.value) == message
        assert bool((tensor.to_local() == SENTINEL).all())
    finally:
        torch.distributed.destroy_process_group()


# Dtypes


INTEGERS = ("uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "bool")


@pytest.mark.parametrize("dtype", [*FLOAT_DTYPES, *INTEGERS, "float8_e4m3fn", "float8_e8m0fnu"])
def test_constants_are_of_any_dtype(dtype: str) -> None:
    kind = getattr(torch, dtype)
    for make, value in (
        (door.ones_, 1), (lambda tensor: door.constant_(tensor, 2), 2), (door.zeros_, 0)
    ):  # fmt: skip
        if dtype == "float8_e8m0fnu" and value == 0:
            continue  # It has no zero.
        tensor = torch.ones(2, 3).to(kind)[:, ::2]
        assert make(tensor) is tensor
        assert tensor.dtype == kind
        assert bool((tensor.to(torch.float32) == (value != 0 if dtype == "bool" else value)).all())


@pytest.mark.parametrize(
    "dtype", ["float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"]
)
def test_eight_bit_floats_are_those_of_the_reference(dtype: str) -> None:
    kind = getattr(torch, dtype)
    got = door.normal(1.0)(3, (40,), kind)
    assert got.dtype == kind
    assert_identical(as_numpy(got), reference.normal(1.0)(3, (40,), dtype), dtype)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_random_values_are_never_integers(dtype: str) -> None:
    tensor = torch.ones(3, 4).to(getattr(torch, dtype))
    for make in (door.lecun_normal_, door.uniform_, door.orthogonal_):
        with pytest.raises(ValueError, match=rf"^dtype must be one of .*; got {dtype}$"):
            make(tensor, key=0)
    assert bool((tensor == 1).all())


def test_a_constant_may_be_an_array_or_a_tensor_that_broadcasts() -> None:
    want = torch.arange(3.0).expand(2, 3)
    for value in (np.arange(3.0), torch.arange(3.0)):
        assert torch.equal(door.constant(value)(0, (2, 3)), want)
        assert torch.equal(door.constant_(torch.empty(2, 3), value), want)


# Making a new tensor, or filling `out`


@pytest.mark.parametrize("dtype", FLOAT_DTYPES[1:])
def test_the_default_dtype_is_that_of_torch(dtype: str) -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        got = [door.normal()(0, (3,)), door.zeros(0, (3,)), door.constant(2)(0, (3,))]
    finally:
        torch.set_default_dtype(before)
    assert [str(one.dtype) for one in got] == [f"torch.{dtype}"] * 3


def test_the_dtype_of_the_call_comes_before_the_factorys_and_that_before_torchs() -> None:
    init = door.normal(dtype=torch.float16)
    assert init(0, (3,)).dtype == torch.float16
    assert init(0, (3,), torch.float64).dtype == torch.float64
    assert door.normal()(0, (3,), "bfloat16").dtype == torch.bfloat16
    assert door.normal()(0, (3,), np.float64).dtype == torch.float64


def test_out_gives_the_dtype_where_no_other_is_named() -> None:
    out = torch.empty(3, dtype=torch.bfloat16)
    assert door.normal()(0, (3,), out=out) is out
    assert_identical(as_numpy(out), reference.normal()(0, (3,), "bfloat16"), "out")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"dtype": torch.float64}, TypeError,
         "tensor must be of dtype torch.float64, got torch.float32"),
        ({"shape": (4, 3)}, ValueError, "out must have shape (4, 3), got (3, 4)"),
        ({"shape": (12,)}, ValueError, "out must have shape (12,), got (3, 4)"),
        ({"device": "cpu"}, TypeError, "device must not be given with out, got 'cpu'"),
        ({"layout": varscale.Layout("ab", of="ba")}, ValueError,
         "out must have shape (4, 3), got (3, 4)"),
    ],
    ids=["dtype", "shape", "rank", "device", "layout"],
)  # fmt: skip
def test_an_out_that_does_not_fit_is_refused_and_left(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    out = torch.full((3, 4), SENTINEL)
    with pytest.raises(error) as raised:
        door.normal()(**{"key": 0, "shape": (3, 4), "out": out} | arguments)
    assert str(raised.value) == message
    assert bool((out == SENTINEL).all())


def test_a_new_tensor_has_the_shape_of_the_layout() -> None:
    got = door.lecun_normal()(0, (3, 3, 4, 5), layout=varscale.Layout("OIHW", of="HWIO"))
    assert got.is_contiguous()
    want = reference.lecun_normal()(0, (3, 3, 4, 5)).transpose(3, 2, 0, 1)
    assert_identical(as_numpy(got), want, "OIHW of HWIO")


def test_the_device_is_the_one_asked_for_or_the_default() -> None:
    init = door.normal()
    assert init(0, (3,), device="meta").is_meta
    assert init(0, (3,), device=torch.device("cpu")).device.type == "cpu"
    with torch.device("meta"):
        assert init(0, (3,)).is_meta
        assert init(0, (3,), device="cpu").device.type == "cpu"


def test_a_cpu_tensor_is_filled_whatever_the_default_device() -> None:
    tensor = torch.empty(3, 4)
    with torch.device("meta"):
        door.normal_(tensor, key=0, layout=varscale.Layout("ab"))
    assert_identical(as_numpy(tensor), reference.normal()(0, (3, 4)), "torch.device('meta')")


@pytest.mark.parametrize("shape", [(1 << 14) + 3, ((1 << 13) - 1, 5), (3, 1 << 14, 2)])
def test_a_tensor_of_many_blocks_is_filled_whole(shape: Any) -> None:
    shape = (shape,) if isinstance(shape, int) else shape
    assert math.prod(shape) > varscale.draws.BLOCK
    out = torch.full(shape[::-1], SENTINEL).permute(*reversed(range(len(shape))))
    door.uniform(1.0)(6, shape, out=out)
    assert_identical(as_numpy(out), reference.uniform(1.0)(6, shape), f"{shape}, transposed")
