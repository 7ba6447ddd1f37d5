"""varscale's doors that are called as JAX's initializers are, `init(key, shape, dtype)`.

In-place filling of PyTorch's parameters is in `own_inplace`, and only named here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from varscale.conformance.specs import Spec
from varscale.conformance.subject import Claim, NotOffered
from varscale.conformance.subjects import keras_devices, torch_devices
from varscale.conformance.subjects.offered import check_device, check_real
from varscale.conformance.subjects.own_inplace import TORCH_INPLACE
from varscale.keys import Key

__all__ = ["KERAS", "NUMPY", "TENSORFLOW", "TENSORFLOW_FUNCTION", "TORCH", "TORCH_INPLACE"]

_ALL: frozenset[Claim] = frozenset({"bits", "law", "manners"})


class Numpy:
    """`varscale.numpy`."""

    name = "varscale.numpy"
    claims: frozenset[Claim] = _ALL

    def devices(self) -> list[str]:
        """NumPy knows one."""
        return ["cpu"]

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        """Draw an array; see `Subject`."""
        import varscale.numpy as door

        check_device(self.name, device, self.devices())
        check_real(spec, dtype)
        return _initializer(door, spec)(key, shape, dtype)

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """See `Subject`."""
        same: np.ndarray[Any, Any] = array
        return same


class Torch:
    """`varscale.torch`, new tensors."""

    name = "varscale.torch"
    claims: frozenset[Claim] = _ALL

    def devices(self) -> list[str]:
        """The devices that torch sees."""
        return torch_devices.devices()

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        """Draw a tensor; see `Subject`."""
        import varscale.torch as door

        check_device(self.name, device, self.devices())
        check_real(spec, dtype)
        kind = torch_devices.dtype_of(dtype)
        return _initializer(door, spec)(key, shape, kind, device=device)

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """See `Subject`."""
        return torch_devices.to_numpy(array)


@dataclass
class TensorFlow:
    """`varscale.tensorflow`, on the CPU.

    Attributes:
        name: of the subject.
        traced: whether a graph makes the values, inside `tf.function`.
        claims: of the subject.
    """

    name: str
    traced: bool
    claims: frozenset[Claim] = _ALL

    def devices(self) -> list[str]:
        """The CPU."""
        import tensorflow  # noqa: F401 - raises where it is not installed

        return ["cpu"]

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        """Draw a tensor; see `Subject`."""
        import tensorflow as tf

        import varscale.tensorflow as door

        check_device(self.name, device, self.devices())
        check_real(spec, dtype)
        try:
            tf.as_dtype(dtype)
        except TypeError:
            raise NotOffered(f"TensorFlow has no dtype {dtype}") from None
        with tf.device("/CPU:0"):
            if not self.traced:
                return _initializer(door, spec)(key, shape, dtype)
            if not key.partitionable:  # words alone cannot say it
                init = _initializer(door, spec)
                graph = tf.function(lambda: init(key, shape, dtype), autograph=False)
                return graph.get_concrete_function()()
            return _traced(spec, shape, dtype)(tf.constant(key.words, tf.uint32))

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """See `Subject`."""
        values: np.ndarray[Any, Any] = array.numpy()
        return values


class Keras:
    """The classes of `varscale.keras`, on the backend in use."""

    name = "varscale.keras"
    claims: frozenset[Claim] = _ALL

    def devices(self) -> list[str]:
        """The devices of Keras' backend."""
        return keras_devices.devices()

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        """Draw a tensor of the backend; see `Subject`."""
        import keras

        check_device(self.name, device, self.devices())
        check_real(spec, dtype)
        try:
            keras.backend.standardize_dtype(dtype)
        except ValueError:
            raise NotOffered(f"Keras has no dtype {dtype}") from None
        with keras_devices.settings(dtype, device):
            return _keras_initializer(spec, key)(shape, dtype)

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """See `Subject`."""
        return keras_devices.to_numpy(array)


def _initializer(door: ModuleType, spec: Spec) -> Callable[..., Any]:
    """The door's initializer, by the functions that all doors have."""
    made: Callable[..., Any]
    if spec.initializer == "variance_scaling":
        made = door.variance_scaling(
            spec.scale, spec.mode, spec.distribution, spec.in_axis, spec.out_axis,
            spec.batch_axis, compiled=spec.compiled,
        )  # fmt: skip
    elif spec.initializer == "uniform":
        made = door.uniform(spec.scale)
    elif spec.initializer == "normal":
        made = door.normal(spec.scale, compiled=spec.compiled)
    else:
        made = door.truncated_normal(spec.scale, compiled=spec.compiled)
    return made


def _keras_initializer(spec: Spec, key: Key) -> Callable[..., Any]:
    """The class that a layer would be given."""
    import varscale.keras as door

    made: Callable[..., Any]
    if spec.initializer == "variance_scaling":
        made = door.VarianceScaling(
            spec.scale, spec.mode, spec.distribution, in_axis=spec.in_axis,
            out_axis=spec.out_axis, batch_axis=spec.batch_axis, key=key, compiled=spec.compiled,
        )  # fmt: skip
    elif spec.initializer == "uniform":
        made = door.Uniform(spec.scale, key=key)
    elif spec.initializer == "normal":
        made = door.Normal(spec.scale, key=key, compiled=spec.compiled)
    else:
        made = door.TruncatedNormal(spec.scale, key=key, compiled=spec.compiled)
    return made


@functools.lru_cache(maxsize=32)
def _traced(spec: Spec, shape: tuple[int, ...], dtype: str) -> Callable[[Any], Any]:
    """A graph with the key as its input, so that many keys cost one tracing."""
    import tensorflow as tf

    import varscale.tensorflow as door

    init = _initializer(door, spec)
    words = tf.TensorSpec((2,), tf.uint32)
    graph = tf.function(lambda key: init(key, shape, dtype), autograph=False)
    # Not the function itself, which warns of many graphs.
    made: Callable[[Any], Any] = graph.get_concrete_function(words)
    return made


NUMPY = Numpy()
TORCH = Torch()
TENSORFLOW = TensorFlow("varscale.tensorflow", traced=False)
TENSORFLOW_FUNCTION = TensorFlow("varscale.tensorflow.function", traced=True)
KERAS = Keras()
