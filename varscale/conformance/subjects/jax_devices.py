"""JAX's devices and settings, for the subjects that draw with it."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from varscale.keys import Key

__all__ = ["devices", "settings", "to_numpy", "typed_key"]

#: Names of the suite, and JAX's of their platforms.
_PLATFORMS = {"cpu": "cpu", "cuda": "gpu"}


def devices() -> list[str]:
    """The devices that JAX sees."""
    return [name for name in _PLATFORMS if _first(name) is not None]


@contextlib.contextmanager
def settings(dtype: str, device: str, *, partitionable: bool | None = None) -> Iterator[None]:
    """JAX's settings for a draw, given back afterwards.

    Args:
        dtype: 64 bits are switched on for those that need it, and off for others.
        device: where new arrays lie.
        partitionable: the order of random bits; None leaves it.
    """
    import jax

    wide: Any = getattr(jax, "enable_x64", None)
    if wide is None:  # older than 0.8
        wide = importlib.import_module("jax.experimental").enable_x64
    order: Any = contextlib.nullcontext()
    if partitionable is not None:
        order = jax.threefry_partitionable(partitionable)
    with wide(dtype in ("float64", "complex128")), order, jax.default_device(_first(device)):
        yield


def typed_key(key: Key) -> Any:
    """The key as a typed key array of JAX."""
    import jax

    return jax.random.wrap_key_data(np.array(key.words, np.uint32), impl="threefry2x32")


def to_numpy(array: Any) -> np.ndarray[Any, Any]:
    """An array of JAX as NumPy's, of the same dtype."""
    return np.asarray(array)


def _first(name: str) -> Any:
    import jax

    try:
        return jax.devices(_PLATFORMS[name])[0]
    except RuntimeError:  # no such platform
        return None
