"""`keras.initializers`, in the layers of Keras whose kernels they make, on the backend in use."""

from __future__ import annotations

from typing import Any

import numpy as np

from varscale.conformance.layers import DEPTH_MULTIPLIER, GROUPS
from varscale.conformance.specs import Spec
from varscale.conformance.subject import Claim, seed_of
from varscale.conformance.subjects import keras_devices
from varscale.conformance.subjects.offered import check_device, check_dtype, check_mode, layer_of
from varscale.keys import Key

__all__ = ["KERAS_INITIALIZERS"]

_NAME = "keras.initializers"
#: On TensorFlow, Keras takes a seed modulo this number: larger ones would be no other seeds.
_SEEDS = 2**31 - 2
#: JAX's names of distributions, and Keras': its "normal" is truncated.
_DISTRIBUTIONS = {
    "normal": "untruncated_normal",
    "truncated_normal": "truncated_normal",
    "uniform": "uniform",
}


class KerasInitializers:
    """`VarianceScaling`, `RandomNormal`, `TruncatedNormal` and `RandomUniform`.

    A layer is built, and its kernel taken: the layer decides the shape, and what it tells the
    initializer of the axes. Keras has no packed projections: ports have a Dense of three outputs.
    """

    name = _NAME
    claims: frozenset[Claim] = frozenset({"law"})

    def devices(self) -> list[str]:
        """The devices of Keras' backend."""
        return keras_devices.devices()

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        """Build a layer, and give its kernel back in JAX's axes; see `Subject`."""
        check_device(_NAME, device, self.devices())
        check_dtype(_NAME, spec, dtype)
        check_mode(_NAME, spec)
        layer = layer_of(_NAME, spec, shape)
        init = _initializer(spec, seed_of(key) % _SEEDS)
        with keras_devices.settings(dtype, device):
            if layer is None:
                return init(shape, dtype)
            return _kernel(layer.name, init, shape, dtype)

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """See `Subject`."""
        return keras_devices.to_numpy(array)


def _initializer(spec: Spec, seed: int) -> Any:
    from keras import initializers

    if spec.initializer == "uniform":
        return initializers.RandomUniform(0.0, spec.scale, seed)
    if spec.initializer == "normal":
        return initializers.RandomNormal(0.0, spec.scale, seed)
    if spec.initializer == "truncated_normal":
        return initializers.TruncatedNormal(0.0, spec.scale, seed)
    distribution = _DISTRIBUTIONS[spec.distribution]
    return initializers.VarianceScaling(spec.scale, spec.mode, distribution, seed)


def _kernel(name: str, init: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """The kernel of Keras' layer of this name, as JAX's."""
    from keras import layers, ops

    tensor = ops.convert_to_tensor  # of a variable, which TensorFlow's is no tensor of

    if name == "embedding":
        table = layers.Embedding(*shape, embeddings_initializer=init, dtype=dtype)
        table.build()
        return tensor(table.embeddings)
    if name == "attention_query":
        inputs, *heads = shape
        query = layers.EinsumDense(
            "abc,cde->abde", (None, *heads), kernel_initializer=init, dtype=dtype
        )
        query.build((None, None, inputs))
        return tensor(query.kernel)
    if name == "attention_out":
        *heads, outputs = shape
        out = layers.EinsumDense(
            "abcd,cde->abe", (None, outputs), kernel_initializer=init, dtype=dtype
        )
        out.build((None, None, *heads))
        return tensor(out.kernel)
    if name == "packed_qkv":
        parts, inputs, outputs = shape
        packed = layers.Dense(parts * outputs, kernel_initializer=init, dtype=dtype)
        packed.build((None, inputs))
        split = ops.reshape(tensor(packed.kernel), (inputs, parts, outputs))
        return ops.transpose(split, (1, 0, 2))
    *size, inputs, outputs = shape
    if name == "dense":
        dense = layers.Dense(outputs, kernel_initializer=init, dtype=dtype)
        dense.build((None, inputs))
        return tensor(dense.kernel)
    if name == "conv_transpose":
        back = layers.Conv2DTranspose(outputs, size, kernel_initializer=init, dtype=dtype)
        back.build((None, *size, inputs))
        # (*spatial, out, in), and runs backwards against Flax's default.
        return ops.flip(ops.swapaxes(tensor(back.kernel), -1, -2), (0, 1))
    if name == "depthwise":
        channels = outputs // DEPTH_MULTIPLIER
        apart = layers.DepthwiseConv2D(
            size, depth_multiplier=DEPTH_MULTIPLIER, depthwise_initializer=init, dtype=dtype
        )
        apart.build((None, *size, channels))
        return ops.reshape(tensor(apart.kernel), shape)
    groups = GROUPS if name == "grouped" else 1
    convolution = layers.Conv1D if name == "conv1d" else layers.Conv2D
    conv = convolution(outputs, size, groups=groups, kernel_initializer=init, dtype=dtype)
    conv.build((None, *size, groups * inputs))
    return tensor(conv.kernel)


KERAS_INITIALIZERS = KerasInitializers()
