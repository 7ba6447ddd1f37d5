"""`check`: a twin's present values against a dumped tree of JAX's. Causes are in `causes`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from varscale.port.causes import (
    Array,
    Case,
    Cases,
    Cause,
    expected,
    likely,
    other_dtype,
    same,
    steps,
)
from varscale.port.explain import aligned
from varscale.port.plan import Plan, Row
from varscale.port.trees import AnyTree, read
from varscale.port.wording import number, part_text, tied_text

__all__ = ["Checked", "Comparison", "check"]


@dataclass(frozen=True, slots=True)
class Checked:
    """One row of a plan, compared.

    Attributes:
        to: the twin's parameter.
        part: which part of it: "rows 0:12"; "" for all.
        path: of JAX's parameter; "" where JAX has none, and the twin's must be constant.
        stack: which of the equal modules that JAX stacks; () for none.
        size: how many values.
        differing: how many of them are not JAX's, bit for bit; all, where JAX's are not there.
        max_abs: the largest absolute difference; None where nothing could be compared.
        max_ulp: the largest number of representable values between; None where that means nothing.
        cause: the likely cause; None where all are equal.
    """

    to: str
    part: str
    path: str
    stack: tuple[int, ...]
    size: int
    differing: int
    max_abs: float | None
    max_ulp: int | None
    cause: Cause | None

    @property
    def equal(self) -> bool:
        """Whether every value is JAX's, and of JAX's dtype."""
        return self.cause is None

    @property
    def place(self) -> str:
        """The twin's parameter and the part of it."""
        return f"{self.to}  {self.part}" if self.part else self.to


