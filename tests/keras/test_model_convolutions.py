"""Every convolution of Keras that a rule knows, against the one of Flax Linen that it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")
jax = pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
nn = pytest.importorskip("flax.linen", reason="not installed: pip install flax")

from keras import layers  # noqa: E402

import varscale.keras as vk  # noqa: E402

if jax.__version_info__ < (0, 10):
    pytest.skip("not available: jax>=0.10", allow_module_level=True)

#: Biases and scales that are not zero or one: outputs show where they lie.
UNIFORM = jax.nn.initializers.uniform(1.0)
BIAS = {"bias_init": UNIFORM}
DRAWN_BIAS = {"init": {"layer": {"bias": vk.uniform(1.0)}}}
Params = Any
Want = Callable[[Params], dict[str, Any]]


@dataclass
class Case:
    """A Flax layer, its twin, an input, and Flax's parameters as Keras has them, by hand."""

    flax: Callable[[Any], Any]
    twin: Callable[[], Any]
    shape: tuple[int, ...]
    want: Want
    options: dict[str, Any] = field(default_factory=dict)
    forward: Callable[[Any, Any], Any] = lambda layer, x: layer(x)
    integers: int = 0


SAME: dict[str, Any] = {"padding": "same"}
UP: dict[str, Any] = {"strides": 2, "padding": "valid"}
POINTWISE = {"init": {r"layer\.pointwise": {"bias": vk.uniform(1.0)}}}
TRANSPOSED = {**DRAWN_BIAS, "layout": {"layer": {"transpose_kernel": True}}}


def same(name: str, **more: Any) -> Want:
    """The layouts are equal: kernel and bias, and whatever is constant."""

    def want(params: Params) -> dict[str, Any]:
        found = {f"layer.{leaf}": array for leaf, array in params[name].items()}
        return found | {f"layer.{leaf}": array for leaf, array in more.items()}

    return want


def flipped(params: Params) -> dict[str, Any]:
    """Of `nn.ConvTranspose` as it is by default: backwards in space, and inputs last."""
    kernel = np.asarray(params["ConvTranspose_0"]["kernel"])
    kernel = np.flip(kernel, tuple(range(kernel.ndim - 2))).swapaxes(-1, -2)
    return {"layer.kernel": kernel, "layer.bias": params["ConvTranspose_0"]["bias"]}


def depthwise(multiplier: int) -> Want:
    def want(params: Params) -> dict[str, Any]:
        kernel = np.asarray(params["Conv_0"]["kernel"])
        kernel = kernel.reshape(*kernel.shape[:-2], -1, multiplier)
        return {"layer.kernel": kernel, "layer.bias": params["Conv_0"]["bias"]}

    return want


def separable(multiplier: int) -> Want:
    def want(params: Params) -> dict[str, Any]:
        kernel = np.asarray(params["Conv_0"]["kernel"])
        return {
            "layer.depthwise_kernel": kernel.reshape(*kernel.shape[:-2], -1, multiplier),
            "layer.pointwise_kernel": params["Conv_1"]["kernel"],
            "layer.bias": params["Conv_1"]["bias"],
        }

    return want


def up(space: int, **options: Any) -> Callable[[Any], Any]:
    sizes = {"kernel_size": (3,) * space, "strides": (2,) * space}
    return lambda x: nn.ConvTranspose(8, padding="VALID", **sizes, **BIAS, **options)(x)


def down(space: int, **options: Any) -> Callable[[Any], Any]:
    return lambda x: nn.Conv(8, kernel_size=(3,) * space, **BIAS, **options)(x)


def twice(space: int) -> Callable[[Any], Any]:
    def body(x: Any) -> Any:
        inputs = x.shape[-1]
        kernel, point = (3,) * space, (1,) * space
        x = nn.Conv(2 * inputs, kernel, feature_group_count=inputs, use_bias=False)(x)
        return nn.Conv(8, point, **BIAS)(x)

    return body


CASES = {
    "conv 1d": Case(
        down(1), lambda: layers.Conv1D(8, 3, **SAME), (2, 6, 4), same("Conv_0"), DRAWN_BIAS
    ),
    "conv 2d": Case(
        down(2), lambda: layers.Conv2D(8, 3, **SAME), (2, 6, 5, 4), same("Conv_0"), DRAWN_BIAS
    ),
    "conv 3d": Case(
        down(3), lambda: layers.Conv3D(8, 3, **SAME), (2, 4, 5, 3, 4), same("Conv_0"), DRAWN_BIAS
    ),
    "conv grouped": Case(
        down(2, feature_group_count=2),
        lambda: layers.Conv2D(8, 3, groups=2, **SAME),
        (2, 6, 5, 4),
        same("Conv_0"),
        DRAWN_BIAS,
    ),
    **{
        f"conv transpose {n}d": Case(
            up(n),
            lambda n=n: getattr(layers, f"Conv{n}DTranspose")(8, 3, **UP),
            (*(2, 4, 5, 3)[: 1 + n], 7),
            flipped,
            DRAWN_BIAS,
        )
        for n in (1, 2, 3)
    },
    **{
        f"conv transpose {n}d, transpose_kernel": Case(
            up(n, transpose_kernel=True),
            lambda n=n: getattr(layers, f"Conv{n}DTranspose")(8, 3, **UP),
            (*(2, 4, 5, 3)[: 1 + n], 7),
            same("ConvTranspose_0"),
            TRANSPOSED,
        )
        for n in (1, 2, 3)
    },
    "depthwise 1d": Case(
        lambda x: nn.Conv(8, (3,), feature_group_count=4, **BIAS)(x),
        lambda: layers.DepthwiseConv1D(3, depth_multiplier=2, **SAME),
        (2, 6, 4),
        depthwise(2),
        DRAWN_BIAS,
    ),
    "depthwise 2d": Case(
        lambda x: nn.Conv(12, (3, 3), feature_group_count=4, **BIAS)(x),
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=3, **SAME),
        (2, 6, 5, 4),
        depthwise(3),
        DRAWN_BIAS,
    ),
    "separable 1d": Case(
        twice(1),
        lambda: layers.SeparableConv1D(8, 3, depth_multiplier=2, **SAME),
        (2, 6, 4),
        separable(2),
        POINTWISE,
    ),
    "separable 2d": Case(
        twice(2),
        lambda: layers.SeparableConv2D(8, 3, depth_multiplier=2, **SAME),
        (2, 6, 5, 4),
        separable(2),
        POINTWISE,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_starts_and_computes_as_flaxs(name: str, assert_same_layer: Any) -> None:
    assert_same_layer(CASES[name])
