"""A plan as a table for people: what goes where, from which key, of which law. HTML: `page`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from varscale.initializers import Constant
from varscale.port import laws
from varscale.port.own import Own
from varscale.port.page import document, fragment
from varscale.port.plan import Plan, Row
from varscale.port.wording import (
    initializer_text,
    key_text,
    layout_text,
    number,
    part_text,
    tied_text,
)

__all__ = ["Explained", "Explanation", "explain"]


@dataclass(frozen=True, slots=True)
class Explained:
    """One row of a plan, explained.

    Attributes:
        to: the twin's parameter: "attention.in_proj_weight".
        part: which part of it: "rows 0:12 of 36"; "" for all.
        path: of JAX's parameter; "" where JAX has none.
        stack: which of the equal modules that JAX stacks; () for none.
        shape: of JAX's parameter, without the stacked axes.
        count: its number in its library's way of counting; None where it is not drawn.
        key: both words in hexadecimal; "" where the values depend on none.
        initializer: as one writes it: "lecun_normal()".
        fans: (fan_in, fan_out), or None where the initializer has none.
        stddev: exact standard deviation of what is drawn; None where it is not known.
        layout: the twin's axes from JAX's: "OI <- IO"; "" where they are the same.
        compiled: the rounding, see `varscale.initializers.VarianceScaling`.
        values: how many are written.
    """

    to: str
    part: str
    path: str
    stack: tuple[int, ...]
    shape: tuple[int, ...]
    count: int | None
    key: str
    initializer: str
    fans: tuple[float, float] | None
    stddev: float | None
    layout: str
    compiled: bool | None
    values: int

    @property
    def cells(self) -> tuple[str, ...]:
        """The text of each column, see `COLUMNS`."""
        place = f"{self.to}  {self.part}" if self.part else self.to
        path = self.path + (f"[{', '.join(map(str, self.stack))}]" if self.stack else "")
        fan = ", ".join(map(_fan, self.fans)) if self.fans else ""
        count = "" if self.count is None else str(self.count)
        shape = "x".join(map(str, self.shape)) or "()"
        spread = number(self.stddev)
        return place, path, shape, count, self.key, self.initializer, fan, spread, self.layout


#: The columns of a table, and those of them that are numbers.
COLUMNS = ("twin", "JAX", "shape", "no.", "key", "initializer", "fan in, out", "std", "layout")
NUMBERS = frozenset({"no.", "std"})


@dataclass(frozen=True)
class Explanation:
    """A plan, explained; `str()` is a table for a terminal, and notebooks show a page.

    Attributes:
        rows: in the order in which the JAX model makes its parameters.
        dtypes: of the twin's parameters, by name.
        constants: what is set beside them: running averages.
        left: the twin's parameters that are left as they are, and how their framework starts them;
            "unknown" where varscale does not know.
        tied: other names of parameters that have several, and the one in the table.
    """

    rows: tuple[Explained, ...]
    dtypes: Mapping[str, np.dtype[Any]]
    constants: tuple[tuple[str, float], ...] = ()
    left: tuple[Explained, ...] = ()
    tied: Mapping[str, str] = field(default_factory=dict)

    @property
    def totals(self) -> str:
        """How many there are of everything."""
        values = sum(row.values for row in self.rows)
        size = sum(row.values * self.dtypes[row.to].itemsize for row in self.rows)
        kinds = sorted({self.dtypes[row.to].name for row in self.rows})
        jax = len({(row.path, row.stack) for row in self.rows if row.path})
        here = len({row.to for row in self.rows})
        return f"{here:,} tensors from {jax:,} of JAX, {values:,} values, {size:,} bytes" + (
            f" ({', '.join(kinds)})" if kinds else ""
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the table does not say."""
        found = []
        if self.constants:
            said = ", ".join(f"{name} = {number(value)}" for name, value in self.constants)
            found.append(f"set beside them: {said}")
        if self.tied:
            found.append(tied_text(self.tied))
        return tuple(found)

    @property
    def parts(self) -> tuple[tuple[tuple[Explained, ...], tuple[str, ...]], ...]:
        """The tables that this is made of, with the lines below each: what is drawn, what is left.

        There is always one.
        """
        drawn = (self.rows, (self.totals, *self.notes))
        if not self.left:
            return (drawn,)
        count = f"{len(self.left):,} tensor{'s' if len(self.left) > 1 else ''}"
        said = f"{count} left as they are; above is what the framework itself draws for them"
        if not self.rows:
            return ((self.left, (said, *self.notes)),)
        return drawn, (self.left, (said,))

    def __str__(self) -> str:
        lines = []
        for rows, notes in self.parts:
            cells = [COLUMNS, *(row.cells for row in rows)]
            used = [i for i in range(len(COLUMNS)) if any(row[i] for row in cells[1:])]
            lines += aligned([[row[i] for i in used] for row in cells],
                             [COLUMNS[i] in NUMBERS for i in used])  # fmt: skip
            lines += ["", *notes, ""]
        return "\n".join(lines[:-1])

    def html(self, title: str = "How the model starts") -> str:
        """A page of its own: no scripts, nothing fetched, of use on a telephone and in the dark."""
        return document(title, self._repr_html_())

    def _repr_html_(self) -> str:
        return "".join(
            fragment(COLUMNS, [row.cells for row in rows], [row.stddev for row in rows], notes)
            for rows, notes in self.parts
        )

    def as_dicts(self) -> list[dict[str, Any]]:
        """All rows as dictionaries, for a data frame; those that are left come last."""
        names = [one.name for one in fields(Explained)]
        return [{name: getattr(row, name) for name in names} for row in (*self.rows, *self.left)]


