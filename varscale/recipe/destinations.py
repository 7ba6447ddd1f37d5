"""Writing a tensor where it belongs: into a NumPy array, a torch tensor, or a variable.

No framework is imported to find out which one a destination is of.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from varscale.draws import fill
from varscale.layout import Layout, overlaps_itself
from varscale.recipe.tensors import Sources, Tensor

__all__ = ["check", "check_apart", "write"]

#: Steps after which two destinations are taken to share memory, where no proof was found.
_WORK = 1 << 16


def check(path: str, tensor: Tensor, destination: Any, layout: Layout | None) -> None:
    """Refuse a destination that `write` could not write, before anything is.

    Raises:
        TypeError: nothing that can be filled, another dtype, or not a layout.
        ValueError: another shape, or memory that is read-only, overlapping or not there.
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
    held = _held(destination)
    if _is_array(held):
        if not held.flags.writeable:
            raise ValueError(f"the destination of {path!r} is read-only")
        strides, itemsize = held.strides, held.itemsize
    elif _is_torch(held):
        _torch("check_destination")(held)
        if held.is_meta or type(held).__name__ == "FakeTensor":
            raise ValueError(
                f"the destination of {path!r} is on the meta device and has no memory: call "
                "model.to_empty(device=...), or torch.empty_like(tensor, device=...), first"
            )
        strides, itemsize = held.stride(), 1
    else:
        return
    if overlaps_itself(shape, strides, itemsize):
        raise ValueError(f"the destination of {path!r} overlaps itself")


def check_apart(into: Mapping[str, Any]) -> None:
    """Refuse destinations, each of them checked, of which one would be written over another.

    Raises:
        ValueError: two share memory, or are the same variable.
    """
    variables: dict[int, str] = {}
    memories: list[tuple[int, int, str, np.ndarray[Any, Any]]] = []
    for path, destination in into.items():
        held = _held(destination)
        if not (_is_array(held) or _is_torch(held)):
            other = variables.setdefault(id(held), path)
            if other != path:
                raise ValueError(f"the destinations of {other!r} and {path!r} are one variable")
        elif 0 not in held.shape:
            memory = _memory(held)
            memories.append((*byte_bounds(memory), path, memory))
    before: list[tuple[int, int, str, np.ndarray[Any, Any]]] = []
    for each in sorted(memories, key=lambda one: one[:2]):
        before = [one for one in before if one[1] > each[0]]
        for one in before:
            if _share(one[3], each[3]):
                raise ValueError(f"the destinations of {one[2]!r} and {each[2]!r} share memory")
        before.append(each)


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


def _held(destination: Any) -> Any:
    """What is written: of a variable of Keras, the torch tensor or the variable that it holds.

    What JAX's backend holds is not: its arrays are replaced, and may be those of two variables.
    """
    if _is_array(destination) or _is_torch(destination):
        return destination
    held = getattr(destination, "value", None)
    return held if _is_torch(held) or _is_variable(held) else destination


def _memory(destination: Any) -> np.ndarray[Any, Any]:
    """The bytes of a destination as an array, which is never read."""
    if _is_array(destination):
        address, strides, size = destination.ctypes.data, destination.strides, destination.itemsize
    else:
        address, size = destination.data_ptr(), destination.element_size()
        strides = tuple(size * one for one in destination.stride())
    interface = {
        "data": (address, True),
        "shape": (*destination.shape, size),
        "strides": (*strides, 1),
        "typestr": "|u1",
        "version": 3,
    }
    return np.asarray(SimpleNamespace(__array_interface__=interface))


def _share(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    try:
        return np.shares_memory(a, b, max_work=_WORK)  # type: ignore[arg-type]  # numpy's stubs
    except np.exceptions.TooHardError:
        return True


def _dtype_name(destination: Any) -> str:
    dtype = destination.dtype
    return str(getattr(dtype, "name", dtype)).removeprefix("torch.")


def _torch(name: str) -> Callable[..., Any]:
    """A function of the adapter of a framework that the user has imported."""
    function: Callable[..., Any] = getattr(
        importlib.import_module("varscale.adapters.torch.filling"), name
    )
    return function
