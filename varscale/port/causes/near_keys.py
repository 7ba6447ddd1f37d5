"""Keys that a plan's key may have been meant for: other counters, names, settings, seeds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from varscale.draws import Draw, Known, fill
from varscale.dtypes import FLOATS
from varscale.keys import Key, as_key, fold_in, split
from varscale.linen import param_key
from varscale.port.causes.cases import Array, Case, Cases, Cause, block, steps
from varscale.port.plan import Row
from varscale.port.wording import key_text

__all__ = ["another_key", "drawn_by_plan", "roundings"]

#: How many values are drawn to try a key; fewer than the least say nothing.
_TRIED, _LEAST = 32, 4
#: Draws that are made as a whole only (matrices) are made up to this size.
_WHOLE = 1 << 20
#: Rows of the plan whose keys are tried.
_ROWS = 64
_ROUNDINGS = {None: "None", False: "False", True: "True"}


def drawn_by_plan(case: Case, cases: Cases, values: Array) -> bool:
    """Whether these values of a case are what its plan draws; False where that is not known."""
    return cases.key is not None and case.row.key is not None and _is_drawn(
        case, case.row.key, values
    )  # fmt: skip


def another_key(case: Case, cases: Cases) -> Cause | None:
    """Find the key of the side that the plan's key did not draw."""
    row = case.row
    if cases.key is None or row.key is None:
        return None
    have, want = case.have.dtype, case.want.dtype
    if have != want and all(_is_drawn(case, row.key, one) for one in (case.have, case.want)):
        return Cause(
            "param_dtype",
            f"the plan's draw in {have}, where JAX's is one in {want}: other numbers, not the same "
            f"rounded; make the twin's parameters {want}, and convert them after the init",
        )
    for values, whose in ((case.want, "JAX's values"), (case.have, "the twin's values")):
        if _is_drawn(case, row.key, values):
            continue
        for said, key in _near(row, cases):
            if key != row.key and _is_drawn(case, key, values):
                return Cause(
                    "key",
                    f"{whose} are drawn with {said} ({key_text(key)}); the plan's key is "
                    f"{key_text(row.key)}" + (f", number {row.count}" if row.count else ""),
                )
    return None


def roundings(case: Case, cases: Cases, values: Array) -> list[str]:
    """The `compiled` under which the plan draws exactly these values."""
    if cases.key is None or case.row.key is None or not hasattr(case.row.init, "compiled"):
        return []
    found = []
    for compiled, name in _ROUNDINGS.items():
        init = replace(cast(Any, case.row.init), compiled=compiled)
        trial = Case(replace(case.row, init=init), case.want, case.have)
        if _is_drawn(trial, case.row.key, values, ulp=0, size=1 << 12):
            found.append(name)
    return found


def _is_drawn(case: Case, key: Key, values: Array, *, ulp: int = 4, size: int = _TRIED) -> bool:
    """Whether a corner of the values is what the row's initializer draws with this key."""
    index, where = block(case.row.where, size)
    corner = values[index]
    if values.dtype not in FLOATS or corner.size < _LEAST or np.ptp(corner.astype(float)) == 0:
        return False
    try:
        draw = case.row.init.draw(key, case.drawn, values.dtype)
    except (NotImplementedError, ValueError):  # of this dtype or shape it draws nothing
        return False
    if isinstance(draw, Draw):
        got = fill(draw, np.empty(where.extent, draw.dtype), where)
    elif isinstance(draw, Known) and draw.size <= _WHOLE:
        got = np.ascontiguousarray(draw.at(where))
        if ulp:  # another QR than JAX's
            return bool(np.abs(got - corner).max() <= 1e-5 * np.abs(corner).max())
    else:
        return False
    apart = steps(got, corner)
    return apart is not None and apart <= ulp


def _near(row: Row, cases: Cases) -> Iterator[tuple[str, Key]]:
    """Other keys, the likeliest first."""
    assert row.key is not None
    base = _base(cases.key)
    yield (
        "jax_threefry_partitionable=" + str(not row.key.partitionable),
        replace(row.key, partitionable=not row.key.partitionable),
    )
    yield from _neighbours(row, base)
    yield "the model's own key, which is split or folded for no parameter", base
    for others, name in _other_bases(base):
        yield from _as_here(row, base, others, name)
    for other in [one for one in cases.plan.rows if one.key is not None and one.param][:_ROWS]:
        if other is not row and other.key is not None:
            yield f"the key of {other.path}", other.key


def _base(key: Any) -> Key:
    """The key that parameters come from, of one or of several by stream."""
    if isinstance(key, Mapping):
        key = key.get("params", key.get("default", 0))
    return as_key(key)


def _neighbours(row: Row, base: Key) -> Iterator[tuple[str, Key]]:
    """Where the row's key follows a library's formula: the same with one thing changed."""
    names = row.path.split("/")[:-1]
    for separator in (False, True):
        if row.count is None or row.count < 1:
            break
        if param_key(base, names, row.count, fix_rng_separator=separator) != row.key:
            continue
        yield (
            f"flax_fix_rng_separator={not separator}",
            param_key(base, names, row.count, fix_rng_separator=not separator),
        )
        for count in range(1, row.count + 5):
            yield (
                f"number {count} of its module",
                param_key(base, names, count, fix_rng_separator=separator),
            )
        for other in _renamed(names):
            said = "the name " + "/".join((*other, row.path.rpartition("/")[2]))
            yield said, param_key(base, other, row.count, fix_rng_separator=separator)
    if row.count is not None and fold_in(base, row.count) == row.key:
        for count in range(row.count + 9):
            yield f"number {count} of its stream", fold_in(base, count)


def _renamed(names: list[str]) -> Iterator[list[str]]:
    """Paths with one number changed, or one name left out."""
    for at, name in enumerate(names):
        numbered = re.fullmatch(r"(.*?)(\d+)", name)
        if numbered:
            for i in range(int(numbered[2]) + 5):
                yield [*names[:at], f"{numbered[1]}{i}", *names[at + 1 :]]
        if len(names) > 1:
            yield [*names[:at], *names[at + 1 :]]


def _other_bases(base: Key) -> Iterator[tuple[Key, str]]:
    """Keys that the model may have been initialised with instead."""
    for count in (2, 3):
        for i, key in enumerate(split(base, count)):
            yield key, f"split(key, {count})[{i}]"
    high, low = base.words
    if not high:
        for seed in (*range(4), low + 1, low - 1, 42):
            if 0 <= seed < 2**32 and seed != low:
                yield replace(base, words=(0, seed)), f"seed {seed}"


def _as_here(row: Row, base: Key, other: Key, name: str) -> Iterator[tuple[str, Key]]:
    """The row's key, had the model been initialised with another."""
    if row.count is None:
        return
    names = row.path.split("/")[:-1]
    for separator in (False, True):
        if row.count and param_key(base, names, row.count, fix_rng_separator=separator) == row.key:
            key = param_key(other, names, row.count, fix_rng_separator=separator)
            yield f"{name} as the model's key", key
    if fold_in(base, row.count) == row.key:
        yield f"{name} as the model's key", fold_in(other, row.count)
