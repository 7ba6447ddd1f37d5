"""What a row's initializer, key, layout and part are called in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from varscale.fans import Axes
from varscale.initializers import (
    Constant,
    DeltaOrthogonal,
    Initializer,
    Normal,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    UniformBetween,
    VarianceScaling,
)
from varscale.keys import Key
from varscale.layout import row_major_strides
from varscale.port.layers import Index
from varscale.port.libraries.haiku_inits import HaikuVarianceScaling
from varscale.port.plan import Row

__all__ = [
    "axes_of",
    "initializer_text",
    "key_text",
    "layout_text",
    "number",
    "part_text",
    "tied_text",
]

#: The members of the family that JAX has names for.
_NAMES = {
    (1.0, "fan_in", "truncated_normal"): "lecun_normal",
    (1.0, "fan_in", "uniform"): "lecun_uniform",
    (1.0, "fan_avg", "truncated_normal"): "glorot_normal",
    (1.0, "fan_avg", "uniform"): "glorot_uniform",
    (2.0, "fan_in", "truncated_normal"): "he_normal",
    (2.0, "fan_in", "uniform"): "he_uniform",
}


def initializer_text(init: Initializer) -> str:
    """How one writes it: "lecun_normal()", "normal(1e-06)", "zeros"; roundings are left out."""
    if isinstance(init, VarianceScaling):
        name = _NAMES.get((init.scale, init.mode, init.distribution))
        said = [] if name else [number(init.scale), repr(init.mode), repr(init.distribution)]
        return _call(name or "variance_scaling", said + _axes(init))
    if isinstance(init, Normal):
        return _call("normal", [number(init.stddev)])
    if isinstance(init, TruncatedNormal):
        bounds = [f"{name}={number(getattr(init, name))}" for name in ("lower", "upper")]
        default = (init.lower, init.upper) == (-2, 2)
        return _call("truncated_normal", [number(init.stddev), *([] if default else bounds)])
    if isinstance(init, HaikuVarianceScaling):
        said = [number(init.scale), repr(init.mode), repr(init.distribution)]
        return _call("VarianceScaling", said)
    if isinstance(init, UniformBetween):
        return _call("uniform", [number(init.minval), number(init.maxval)])
    if isinstance(init, Uniform):
        return _call("uniform", [number(init.scale)])
    if isinstance(init, Constant):
        if getattr(init.value, "shape", ()):
            return f"constant(array of shape {tuple(init.value.shape)})"
        known = {0: "zeros", 1: "ones"}.get(init.value)
        return known or _call("constant", [f"{init.value:g}"])
    if isinstance(init, Orthogonal | DeltaOrthogonal):
        name = "orthogonal" if isinstance(init, Orthogonal) else "delta_orthogonal"
        said = [number(init.scale)] if init.scale != 1 else []
        said += [f"column_axis={init.column_axis}"] if init.column_axis != -1 else []
        return _call(name, said)
    return repr(init)


def key_text(key: Key | None) -> str:
    """Both words in hexadecimal; "" for no key."""
    if key is None:
        return ""
    return " ".join(f"{word:08x}" for word in key.words) + ("" if key.partitionable else " legacy")


def number(value: float | None) -> str:
    """As few digits as say it, at most four."""
    return "" if value is None else f"{value:.4g}"


def axes_of(row: Row) -> tuple[str, str] | None:
    """The letters of the twin's axes and those of them that run backwards; None: not known.

    The sides' axes are told from the counters' strides; of axes of size 1 any is as good.
    """
    if row.param is None:
        return None
    shape, names = row.param.seen_shape, row.param.axes
    steps = row_major_strides(shape)
    free, found = set(range(len(shape))), dict[int, str]()
    if len(row.where.extent) > len(shape):  # inputs that were flattened in JAX
        free.discard(names.find("I"))
    ordered = sorted(range(len(row.where.extent)), key=lambda axis: -row.where.extent[axis])
    for whole in (True, False):
        for axis in ordered:
            size, step = row.where.extent[axis], abs(row.where.strides[axis])
            fits = [
                one
                for one in sorted(free)
                if (size == shape[one] if whole else size <= shape[one])
                and (size == 1 or step == steps[one])
            ]
            if axis not in found and fits:
                found[axis] = names[fits[0]]
                free.remove(fits[0])
    rest = [axis for axis in range(len(row.where.extent)) if axis not in found]
    if len(rest) > 4 or (rest and len(row.where.extent) <= len(shape)):
        return None
    # They were (*spatial, channels): the last of them steps least.
    rest.sort(key=lambda axis: -abs(row.where.strides[axis]))
    found.update(zip(rest, "DHWC"[4 - len(rest) :], strict=True))
    letters = "".join(found[axis] for axis in range(len(found)))
    back = "".join(
        letter
        for letter, step, size in zip(letters, row.where.strides, row.where.extent, strict=True)
        if step < 0 and size > 1
    )
    return letters, back


def layout_text(row: Row) -> str:
    """Text such as "OIHW <- HWIO, flipped HW"; "" where both sides are the same.

    A part of JAX's array is said after its axes: "OI <- IO, O 8:16 of 32".
    """
    axes = axes_of(row)
    if row.param is None:
        return ""
    if axes is None:
        return f"strides {row.where.strides}"
    said = [] if axes[0] == row.param.axes else [f"{axes[0]} <- {row.param.axes}"]
    said += [f"flipped {axes[1]}"] if axes[1] else []
    extents = dict(zip(axes[0], row.where.extent, strict=True))
    shape = row.param.seen_shape
    first = row.where.bounds()[0] if 0 not in row.where.extent else 0
    for name, size, step in zip(row.param.axes, shape, row_major_strides(shape), strict=True):
        start = first // step % size if size else 0
        if extents.get(name, size) != size:
            said.append(f"{name} {start}:{start + extents[name]} of {size}")
    return ", ".join(said)


def part_text(index: Index, shape: Sequence[int] | None = None) -> str:
    """Which part of the twin's parameter a row is: "rows 0:12 of 36"; "" for all of it."""
    texts = []
    for axis, part in enumerate(index):
        if part == slice(None):
            continue
        name = ("rows", "columns")[axis] if axis < 2 else f"axis {axis}"
        known = shape is not None and axis < len(shape)
        total = f" of {shape[axis]}" if known and shape is not None else ""
        start = "" if part.start is None else part.start
        texts.append(f"{name} {start}:{'' if part.stop is None else part.stop}{total}")
    return ", ".join(texts)


def tied_text(tied: Mapping[str, str]) -> str:
    """Which names are other names of the same parameter."""
    return "tied: " + ", ".join(f"{name} is {first}" for name, first in tied.items())


def _axes(init: VarianceScaling) -> list[str]:
    defaults: dict[str, Axes] = {"in_axis": -2, "out_axis": -1, "batch_axis": ()}
    return [
        f"{name}={getattr(init, name)!r}"
        for name, usual in defaults.items()
        if getattr(init, name) != usual
    ]


def _call(name: str, said: Sequence[str]) -> str:
    return f"{name}({', '.join(said)})"
