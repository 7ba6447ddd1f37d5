"""The in-place functions against the installed JAX: which axis of a tensor is drawn as which."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from tests.core.cases import random_cases
from tests.core.compare import assert_identical
from tests.core.oracle import EAGER, jax
from tests.numpy.calls import DTYPES, FAN_NAMES, Call, axes
from tests.torch.tensors import as_numpy, torch

from hypothesis import given  # isort: skip
from hypothesis import strategies as st  # isort: skip

import varscale
from varscale import torch as door
from varscale.family import FACTORIES

#: A weight (out, in, *spatial), and the kernel (*spatial, in, out) that JAX draws for it.
WEIGHT, KERNEL = (5, 4, 2, 3), (2, 3, 4, 5)


def empty(shape: tuple[int, ...], dtype: str = "float32") -> Any:
    return torch.empty(shape, dtype=getattr(torch, dtype))


def filled(call: Call, tensor: Any, **how: Any) -> Any:
    """The tensor, filled by the in-place function of the call's factory."""
    options = call.options | how
    return getattr(door, f"{call.name}_")(tensor, **options, key=call.key)


def test_every_factory_has_an_in_place_function() -> None:
    whole_models = {"init_"}
    in_place = {
        name.removesuffix("_") for name in {*door.__all__} - whole_models if name.endswith("_")
    }
    assert in_place == {*FACTORIES, "zeros", "ones"}


@pytest.mark.parametrize("name", sorted({*FACTORIES} - {"constant"}))
def test_arguments_are_in_the_order_of_the_factory(name: str) -> None:
    first, *ours = inspect.signature(getattr(door, f"{name}_")).parameters.values()
    theirs = inspect.signature(getattr(door, name)).parameters
    assert first.name == "tensor"
    positional = [one.name for one in ours if one.kind is one.POSITIONAL_OR_KEYWORD]
    assert (
        positional
        == [
            one.name
            for one in theirs.values()
            if one.name != "dtype" and one.kind is one.POSITIONAL_OR_KEYWORD
        ][: len(positional)]
    )
    # Bounds are keywords: torch's own trunc_normal_ has mean and std where they would stand.
    optional = ("compiled", "lower", "upper")
    keywords = [one.name for one in ours if one.kind is one.KEYWORD_ONLY]
    assert [name for name in keywords if name not in optional] == ["key", "layout"]


@pytest.mark.parametrize("name", [*FAN_NAMES[:-1], "normal", "truncated_normal", "uniform"])
def test_a_weight_is_the_kernel_of_jax_transposed(name: str) -> None:
    call = Call(name, (), KERNEL, words=(3, 9))
    got = filled(call, empty(WEIGHT))
    assert_identical(as_numpy(got), call.of_jax().transpose(3, 2, 0, 1), f"{name}_")


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_weight_of_any_dtype_is_the_kernel_of_jax_transposed(dtype: str) -> None:
    arguments = (("scale", 2.0), ("mode", "fan_out"), ("distribution", "normal"))
    call = Call("variance_scaling", arguments, KERNEL, dtype)
    got = filled(call, empty(WEIGHT, dtype))
    assert_identical(as_numpy(got), call.of_jax().transpose(3, 2, 0, 1), str(call))


@random_cases(max_examples=50)
@given(chosen=axes(4), mode=st.sampled_from(("fan_in", "fan_out", "fan_avg", "fan_geo_avg")))
def test_explicit_axes_are_the_tensors_own(chosen: tuple[tuple[int, ...], ...], mode: str) -> None:
    inputs, outputs, batch = chosen
    spatial = [axis for axis in range(4) if axis not in (*inputs, *outputs, *batch)]
    # As documented. The kernel has one shape always, so that JAX compiles once.
    order = [*batch, *spatial, *inputs, *outputs]
    shape = tuple((2, 3, 4, 5)[order.index(axis)] for axis in range(4))
    arguments = {
        "scale": 2.0,
        "mode": mode,
        "distribution": "uniform",
        "in_axis": tuple(order.index(axis) for axis in inputs),
        "out_axis": tuple(order.index(axis) for axis in outputs),
        "batch_axis": tuple(order.index(axis) for axis in batch),
    }
    drawn = Call("variance_scaling", tuple(arguments.items()), tuple(shape[i] for i in order))
    kernel = drawn.of_jax()
    own = dict(zip(("in_axis", "out_axis", "batch_axis"), chosen, strict=True))
    got = filled(drawn, empty(shape), **own)
    assert_identical(as_numpy(got), kernel.transpose(np.argsort(order)), f"{shape}, {own}, {mode}")


