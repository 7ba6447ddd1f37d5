"""fan_in and fan_out of a weights array, by JAX's rule."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

__all__ = ["Axes", "axes_tuple", "compute_fans"]

#: One axis or several; negative axes count from the end.
Axes: TypeAlias = int | Sequence[int]


def compute_fans(
    shape: Sequence[int], in_axis: Axes = -2, out_axis: Axes = -1, batch_axis: Axes = ()
) -> tuple[float, float]:
    """Compute the effective numbers of inputs and outputs of a layer.

    Axes that are none of in_axis, out_axis and batch_axis are the receptive field.

    Args:
        shape: shape of the weights array.
        in_axis: axis or axes of the inputs.
        out_axis: axis or axes of the outputs.
        batch_axis: axis or axes that are left out.

    Returns:
        (fan_in, fan_out). Zero-sized in, out or batch axes give a receptive field of 0, as in
        jax >= 0.12.

    Raises:
        ValueError: a shape of rank <= 1 with the default in_axis.
        IndexError: an axis that the shape does not have.

    Example:
        >>> compute_fans((3, 3, 16, 32))
        (144.0, 288.0)

    Source: jax/_src/nn/initializers.py (0.12), `_compute_fans`.
    """
    if isinstance(in_axis, int) and in_axis == -2 and len(shape) <= 1:
        raise ValueError(
            f"in_axis must be given for a weights array of rank {len(shape)}: with its default, "
            f"the shape must be at least 2-D, got {tuple(shape)}"
        )
    in_size = _size(shape, in_axis, "in_axis")
    out_size = _size(shape, out_axis, "out_axis")
    batch_size = _size(shape, batch_axis, "batch_axis")
    known = in_size * out_size * batch_size
    receptive_field_size = math.prod(shape) / known if known else 0.0
    return in_size * receptive_field_size, out_size * receptive_field_size


def axes_tuple(name: str, axes: Axes) -> tuple[int, ...]:
    """One axis or several, as a tuple; TypeError for what is neither."""
    try:
        return tuple(operator.index(axis) for axis in (axes if np.iterable(axes) else (axes,)))
    except TypeError:
        raise TypeError(f"{name} must be an integer or several, got {axes!r}") from None


def _size(shape: Sequence[int], axes: Axes, name: str) -> int:
    chosen = axes_tuple(name, axes)
    for axis in chosen:
        if not -len(shape) <= axis < len(shape):
            raise IndexError(f"{name} {axes!r} is out of range for shape {tuple(shape)}")
    return math.prod(shape[axis] for axis in chosen)
