"""Writing a tensor where it belongs: into a NumPy array, a torch tensor, or a variable.

No framework is imported to find out which one a destination is of.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from varscale.draws import fill
from varscale.layout import Layout, overlaps_itself
from varscale.recipe.tensors import Sources, Tensor

__all__ = ["check", "write"]


def check(path: str, tensor: Tensor, destination: Any, layout: Layout | None) -> None:
    """Refuse a destination that `write` could not write, before anything is.

    Raises:
        TypeError: nothing that can be filled, another dtype, or not a layout.
        ValueError: another shape, read-only or overlapping memory.
    """
    if layout is not None and not isinstance(layout, Layout):
        raise TypeError(f"the layout of {path!r} must be a Layout, got {layout!r}")
    if not (_is_array(destination) or _is_torch(destination) or _is_variable(destination)):
        raise TypeError(
            f"the destination of {path!r} must be a NumPy array, a torch tensor or a variable of "
            f"Keras or TensorFlow, got {type(destination).__name__}"
        )
    shape = tuple(destination.shape)
    drawn = shape if layout is None else layout.drawn_shape(shape)
    if drawn != tensor.shape:
        raise ValueError(
            f"the destination of {path!r} must hold a parameter of shape {tensor.shape}, got shape "
            f"{shape}" + (f" in {layout}" if layout else "")
        )
    dtype = _dtype_name(destination)
    if dtype != tensor.dtype.name:
        raise TypeError(
            f"the destination of {path!r} must be of dtype {tensor.dtype.name}, got {dtype}"
        )
    if _is_array(destination):
        if not destination.flags.writeable:
            raise ValueError(f"the destination of {path!r} is read-only")
        strides, itemsize = destination.strides, destination.itemsize
    elif _is_torch(destination):
        _torch("check_destination")(destination)
        strides, itemsize = destination.stride(), 1
    else:
        return
    if overlaps_itself(shape, strides, itemsize):
        raise ValueError(f"the destination of {path!r} overlaps itself")


def write(tensor: Tensor, destination: Any, layout: Layout | None) -> None:
    """Write a tensor into a destination that was checked."""
    arranged = tensor if layout is None else tensor.arranged(layout)
    sources = Sources()
    if _is_torch(destination):
        fill_tensor, target = _torch("fill"), destination.detach()
        arranged.write(
            sources, lambda draw, index, where: fill_tensor(draw, target[(*index, ...)], where)
        )
    elif _is_array(destination):
        arranged.write(
            sources, lambda draw, index, where: fill(draw, destination[(*index, ...)], where)
        )
    else:
        destination.assign(arranged.values(sources))


def _is_array(destination: Any) -> bool:
    return isinstance(destination, np.ndarray)


def _is_torch(destination: Any) -> bool:
    kinds = type(destination).__mro__
    return any(one.__module__ == "torch" and one.__name__ == "Tensor" for one in kinds)


def _is_variable(destination: Any) -> bool:
    return all(hasattr(destination, name) for name in ("assign", "shape", "dtype"))


def _dtype_name(destination: Any) -> str:
    dtype = destination.dtype
    return str(getattr(dtype, "name", dtype)).removeprefix("torch.")


def _torch(name: str) -> Callable[..., Any]:
    """A function of the adapter of a framework that the user has imported."""
    function: Callable[..., Any] = getattr(
        importlib.import_module("varscale.adapters.torch.filling"), name
    )
    return function