def explain(plan: Plan, dtypes: Mapping[str, np.dtype[Any]], own: Mapping[str, Own]) -> Explanation:
    """Explain a plan; nothing is drawn.

    Args:
        plan: the plan.
        dtypes: of the twin's parameters, by name.
        own: how the framework starts those that are left as they are.
    """
    sizes = {to: _sizes(rows) for to, rows in plan.by_name.items()}
    rows = tuple(_explained(row, sizes[row.to]) for row in plan.rows)
    left = tuple(_left(name, own[name]) for name in plan.left)
    return Explanation(rows, dict(dtypes), plan.constants, left, plan.tied)


def aligned(rows: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    """Lines of columns of equal width, the first a heading with a rule below it."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(right))]
    lines = [
        "  ".join(
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def _explained(row: Row, sizes: Sequence[int]) -> Explained:
    drawn = row.where.extent if row.param is None else row.param.drawn_shape
    constant = isinstance(row.init, Constant)
    return Explained(
        row.to,
        part_text(row.index, sizes),
        row.path,
        row.stack,
        row.shape,
        row.count,
        "" if constant else key_text(row.key),
        initializer_text(row.init),
        laws.fans(row.init, drawn),
        laws.stddev(row.init, drawn),
        layout_text(row),
        getattr(row.init, "compiled", None),
        math.prod(row.where.extent),
    )


def _left(name: str, own: Own) -> Explained:
    return Explained(
        to=name,
        part="",
        path="",
        stack=(),
        shape=own.shape,
        count=None,
        key="",
        initializer=own.said,
        fans=own.fans,
        stddev=own.stddev,
        layout="",
        compiled=None,
        values=math.prod(own.shape),
    )


def _fan(fan: float) -> str:
    """A fan as one counts it: whole where it is."""
    return f"{fan:.0f}" if float(fan).is_integer() and fan < 1e9 else number(fan)


def _sizes(rows: Sequence[Row]) -> list[int]:
    """The sizes of a parameter's first axes, as far as its parts show them."""
    axes = max(len(row.index) for row in rows)
    return [
        max((row.index[axis].stop or 0) for row in rows if len(row.index) > axis)
        for axis in range(axes)
    ]
