"""Layers of torch that start as Flax Linen's: the same parameters, and the same outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.compare import assert_identical
from tests.core.oracle import EAGER, jax
from tests.numpy.calls import Call
from tests.torch.tensors import as_numpy, torch

pytest.importorskip("flax", reason="not installed: pip install flax")

import flax.linen as nn

import varscale
from varscale import torch as door

SEED = 11
#: Of the kernel of a module that is the whole model.
KEY = varscale.linen.param_key(SEED, (), 1)
#: Outputs sum up to 100 float32 products in another order, of numbers about 1.
TOLERANCE = 1e-5


def parameters(module: Any, *inputs: np.ndarray[Any, Any]) -> dict[str, Any]:
    """What Flax initializes."""
    params: dict[str, Any] = module.init(jax.random.key(SEED), *inputs)["params"]
    return params


def compare(module: Any, params: dict[str, Any], layer: Any, inputs: np.ndarray[Any, Any]) -> None:
    """Equal outputs for (batch, *spatial, channels) inputs."""
    want = np.asarray(module.apply({"params": params}, inputs))
    axes = (0, inputs.ndim - 1, *range(1, inputs.ndim - 1))
    with torch.no_grad():
        outputs = layer(torch.from_numpy(inputs.transpose(axes).copy())).numpy()
    got = outputs.transpose(0, *range(2, inputs.ndim), 1)
    assert got.shape == want.shape
    assert float(np.abs(want).max()) > 0.1
    np.testing.assert_allclose(got, want, rtol=0, atol=TOLERANCE)


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def convolution(spatial: int, transposed: bool = False) -> Any:
    return getattr(torch.nn, f"Conv{'Transpose' * transposed}{spatial}d")


def test_a_linear_layer_is_the_dense_layer_of_flax() -> None:
    module, layer, inputs = nn.Dense(5), torch.nn.Linear(7, 5, bias=False), numbers(2, 7)
    params = parameters(module, inputs)
    door.lecun_normal_(layer.weight, key=KEY, compiled=EAGER)
    assert_identical(as_numpy(layer.weight), np.asarray(params["kernel"]).T, "Linear.weight")
    compare(module, params, layer, inputs)


@pytest.mark.parametrize(
    ("spatial", "inputs", "outputs", "groups"),
    [(1, 3, 5, 1), (2, 4, 6, 1), (3, 2, 4, 1), (2, 4, 6, 2), (1, 4, 8, 4)],
    ids=["1-D", "2-D", "3-D", "2-D, grouped", "1-D, depthwise"],
)
def test_a_convolution_is_that_of_flax(
    spatial: int, inputs: int, outputs: int, groups: int
) -> None:
    window = (3, 2, 2)[:spatial]
    module = nn.Conv(outputs, window, padding="VALID", feature_group_count=groups)
    layer = convolution(spatial)(inputs, outputs, window, groups=groups, bias=False)
    x = numbers(2, *(5, 4, 4)[:spatial], inputs)
    door.lecun_normal_(layer.weight, key=KEY, compiled=EAGER)
    params = parameters(module, x)
    want = np.asarray(params["kernel"]).transpose(-1, -2, *range(spatial))
    assert_identical(as_numpy(layer.weight), want, f"{layer}.weight")
    compare(module, params, layer, x)


@pytest.mark.parametrize("transpose_kernel", [False, True])
@pytest.mark.parametrize("spatial", [1, 2, 3])
def test_a_transposed_convolution_is_that_of_flax(spatial: int, transpose_kernel: bool) -> None:
    window, strides = (3, 2, 3)[:spatial], (2, 1, 1)[:spatial]
    module = nn.ConvTranspose(
        5, window, strides, padding="VALID", transpose_kernel=transpose_kernel
    )
    layer = convolution(spatial, transposed=True)(4, 5, window, strides, bias=False)
    layout = door.conv_transpose_layout(spatial, transpose_kernel=transpose_kernel)
    door.lecun_normal_(layer.weight, key=KEY, layout=layout, compiled=EAGER)
    x = numbers(2, *(4, 3, 2)[:spatial], 4)
    params = parameters(module, x)
    kernel = np.asarray(params["kernel"])
    if transpose_kernel:
        want = kernel.transpose(-1, -2, *range(spatial))
    else:
        want = np.flip(kernel, range(spatial)).transpose(-2, -1, *range(spatial))
    assert_identical(as_numpy(layer.weight), want, f"{layer}.weight")
    compare(module, params, layer, x)


def test_an_embedding_is_that_of_flax() -> None:
    module = nn.Embed(10, 4)
    params = parameters(module, np.array([0]))
    layer = torch.nn.Embedding(10, 4)
    door.variance_scaling_(
        layer.weight, 1.0, "fan_in", "normal", out_axis=0, key=KEY,
        layout=varscale.Layout("VD"), compiled=EAGER,
    )  # fmt: skip
    assert_identical(as_numpy(layer.weight), params["embedding"], "Embedding.weight")


def test_packed_attention_is_three_kernels_of_flax() -> None:
    module = nn.MultiHeadDotProductAttention(num_heads=2)
    params = parameters(module, numbers(1, 3, 4))
    layer = torch.nn.MultiheadAttention(4, 2)
    kernels = []
    for number, name in enumerate(("query", "key", "value")):
        key = varscale.linen.param_key(SEED, (name,), 1)
        rows = layer.in_proj_weight[4 * number : 4 * (number + 1)]
        door.lecun_normal_(rows, key=key, compiled=EAGER)
        kernels.append(np.asarray(params[name]["kernel"]).reshape(4, 4).T)
    assert_identical(as_numpy(layer.in_proj_weight), np.concatenate(kernels), "in_proj_weight")


@pytest.mark.parametrize("name", ["lecun_normal", "xavier_uniform", "he_normal", "orthogonal"])
def test_an_initializer_given_to_flax_is_the_function_of_its_name(name: str) -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
    module = nn.Dense(5, kernel_init=getattr(nn.initializers, name)())
    options = Call(name, (), ()).options
    got = getattr(door, f"{name}_")(torch.empty(5, 7), key=KEY, **options)
    want = np.asarray(parameters(module, numbers(2, 7))["kernel"]).T
    assert_identical(as_numpy(got), want, f"{name}_")


@pytest.mark.parametrize("spatial", [0, 4, -1])
def test_a_transposed_convolution_has_one_to_three_spatial_axes(spatial: int) -> None:
    with pytest.raises(ValueError, match=f"^spatial must be 1, 2 or 3, got {spatial}$"):
        door.conv_transpose_layout(spatial)
