"""Devices of Keras' backend, and its tensors as NumPy's arrays.

On TensorFlow the suite draws on the CPU alone.
"""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from varscale.conformance.subjects import jax_devices, torch_devices

__all__ = ["devices", "settings", "to_numpy"]


def devices() -> list[str]:
    """The devices that the backend sees."""
    import keras

    backend = keras.backend.backend()
    if backend == "torch":
        return torch_devices.devices()
    return jax_devices.devices() if backend == "jax" else ["cpu"]


def settings(dtype: str, device: str) -> contextlib.AbstractContextManager[Any]:
    """The backend's settings for a draw, given back afterwards."""
    import keras

    if keras.backend.backend() == "jax":
        return jax_devices.settings(dtype, device)
    scope: contextlib.AbstractContextManager[Any] = keras.device(f"{device}:0")
    return scope


def to_numpy(tensor: Any) -> np.ndarray[Any, Any]:
    """A tensor of the backend as an array of its dtype; Keras' own makes float32 of short ones."""
    import keras

    backend = keras.backend.backend()
    if backend == "torch":
        return torch_devices.to_numpy(tensor)
    array: np.ndarray[Any, Any] = tensor.numpy() if backend == "tensorflow" else np.asarray(tensor)
    return array
