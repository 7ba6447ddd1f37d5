"""PyTorch's devices, dtypes and generators, and its tensors as NumPy's arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from varscale.conformance.subject import NotOffered, seed_of
from varscale.dtypes import as_dtype
from varscale.keys import Key

if TYPE_CHECKING:
    import torch

__all__ = ["devices", "dtype_of", "generator", "seed", "to_numpy"]

#: The largest prime below 2**32: torch's CPU generator uses the low 32 bits of a seed, which would
#: be one word of the key alone.
_SEEDS = 2**32 - 5


def devices() -> list[str]:
    """The devices that torch sees."""
    import torch

    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def dtype_of(name: str) -> torch.dtype:
    """Torch's dtype of this name.

    Raises:
        NotOffered: there is none.
    """
    import torch

    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype):
        raise NotOffered(f"torch has no dtype {name}")
    return found


def seed(key: Key) -> int:
    """A seed of 32 bits that depends on all of the key."""
    return seed_of(key) % _SEEDS


def generator(key: Key, device: str) -> torch.Generator:
    """A generator of its own for a draw."""
    import torch

    return torch.Generator(device).manual_seed(seed(key))


def to_numpy(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """A tensor as an array of its dtype: NumPy has bfloat16 by ml_dtypes, unknown to torch."""
    import torch

    host = tensor.detach().cpu().resolve_conj().resolve_neg()
    dtype = as_dtype(str(host.dtype).removeprefix("torch."))
    if dtype.isbuiltin == 1:
        plain: np.ndarray[Any, Any] = host.numpy()
        return plain
    bits = {1: torch.uint8, 2: torch.int16}[dtype.itemsize]
    return host.view(bits).numpy().view(dtype)
