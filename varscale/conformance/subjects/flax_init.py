"""Flax's initializers, in the layers of `flax.linen` whose kernels they make."""

from __future__ import annotations

from typing import Any

import numpy as np

from varscale.conformance.layers import DEPTH_MULTIPLIER, GROUPS
from varscale.conformance.specs import Spec
from varscale.conformance.subject import Claim
from varscale.conformance.subjects import jax_devices
from varscale.conformance.subjects.offered import check_device, check_real, layer_of
from varscale.dtypes import as_dtype
from varscale.keys import Key

__all__ = ["FLAX"]


class Flax:
    """`flax.linen.initializers`, which are JAX's, as the kernel_init of a layer.

    The layer decides which shape and axes the initializer sees: DenseGeneral flattens its kernel to
    two axes. Flax packs no projections: ports have a DenseGeneral of (3, out) features, (in, 3,
    out). Bits are not those of the key alone: Flax folds the path of a parameter into it.
    """

    name = "flax"
    claims: frozenset[Claim] = frozenset({"law"})

    def devices(self) -> list[str]:
        """The devices that JAX sees."""
        import flax.linen  # noqa: F401 - raises where it is not installed

        return jax_devices.devices()

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        """Initialize a layer, and give its kernel back in JAX's axes; see `Subject`."""
        check_device(self.name, device, self.devices())
        check_real(spec, dtype)
        layer = layer_of(self.name, spec, shape)
        with jax_devices.settings(dtype, device, partitionable=key.partitionable):
            typed, init = jax_devices.typed_key(key), _initializer(spec)
            if layer is None:
                return init(typed, shape, as_dtype(dtype))
            return _kernel(layer.name, init, typed, shape, dtype)

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """See `Subject`."""
        return jax_devices.to_numpy(array)


def _initializer(spec: Spec) -> Any:
    from flax.linen import initializers

    make = getattr(initializers, spec.initializer)
    if spec.initializer != "variance_scaling":
        return make(spec.scale)
    # The axes are the layer's matter, but for a table's, where Flax has them in its own default.
    axes = {"out_axis": spec.out_axis} if spec.layer == "embedding" else {}
    return make(spec.scale, spec.mode, spec.distribution, **axes)


def _kernel(name: str, init: Any, key: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """The kernel of Flax's layer of this name, as JAX's."""
    from flax import linen as nn

    given = {"use_bias": False, "kernel_init": init, "param_dtype": as_dtype(dtype)}
    if name == "embedding":
        table = nn.Embed(*shape, param_dtype=as_dtype(dtype), embedding_init=init)
        return _params(table, key, (1,), "int32")["embedding"]
    if name == "attention_query":
        inputs, *heads = shape
        query = nn.DenseGeneral(tuple(heads), **given)
        return _params(query, key, (1, inputs), dtype)["kernel"]
    if name == "attention_out":
        *heads, outputs = shape
        out = nn.DenseGeneral(outputs, axis=(-2, -1), **given)
        return _params(out, key, (1, *heads), dtype)["kernel"]
    if name == "packed_qkv":
        parts, inputs, outputs = shape
        packed = nn.DenseGeneral((parts, outputs), **given)
        return _params(packed, key, (1, inputs), dtype)["kernel"].transpose(1, 0, 2)
    *size, inputs, outputs = shape
    layer: Any
    groups = 1
    if name == "dense":
        layer = nn.Dense(outputs, **given)
    elif name == "conv_transpose":
        layer = nn.ConvTranspose(outputs, tuple(size), **given)
    else:
        if name == "grouped":
            groups = GROUPS
        elif name == "depthwise":
            groups = outputs // DEPTH_MULTIPLIER
        layer = nn.Conv(outputs, tuple(size), feature_group_count=groups, **given)
    return _params(layer, key, (1, *size, groups * inputs), dtype)["kernel"]


def _params(module: Any, key: Any, inputs: tuple[int, ...], dtype: str) -> Any:
    """The parameters of a module, whose output is not computed."""
    import jax

    return module.lazy_init(key, jax.ShapeDtypeStruct(inputs, as_dtype(dtype)))["params"]


FLAX = Flax()
