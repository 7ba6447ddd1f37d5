"""PyTorch's dtypes and the NumPy dtypes of the core, by their common names."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from varscale.dtypes import DTypeLike, as_dtype

__all__ = ["numpy_dtype", "torch_dtype"]


def numpy_dtype(dtype: torch.dtype | DTypeLike) -> np.dtype[Any]:
    """The core's dtype for a torch dtype, a NumPy dtype or a name."""
    return as_dtype(str(dtype).removeprefix("torch.") if isinstance(dtype, torch.dtype) else dtype)


def torch_dtype(dtype: torch.dtype | DTypeLike) -> torch.dtype:
    """The torch dtype for a torch dtype, a NumPy dtype or a name.

    Raises:
        TypeError: torch has no such dtype.
    """
    if isinstance(dtype, torch.dtype):
        return dtype
    name = as_dtype(dtype).name
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype):
        raise TypeError(f"dtype {name} is not a dtype of torch")
    return found
