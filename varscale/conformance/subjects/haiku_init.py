"""Haiku's initializers, in the layers of Haiku whose weights they make."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from varscale.conformance.layers import DEPTH_MULTIPLIER, GROUPS
from varscale.conformance.specs import Spec
from varscale.conformance.subject import Claim, NotOffered
from varscale.conformance.subjects import jax_devices
from varscale.conformance.subjects.offered import check_device, check_dtype, check_mode, layer_of
from varscale.dtypes import as_dtype
from varscale.keys import Key

__all__ = ["HAIKU"]


class Haiku:
    """`hk.initializers`, as the w_init of a layer.

    The layer decides the shape that the initializer sees. Attention has Linear projections, of two
    axes; ports pack three of them into one of three times the outputs.
    """

    name = "haiku"
    claims: frozenset[Claim] = frozenset({"law"})

    def devices(self) -> list[str]:
        """The devices that JAX sees."""
        import haiku  # noqa: F401 - raises where it is not installed

        return jax_devices.devices()

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        """Initialize a layer, and give its weights back in JAX's axes; see `Subject`."""
        check_device(self.name, device, self.devices())
        check_dtype(self.name, spec, dtype, complex_too=spec.samples != "uniform")
        check_mode(self.name, spec)
        layer = layer_of(self.name, spec, shape)
        init, kind = _initializer(spec), as_dtype(dtype)
        with (
            jax_devices.settings(dtype, device, partitionable=key.partitionable),
            warnings.catch_warnings(),
        ):
            # Haiku corrects a real standard deviation by a complex number, and takes the real part.
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            typed = jax_devices.typed_key(key)
            if layer is None:
                return _alone(init, typed, shape, kind)
            return _kernel(layer.name, init, typed, shape, kind)

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """See `Subject`."""
        return jax_devices.to_numpy(array)


def _initializer(spec: Spec) -> Any:
    from haiku import initializers

    if spec.initializer == "uniform":
        return initializers.RandomUniform(0.0, spec.scale)
    if spec.initializer == "normal":
        return initializers.RandomNormal(spec.scale)
    if spec.initializer == "truncated_normal":
        return initializers.TruncatedNormal(spec.scale)
    return initializers.VarianceScaling(spec.scale, spec.mode, spec.distribution)


def _kernel(name: str, init: Any, key: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """The weights of Haiku's layer of this name, as JAX's kernel."""
    import haiku as hk
    import jax.numpy as jnp

    if name == "embedding":
        if dtype != np.float32:
            raise NotOffered(f"hk.Embed has a table of float32, not of {dtype}")
        return _weights(lambda: hk.Embed(*shape, w_init=init)(jnp.zeros(1, jnp.int32)), key)
    if name == "packed_qkv":
        parts, inputs, outputs = shape
        packed = _linear(init, key, inputs, parts * outputs, dtype)
        return packed.reshape(inputs, parts, outputs).transpose(1, 0, 2)
    if name == "attention_query":
        inputs, heads, size = shape
        return _linear(init, key, inputs, heads * size, dtype).reshape(shape)
    if name == "attention_out":
        heads, size, outputs = shape
        return _linear(init, key, heads * size, outputs, dtype).reshape(shape)
    *window, inputs, outputs = shape
    if name == "dense":
        return _linear(init, key, inputs, outputs, dtype)

    def layer() -> Any:
        given: dict[str, Any] = {"kernel_shape": window, "with_bias": False, "w_init": init}
        channels, made = inputs, None
        if name == "conv_transpose":
            made = hk.Conv2DTranspose(outputs, **given)
        elif name == "depthwise":
            channels = outputs // DEPTH_MULTIPLIER
            made = hk.DepthwiseConv2D(DEPTH_MULTIPLIER, **given)
        elif name == "grouped":
            channels = inputs * GROUPS
            made = hk.Conv2D(outputs, feature_group_count=GROUPS, **given)
        else:
            made = (hk.Conv1D if name == "conv1d" else hk.Conv2D)(outputs, **given)
        return made(jnp.zeros((1, *(1 for _ in window), channels), dtype))

    weights = _weights(layer, key)
    # (*spatial, out, in) of a transposed convolution; it runs as Flax's default.
    return weights.swapaxes(-1, -2) if name == "conv_transpose" else weights


def _linear(init: Any, key: Any, inputs: int, outputs: int, dtype: np.dtype[Any]) -> Any:
    import haiku as hk
    import jax.numpy as jnp

    def layer() -> Any:
        return hk.Linear(outputs, with_bias=False, w_init=init)(jnp.zeros((1, inputs), dtype))

    return _weights(layer, key)


def _alone(init: Any, key: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    import haiku as hk

    return _weights(lambda: hk.get_parameter("w", shape, dtype, init), key)


def _weights(layer: Callable[[], Any], key: Any) -> Any:
    """The one parameter that a function of Haiku has."""
    import haiku as hk

    (own,) = hk.transform(layer).init(key).values()
    (weights,) = own.values()
    return weights


HAIKU = Haiku()
