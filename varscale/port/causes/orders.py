"""Whether an array holds another's values in another order, and which: transposed, flipped, ..."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from varscale.port.causes.cases import Array, digest, patterns

__all__ = ["other_order"]

#: Axes of at most so many entries are looked at entry by entry.
_ENTRIES = 1 << 16


def other_order(have: Array, want: Array, axes: str) -> str | None:
    """How `have` orders the values of `want`, as half a sentence; None where it does not.

    Args:
        have: the twin's values.
        want: JAX's, in the twin's layout; as many, perhaps of another shape.
        axes: a letter for each axis of `want`.
    """
    if have.dtype != want.dtype or have.size != want.size or digest(have) != digest(want):
        return None
    if have.dtype.kind != "c":  # patterns are compared: NaN and -0.0 are values like others
        have, want = patterns(have), patterns(want)
    for said, found in itertools.chain(_turned(want, axes), _grouped(want, axes)):
        if _starts_alike(found, have) and np.array_equal(found.reshape(-1), have.reshape(-1)):
            return said
    if have.shape == want.shape:
        for axis, name in enumerate(axes):
            if _entries(have, axis) == _entries(want, axis):
                return f"the entries of axis {name} in another order"
    return "the same values in an order that is none of the usual"


def _turned(want: Array, axes: str) -> Iterator[tuple[str, Array]]:
    """Every order of the axes, each forwards or backwards; the simplest first."""
    names = range(want.ndim)
    long = [axis for axis in names if want.shape[axis] > 1]
    for size in range(len(long) + 1):
        for order in itertools.permutations(names):
            turned = "".join(axes[axis] for axis in order)
            for back in itertools.combinations(long, size):
                index = tuple(slice(None, None, -1 if axis in back else 1) for axis in order)
                view = np.transpose(want, order)[index]
                flipped = "".join(axes[axis] for axis in sorted(back))
                said = []
                if order != tuple(names):
                    how = "transposed" if view.shape == want.shape else "reshaped, not transposed"
                    said.append(f"axes in the order {turned}, where {axes} is meant ({how})")
                if flipped:
                    said.append(f"axes {flipped} flipped")
                if said:
                    yield ", and ".join(said), view


def _grouped(want: Array, axes: str) -> Iterator[tuple[str, Array]]:
    """Each axis taken for two, and these exchanged: channels and positions, heads and features."""
    for axis, name in enumerate(axes):
        size = want.shape[axis]
        for outer in range(2, size // 2 + 1):
            if size % outer:
                continue
            inner = size // outer
            split = want.reshape(*want.shape[:axis], outer, inner, *want.shape[axis + 1 :])
            said = f"axis {name} in the order ({inner}, {outer}), where JAX has ({outer}, {inner})"
            if name == "I":
                said += (
                    f", as where {inner} channels of {outer} positions are flattened channels "
                    f"first; say so in layout: Flattened('CHW', ({inner}, height, width))"
                )
            yield said, np.swapaxes(split, axis, axis + 1)


def _starts_alike(found: Array, have: Array) -> bool:
    """A quick look, before all is copied."""
    return bool(np.array_equal(found.flat[:16], have.flat[:16]))


def _entries(values: Array, axis: int) -> list[bytes] | object:
    if values.shape[axis] > _ENTRIES or values.ndim < 2:
        return object()
    return sorted(entry.tobytes() for entry in np.moveaxis(values, axis, 0))
