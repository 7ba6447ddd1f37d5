"""Tensors of Keras' current backend, drawn by that backend's own adapter, and their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from varscale.adapters.keras.scopes import is_symbolic
from varscale.adapters.numpy.initializers import NumpyInitializer
from varscale.arguments import as_shape
from varscale.dtypes import DTypeLike
from varscale.initializers import Initializer
from varscale.keys import KeyLike

__all__ = ["dtype_name", "tensor", "values"]


def dtype_name(dtype: DTypeLike | None) -> str | None:
    """The name by which Keras knows a dtype of any framework; None stays None.

    Raises:
        ValueError: Keras has no such dtype.
    """
    return None if dtype is None else str(keras.backend.standardize_dtype(dtype))


def tensor(data: Initializer, key: KeyLike, shape: Sequence[int], dtype: DTypeLike | None) -> Any:
    """Draw a tensor of the current backend.

    Args:
        data: what is drawn.
        key: a `varscale.Key`, or what is accepted for one.
        shape: the shape.
        dtype: default: the initializer's, else `keras.config.floatx()`.
    """
    dtype = dtype_name(dtype or data.dtype or keras.config.floatx())
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        # With 64 bits switched off, JAX draws 32-bit samples where 64-bit ones are asked for.
        dtype = jax.dtypes.canonicalize_dtype(dtype)
        return jax.numpy.asarray(NumpyInitializer(data)(key, shape, dtype))
    if backend == "tensorflow":
        import tensorflow as tf

        if is_symbolic() and not tf.executing_eagerly():
            # Only the shape is wanted, nothing leaves this graph, and one that draws takes long.
            return tf.zeros(as_shape(shape), dtype)
        from varscale.adapters.tensorflow.initializers import TensorFlowInitializer

        return TensorFlowInitializer(data)(key, shape, dtype)
    if backend == "torch":
        from varscale.adapters.torch.initializers import TorchInitializer

        device = keras.ops.convert_to_tensor(0).device  # where Keras puts new tensors
        return TorchInitializer(data)(key, shape, dtype, device=device)
    return keras.ops.convert_to_tensor(NumpyInitializer(data)(key, shape, dtype))


def values(variable: Any) -> np.ndarray[Any, Any]:
    """A variable's values, of its dtype: Keras' own conversion makes float32 of bfloat16."""
    value = variable.value
    backend = keras.backend.backend()
    if backend == "torch":
        from varscale.adapters.torch.filling import numpy_view

        return numpy_view(value.detach().cpu().contiguous())
    array: np.ndarray[Any, Any] = value.numpy() if backend == "tensorflow" else np.asarray(value)
    return array