@dataclass(frozen=True)
class Comparison:
    """A twin's values against JAX's; `str()` says what differs, and why that may be.

    Attributes:
        rows: in the order in which the JAX model makes its parameters.
        unmatched: JAX's parameters that nothing in the plan is compared with.
        others: leaves beside the parameters, which were not compared: running averages, counters.
        left: the twin's parameters that the plan leaves as they are; not compared either.
        tied: other names of parameters that have several, and the one that is compared.
    """

    rows: tuple[Checked, ...]
    unmatched: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    tied: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether all is equal, of JAX's dtypes, and nothing of JAX's parameters is left over.

        Parameters that the plan leaves as they are may be among JAX's that are left over.
        """
        equal = bool(self.rows) and all(row.equal for row in self.rows)
        return equal and (not self.unmatched or bool(self.left))

    def __bool__(self) -> bool:
        raise TypeError("a comparison is neither true nor false: use .ok, or .raise_()")

    def raise_(self) -> None:
        """Raise AssertionError with the table, where not all is well."""
        if not self.ok:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        wrong = [row for row in self.rows if row.cause and row.cause.kind != "dtype"]
        values = sum(row.size for row in self.rows)
        rounded = _by_dtype(self.rows)
        if wrong:
            differing = sum(row.differing for row in wrong)
            lines = [
                f"{len(wrong)} of {len(self.rows)} differ, {differing:,} of {values:,} values:",
                "",
                *_table(wrong),
                "",
                *(f"{row.place}\n    {row.cause.kind}: {row.cause.text}" for row in wrong
                  if row.cause),
            ]  # fmt: skip
        elif rounded:
            lines = []
        elif self.rows:
            lines = [f"all {len(self.rows)} are equal, {values:,} values, bit for bit"]
        else:
            lines = ["nothing was compared"]
        for said, rows in rounded.items():
            if not wrong and len(rounded) == 1:  # the others, which JAX has not, are just right
                lines.append(f"all {len(self.rows)} are {said}, {values:,} values")
            else:
                which = ", ".join(row.place for row in rows)
                lines.append(f"{len(rows)} of {len(self.rows)} are {said}: {which}")
        for said, names in (
            ("of JAX's parameters, without a place in the plan", self.unmatched),
            ("in the tree, not compared", self.others),
            ("of the twin, left as they are, not compared", self.left),
        ):
            if names:
                lines.append(f"{len(names)} {said}: {', '.join(names)}")
        if self.tied:
            lines.append(tied_text(self.tied))
        return "\n".join(lines)


def check(
    plan: Plan, read_parameter: Callable[[str], Array], tree: AnyTree, key: Any = None
) -> Comparison:
    """Compare a twin's values with JAX's.

    Args:
        plan: what goes where.
        read_parameter: the present values of one of the twin's parameters.
        tree: JAX's parameters, or a file of them; see `varscale.port.trees.read`.
        key: what the plan was made with, if JAX's model was initialised with it: then keys that
            are nearly right are looked for.

    Raises:
        TypeError: a tree that is none, or has what is no array of numbers.
        ValueError: see `varscale.port.trees.read`.
    """
    leaves = read(tree)
    found: list[tuple[Row, Array, Array | Cause]] = []
    whole: dict[str, Array] = {}
    for row in plan.rows:
        if row.to not in whole:
            whole[row.to] = read_parameter(row.to)
        have = whole[row.to][row.index]
        have = have if row.view is None else have.reshape(row.view)
        found.append((row, have, expected(row, leaves.params, have.dtype)))
    each = [Case(row, want, have) for row, have, want in found if not isinstance(want, Cause)]
    cases = Cases(plan, [case for case in each if case.have.size], key)
    of_row = {id(case.row): case for case in each}
    rows = tuple(
        _without(row, have, _suggested(want, row, leaves.params))
        if isinstance(want, Cause)
        else _compared(of_row[id(row)], cases)
        for row, have, want in found
    )
    used = {row.path for row in plan.rows}
    over = [path for path in leaves.params if path not in used]
    beside = [path for path in over if _is_beside(path, leaves.params[path], plan)]
    return Comparison(
        rows,
        tuple(path for path in over if path not in beside),
        (*beside, *leaves.others),
        plan.left,
        plan.tied,
    )


def _compared(case: Case, cases: Cases) -> Checked:
    row, have, want = case.row, case.have, case.want
    equal = same(have, want)
    differing = int(equal.size - equal.sum())
    if not differing and have.dtype == want.dtype:
        return _checked(row, have.size, 0, 0.0, 0, None)
    cause = (None if differing else other_dtype(case)) or likely(case, cases)
    with np.errstate(all="ignore"):
        wide = np.complex128 if "c" in (have.dtype.kind, want.dtype.kind) else np.float64
        apart = np.abs(have.astype(wide) - want.astype(wide)).reshape(-1)
    largest = float(np.max(apart[~equal.reshape(-1)], initial=0.0)) if apart.size else 0.0
    ulp = steps(have, want)
    return _checked(row, have.size, differing, largest, ulp, cause)


def _without(row: Row, have: Array, cause: Cause) -> Checked:
    return _checked(row, have.size, have.size, None, None, cause)


def _checked(
    row: Row, size: int, differing: int, largest: float | None, ulp: int | None, cause: Cause | None
) -> Checked:
    part = part_text(row.index)
    return Checked(row.to, part, row.path, row.stack, size, differing, largest, ulp, cause)


def _suggested(cause: Cause, row: Row, leaves: Mapping[str, Any]) -> Cause:
    """With the tree's names that are like the one that is missing."""
    if cause.kind != "missing":
        return cause
    near = difflib.get_close_matches(row.path, leaves, n=3)
    return Cause("missing", cause.text + (f"; it has {', '.join(near)}" if near else ""))


def _is_beside(path: str, leaf: Any, plan: Plan) -> bool:
    """Whether a leaf is the state of a layer, in a tree that has it among the parameters (NNX)."""
    try:
        if np.dtype(getattr(leaf, "dtype", np.float32)).kind in "iub":
            return True
    except TypeError:  # a key of JAX
        return True
    owner, _, name = path.rpartition("/")
    averaged = {at.rpartition(".")[0] for at, _ in plan.constants}
    rows = (row for row in plan.rows if row.to.rpartition(".")[0] in averaged)
    return name in ("mean", "var") and owner in {row.path.rpartition("/")[0] for row in rows}


def _by_dtype(rows: Sequence[Checked]) -> dict[str, list[Checked]]:
    """The rows of another dtype that are equal but for it, by what is said of them."""
    found: dict[str, list[Checked]] = {}
    for row in rows:
        if row.cause and row.cause.kind == "dtype":
            found.setdefault(row.cause.text, []).append(row)
    return found


def _table(rows: Sequence[Checked]) -> list[str]:
    heads = ("twin", "JAX", "differ", "of", "max abs", "max ulp", "likely cause")
    cells = [
        (
            row.place,
            row.path + (f"[{', '.join(map(str, row.stack))}]" if row.stack else ""),
            f"{row.differing:,}",
            f"{row.size:,}",
            number(row.max_abs),
            "" if row.max_ulp is None else f"{row.max_ulp:,}",
            row.cause.kind if row.cause else "",
        )
        for row in rows
    ]
    return aligned([heads, *cells], [False, False, True, True, True, True, False])
