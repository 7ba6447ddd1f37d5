"""Fixtures for the Keras adapter's tests, which run on whatever backend KERAS_BACKEND names.

No package here, and no imports between the files: a package named `keras` would hide Keras.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest


def _as_numpy(tensor: Any) -> np.ndarray[Any, Any]:
    """A tensor or variable of Keras as an array of the same dtype, bit for bit."""
    import keras

    value = tensor.value if isinstance(tensor, keras.Variable) else tensor
    if keras.backend.backend() == "torch":
        value = value.detach()
        if keras.backend.standardize_dtype(value.dtype) == "bfloat16":
            import torch

            return value.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return value.numpy() if hasattr(value, "numpy") else np.asarray(value)


@pytest.fixture
def as_numpy() -> Callable[[Any], np.ndarray[Any, Any]]:
    return _as_numpy


@pytest.fixture
def assert_identical() -> Callable[[Any, Any], None]:
    """Fails unless a tensor or variable of Keras has the array's shape, dtype and bits."""

    def check(tensor: Any, want: Any) -> None:
        got, want = _as_numpy(tensor), np.asarray(want)
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        pairs = [np.ascontiguousarray(one).view(f"u{one.itemsize}") for one in (got, want)]
        wrong = int((pairs[0] != pairs[1]).sum())
        assert wrong == 0, f"{wrong} of {want.size} values differ: got {got}, expected {want}"

    return check


@pytest.fixture
def wide() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """A context in which the backend has float64: JAX must be told."""
    import keras

    @contextlib.contextmanager
    def context() -> Iterator[None]:
        if keras.backend.backend() != "jax":
            yield
            return
        import jax

        with jax.enable_x64(True):
            yield

    return context
