"""One part of a JAX parameter beside the twin's memory: the values of both, and how they differ."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from varscale.draws import Known
from varscale.dtypes import FLOATS, float_format
from varscale.initializers import Constant
from varscale.layout import CounterMap
from varscale.port.plan import Plan, Row
from varscale.port.trees import as_array

__all__ = [
    "Array",
    "Case",
    "Cases",
    "Cause",
    "Kind",
    "block",
    "expected",
    "grain",
    "same",
    "sample",
    "steps"
]  # fmt: skip

Array: TypeAlias = np.ndarray[Any, Any]

#: What a difference may come from; "few" values and "unknown" are answers too.
Kind: TypeAlias = Literal[
    "missing", "shape", "not finite", "constant", "rounded", "rounding", "order", "parts",
    "swapped", "scaled", "distribution", "key", "partly", "changed", "init", "truncation",
    "packed", "fans", "area", "gain", "default", "variance", "clipped", "few", "unknown",
    "dtype", "param_dtype",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cause:
    """A likely cause of a difference.

    Attributes:
        kind: which.
        text: a sentence with the evidence.
    """

    kind: Kind
    text: str


@dataclass(frozen=True, eq=False)
class Case:
    """One row of a plan, with the values of both sides in the twin's layout.

    Attributes:
        row: the row.
        want: JAX's, of the dtype that they have in its tree.
        have: the twin's.
    """

    row: Row
    want: Array
    have: Array

    @functools.cached_property
    def alike(self) -> tuple[Array, Array]:
        """The twin's values and JAX's in one dtype: the shorter of both, rounded to it.

        Real values beside complex ones stay as they are.
        """
        have, want = self.have, self.want
        if have.dtype == want.dtype or (have.dtype.kind == "c") != (want.dtype.kind == "c"):
            return have, want
        wider = have.itemsize > want.itemsize and want.dtype.kind not in "iub"
        short = want.dtype if wider else have.dtype
        with np.errstate(all="ignore"):
            return have.astype(short), want.astype(short)

    @property
    def drawn(self) -> tuple[int, ...]:
        """The shape of JAX's array as its initializer is called with it."""
        row = self.row
        return row.where.extent if row.param is None else row.param.drawn_shape


def expected(row: Row, leaves: Mapping[str, Any], dtype: np.dtype[Any]) -> Array | Cause:
    """What the twin must hold there; a cause where the tree cannot say."""
    if row.param is None:
        constant = row.init.draw(0, row.where.extent, dtype)
        assert isinstance(constant, Known)
        return constant.at(row.where)
    if row.path not in leaves:
        return Cause("missing", f"JAX's tree has no {row.path}")
    whole = as_array(row.path, leaves[row.path])
    inner = whole.shape[len(row.stack) :]
    inside = all(at < size for at, size in zip(row.stack, whole.shape, strict=False))
    if inner != row.shape or not inside:
        stacked = f" below the {len(row.stack)} stacked axes" if row.stack else ""
        return Cause(
            "shape", f"JAX's array has shape {whole.shape}, the twin's gives {row.shape}{stacked}"
        )
    if 0 in row.where.extent:
        return np.empty(row.where.extent, whole.dtype)
    known = np.ascontiguousarray(whole[row.stack]).reshape(row.param.drawn_shape)
    values = Known(known.shape, known.dtype, lambda: known).at(row.where)
    # What the JAX layer adds in its forward pass, and the twin has in memory.
    if isinstance(row.init, Constant) and isinstance(row.param.init, Constant):
        plus = row.init.value - row.param.init.value
        return values + known.dtype.type(plus) if plus else values
    return values


def same(have: Array, want: Array) -> Array:
    """Where every bit agrees, of different dtypes in the widest. One NaN is as another."""
    if have.dtype != want.dtype:
        wide = np.complex128 if "c" in (have.dtype.kind, want.dtype.kind) else np.float64
        return same(have.astype(wide), want.astype(wide))
    if have.dtype.kind == "c":
        part = f"f{have.itemsize // 2}"
        one, other = (np.ascontiguousarray(each)[..., None].view(part) for each in (have, want))
        return np.asarray(same(one, other).all(axis=-1))
    bits = f"u{have.itemsize}"
    equal: Array = np.ascontiguousarray(have).view(bits) == np.ascontiguousarray(want).view(bits)
    if have.dtype.kind in "fV" and not equal.all():
        equal = equal | (np.isnan(have) & np.isnan(want))
    return equal


def steps(have: Array, want: Array) -> int | None:
    """The largest number of representable values between the two; None where it means nothing."""
    real = have.dtype == want.dtype and have.dtype.kind in "fV" and have.itemsize <= 8
    if not real or not have.size or not (np.isfinite(have) & np.isfinite(want)).all():
        return None
    ordered = []
    for values in (have, want):
        bits = np.ascontiguousarray(values).view(f"i{values.itemsize}").astype(np.int64)
        magnitude = bits & ((1 << (8 * values.itemsize - 1)) - 1)
        ordered.append(np.where(bits < 0, -magnitude, magnitude))
    # As float64: the distance of two float64 may be more than 2**63.
    return int(np.abs(ordered[0].astype(np.float64) - ordered[1].astype(np.float64)).max())


def digest(values: Array) -> bytes:
    """Equal for arrays of the same values in any order."""
    flat = np.sort(patterns(values.reshape(-1)))
    return hashlib.sha256(flat.tobytes() + str(values.dtype).encode()).digest()


def patterns(values: Array) -> Array:
    """The bits of real values, which tell zeros and NaN apart too; complex ones as they are."""
    values = np.ascontiguousarray(values)
    return values if values.dtype.kind == "c" else values.view(f"u{values.itemsize}")


def sample(values: Array, size: int = 1 << 16) -> Array:
    """At most so many of the values, evenly spaced, as float64; of complex ones the moduli."""
    flat = values.reshape(-1)
    flat = np.abs(flat) if values.dtype.kind == "c" else flat
    return flat[:: max(1, -(-flat.size // size))].astype(np.float64)


def grain(dtype: np.dtype[Any]) -> float:
    """The relative step between values of a dtype; JAX's draws in it are made of 1 / step uniforms.

    0 for what is drawn in parts, or not at all.
    """
    return 2.0 ** -float_format(dtype).mantissa if dtype in FLOATS else 0.0


def block(where: CounterMap, size: int) -> tuple[tuple[slice, ...], CounterMap]:
    """The index of a corner of at most about so many elements, and its counters."""
    index, left = [], size
    for extent in reversed(where.extent):
        taken = max(1, min(extent, left))
        index.append(slice(0, taken))
        left //= taken
    found = tuple(reversed(index))
    return found, where.sliced(*found)


@dataclass(frozen=True, eq=False)
class Cases:
    """All cases of a plan, and what is known of its key.

    Attributes:
        plan: the plan.
        each: the cases that have values on both sides.
        key: what the model was initialised with; None where that is not known, and then the
            plan's keys mean nothing.
    """

    plan: Plan
    each: Sequence[Case]
    key: Any = None

    @functools.cached_property
    def by_digest(self) -> dict[bytes, list[Case]]:
        """The cases by the digest of JAX's values, made once."""
        found: dict[bytes, list[Case]] = {}
        for case in self.each:
            found.setdefault(digest(case.alike[1]), []).append(case)
        return found
