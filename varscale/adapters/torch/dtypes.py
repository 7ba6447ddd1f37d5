"""PyTorch's dtypes and the NumPy dtypes of the core, by their common names."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch

from varscale.dtypes import DTypeLike, as_dtype

__all__ = ["numpy_dtype", "torch_dtype"]


def numpy_dtype(dtype: torch.dtype | DTypeLike) -> np.dtype[Any]:
    """The core's dtype for a torch dtype, a NumPy dtype or a name."""
    return _of_torch(dtype) if isinstance(dtype, torch.dtype) else as_dtype(dtype)


def torch_dtype(dtype: torch.dtype | DTypeLike) -> torch.dtype:
    """The torch dtype for a torch dtype, a NumPy dtype or a name.

    Raises:
        TypeError: torch has no such dtype.
    """
    return dtype if isinstance(dtype, torch.dtype) else _of_numpy(as_dtype(dtype))


@functools.cache
def _of_torch(dtype: torch.dtype) -> np.dtype[Any]:
    return as_dtype(str(dtype).removeprefix("torch."))


@functools.cache
def _of_numpy(dtype: np.dtype[Any]) -> torch.dtype:
    found = getattr(torch, dtype.name, None)
    if not isinstance(found, torch.dtype):
        raise TypeError(f"dtype {dtype.name} is not a dtype of torch")
    return found
