"""Tensors as NumPy arrays of the same bits. Importing this skips where torch is not installed."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")

__all__ = ["FLOAT_DTYPES", "SENTINEL", "as_numpy", "torch"]

FLOAT_DTYPES = ("float16", "bfloat16", "float32", "float64")

#: No initializer here draws it; it is a value of every real dtype.
SENTINEL = -7.0


def as_numpy(tensor: Any) -> np.ndarray[Any, Any]:
    """A copy of a tensor of any strides, as an array of the dtype of the same name."""
    tensor = tensor.detach().cpu().contiguous()
    name = str(tensor.dtype).removeprefix("torch.")
    if hasattr(ml_dtypes, name):
        plain = tensor.reshape(-1).view(torch.uint8).numpy().copy()
        return plain.view(getattr(ml_dtypes, name)).reshape(tuple(tensor.shape))
    return tensor.numpy().copy()
