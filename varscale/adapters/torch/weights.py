"""What the axes of a torch weight mean: from (out, in, *spatial) to the order that JAX draws in."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

from varscale.fans import Axes, axes_tuple
from varscale.layout import AnyLayout, Layout, check_layout

__all__ = ["Drawn", "conv_transpose_layout", "drawn_as"]


@dataclass(frozen=True, slots=True)
class Drawn:
    """How JAX sees a weight.

    Attributes:
        layout: from the tensor's axes to those of JAX's array.
        shape: of JAX's array.
        in_axis: of JAX's array.
        out_axis: of JAX's array.
        batch_axis: of JAX's array.
    """

    layout: Layout
    shape: tuple[int, ...]
    in_axis: Axes
    out_axis: Axes
    batch_axis: Axes


def drawn_as(
    shape: Sequence[int],
    in_axis: Axes | None = None,
    out_axis: Axes | None = None,
    batch_axis: Axes = (),
    layout: AnyLayout | None = None,
) -> Drawn:
    """How JAX sees a weight of this shape.

    Args:
        shape: the tensor's.
        in_axis: the inputs' axis or axes; default: 1 of the tensor, or with a layout -2 of JAX's
            array.
        out_axis: the outputs' axis or axes; default: 0 of the tensor, or with a layout -1 of
            JAX's array.
        batch_axis: axes that the fans leave out, of the tensor, or with a layout of JAX's array.
        layout: names the axes. Without one, JAX's array has the batch axes first, then the
            spatial ones, then the inputs, then the outputs, each in the order given.

    Raises:
        ValueError: a tensor of rank <= 1 whose axes are not given; an axis named twice.
        TypeError: axes that are not integers, or not a Layout.
        IndexError: an axis that the tensor does not have.
    """
    shape = tuple(shape)
    if layout is not None:
        if not isinstance(layout, Layout):
            check_layout(layout)
            raise TypeError(f"layout must name the tensor's axes, got {layout}; use fill for it")
        return Drawn(
            layout,
            layout.drawn_shape(shape),
            -2 if in_axis is None else in_axis,
            -1 if out_axis is None else out_axis,
            batch_axis,
        )
    if len(shape) < 2 and in_axis is None:
        raise ValueError(
            f"tensor must be at least 2-D, (out, in, *spatial), or in_axis be given; got shape "
            f"{shape}"
        )
    inputs = _axes("in_axis", 1 if in_axis is None else in_axis, len(shape))
    outputs = _axes("out_axis", 0 if out_axis is None else out_axis, len(shape))
    if len(shape) > 1 and (in_axis is None) != (out_axis is None) and set(inputs) & set(outputs):
        given, other = ("in_axis", "out_axis") if out_axis is None else ("out_axis", "in_axis")
        raise ValueError(
            f"{given} takes the axis that {other} is by default, (out, in, *spatial); give both "
            "(a key is given by its name, key=0)"
        )
    batch = _axes("batch_axis", batch_axis, len(shape))
    last = [*inputs, *(axis for axis in outputs if axis not in inputs)]
    first = [axis for axis in batch if axis not in last]
    spatial = [axis for axis in range(len(shape)) if axis not in last and axis not in first]
    order = [*first, *spatial, *last]
    names = string.ascii_letters[: len(shape)]
    return Drawn(
        Layout(names, of="".join(names[axis] for axis in order)),
        tuple(shape[axis] for axis in order),
        tuple(order.index(axis) for axis in inputs),
        tuple(order.index(axis) for axis in outputs),
        tuple(order.index(axis) for axis in batch),
    )


def conv_transpose_layout(spatial: int, *, transpose_kernel: bool = False) -> Layout:
    """Layout of a `torch.nn.ConvTranspose` weight, (in, out, *spatial), against Flax's kernel.

    Args:
        spatial: number of spatial axes, 1 to 3.
        transpose_kernel: as in `flax.linen.ConvTranspose`. False: Flax's kernel is
            (*spatial, in, out), and torch's runs backwards along the spatial axes. True: it is
            (*spatial, out, in), not reversed.

    Raises:
        ValueError: spatial is not 1, 2 or 3.

    Example:
        >>> conv_transpose_layout(2)
        Layout('IOHW', of='HWIO', flip='HW')
    """
    if spatial not in (1, 2, 3):
        raise ValueError(f"spatial must be 1, 2 or 3, got {spatial}")
    names = "DHW"[-spatial:]
    if transpose_kernel:
        return Layout(f"IO{names}", of=f"{names}OI")
    return Layout(f"IO{names}", of=f"{names}IO", flip=names)


def _axes(name: str, axes: Axes, rank: int) -> tuple[int, ...]:
    chosen = axes_tuple(name, axes)
    for axis in chosen:
        if not -rank <= axis < rank:
            raise IndexError(f"{name} {axes!r} is out of range for a tensor of {rank} axes")
    positive = tuple(axis % rank for axis in chosen)
    if len(set(positive)) != len(positive):
        raise ValueError(f"{name} must name an axis once, got {axes!r}")
    return positive