def test_expert_weights_are_drawn_with_a_batch_axis() -> None:
    call = Call("lecun_normal", (("batch_axis", 0),), (3, 4, 6))
    got = filled(call, empty((3, 6, 4)), in_axis=2, out_axis=1)
    assert_identical(as_numpy(got), call.of_jax().swapaxes(1, 2), "(expert, out, in)")


def test_a_layout_names_the_axes_and_the_axis_arguments_are_jaxs() -> None:
    call = Call("he_uniform", (("in_axis", 0), ("out_axis", (1, 2))), (4, 2, 3))
    got = filled(call, empty((2, 3, 4)), layout=varscale.Layout("HKD", of="DHK"))
    assert_identical(as_numpy(got), call.of_jax().transpose(1, 2, 0), "(heads, head_dim, in)")


def test_a_vector_needs_its_axes() -> None:
    call = Call("lecun_uniform", (("in_axis", 0), ("out_axis", ())), (5,))
    assert_identical(as_numpy(filled(call, empty((5,)))), call.of_jax(), "rank 1")


@pytest.mark.parametrize("shape", [(), (5,)])
@pytest.mark.parametrize("name", ["normal", "truncated_normal", "uniform"])
def test_a_scalar_or_vector_is_drawn_as_it_is(name: str, shape: tuple[int, ...]) -> None:
    call = Call(name, (), shape)
    assert_identical(as_numpy(filled(call, empty(shape))), call.of_jax(), f"{name}_ {shape}")


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (4, 2, 3)])
def test_an_orthogonal_weight_is_the_kernel_of_jax_transposed(shape: tuple[int, ...]) -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
    order = (*range(2, len(shape)), 1, 0)
    call = Call("orthogonal", (("scale", 1.5),), tuple(shape[axis] for axis in order))
    got = filled(call, empty(shape))
    assert_identical(as_numpy(got), call.of_jax().transpose(np.argsort(order)), f"{shape}")


def test_the_column_axis_of_orthogonal_is_the_tensors_own() -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
    call = Call("orthogonal", (("column_axis", 0),), (3, 2, 4))
    got = filled(call, empty((4, 2, 3)), column_axis=2)
    assert_identical(as_numpy(got), call.of_jax().transpose(2, 1, 0), "the third of (out, in, k)")


def test_a_delta_orthogonal_weight_is_the_kernel_of_jax_transposed() -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
    call = Call("delta_orthogonal", (), (3, 2, 4, 6))
    got = filled(call, empty((6, 4, 3, 2)))
    assert_identical(as_numpy(got), call.of_jax().transpose(3, 2, 0, 1), "(6, 4, 3, 2)")
    assert np.count_nonzero(as_numpy(got).any(axis=(0, 1))) == 1


@pytest.mark.parametrize("name", ["normal", "lecun_normal"])
def test_compiled_chooses_the_roundings_of_a_jitted_function(name: str) -> None:
    kernel = (64, 32)
    init = jax.jit(getattr(jax.nn.initializers, name)(), static_argnums=(1, 2))
    want = np.asarray(init(jax.random.key(5), kernel, "float32")).T
    got = getattr(door, f"{name}_")(empty(kernel[::-1]), key=5, compiled=True)
    assert_identical(as_numpy(got), want, f"{name}_, compiled=True")


def test_an_embedding_is_drawn_in_its_own_order() -> None:
    arguments = (("scale", 1.0), ("mode", "fan_in"), ("distribution", "normal"), ("out_axis", 0))
    call = Call("variance_scaling", arguments, (10, 4))
    got = filled(call, torch.nn.Embedding(10, 4).weight, layout=varscale.Layout("VD"))
    assert_identical(as_numpy(got), call.of_jax(), "Embedding.weight")


def test_slices_of_a_packed_weight_are_three_kernels() -> None:
    attention = torch.nn.MultiheadAttention(4, 2)
    keys = varscale.split(0, 3)
    for number, key in enumerate(keys):
        door.lecun_normal_(
            attention.in_proj_weight[4 * number : 4 * number + 4], key=key, compiled=EAGER
        )
    kernels = [
        np.asarray(jax.nn.initializers.lecun_normal()(key, (4, 4)))
        for key in jax.random.split(jax.random.key(0), 3)
    ]
    want = np.concatenate([kernel.T for kernel in kernels])
    assert_identical(as_numpy(attention.in_proj_weight), want, "in_proj_weight")
