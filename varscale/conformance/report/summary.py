"""What is said of many outcomes at once, as plain data: tallies, checks, reasons, the matrix."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from varscale.conformance.results import Finding, Outcome, Run, Status

__all__ = [
    "CheckSummary",
    "Tally",
    "by_reason",
    "column_of",
    "columns",
    "grouped",
    "number",
    "printable",
    "row_of",
    "summarise_checks",
    "tally",
]

_ALL: Final[tuple[Status, ...]] = get_args(Status)
#: The first of these that occurs in a group is the group's verdict.
_WORST_FIRST: Final[tuple[Status, ...]] = ("failed", "unexpected", "known", "passed", "not run")
_DTYPES = ("float32", "float64", "float16", "bfloat16", "complex64", "complex128")
_DISTRIBUTIONS = ("uniform", "normal", "truncated_normal")


@dataclass(frozen=True, slots=True)
class Tally:
    """How many outcomes of a group ended with each status.

    Attributes:
        counts: for each status that occurs.
    """

    counts: dict[Status, int]

    @property
    def verdict(self) -> Status:
        """The worst that occurs; "not run" only where nothing else does."""
        return next((one for one in _WORST_FIRST if one in self.counts), "not run")

    @property
    def words(self) -> str:
        """As "12 passed, 1 not run"; what was not run is never left out."""
        return ", ".join(f"{n} {status}" for status, n in self.counts.items()) or "nothing run"


def tally(outcomes: Iterable[Outcome]) -> Tally:
    """Count outcomes.

    Example:
        >>> tally([Outcome("law/a", "law", "passed"), Outcome("law/b", "law", "not run")]).words
        '1 passed, 1 not run'
    """
    found = [one.status for one in outcomes]
    return Tally({status: found.count(status) for status in _ALL if status in found})


@dataclass(frozen=True, slots=True)
class CheckSummary:
    """One check over all cases of a run.

    Attributes:
        check: its name.
        cases: in how many cases it was made.
        failed: in how many of them it failed.
        n: the fewest and the most samples.
        closest: abs(statistic) / bound of the finding that passed with the least to spare; None
            where none did.
        detectable: the largest of the errors that would have been seen; None where the check is
            exact: it sees any.
        unit: of that error.
    """

    check: str
    cases: int
    failed: int
    n: tuple[int, int]
    closest: float | None
    detectable: float | None
    unit: str


def summarise_checks(run: Run) -> list[CheckSummary]:
    """Each check of a run, in the order in which they were first made."""
    found: dict[str, list[Finding]] = {}
    for outcome in run.outcomes:
        for finding in outcome.findings:
            found.setdefault(finding.check, []).append(finding)
    return [_summary(check, findings) for check, findings in found.items()]


def _summary(check: str, findings: Sequence[Finding]) -> CheckSummary:
    statistical = [one for one in findings if one.detectable is not None]
    ratios = [
        abs(one.statistic) / one.bound
        for one in statistical
        if one.passed and one.bound > 0 and math.isfinite(one.bound)
    ]
    coarse = [one.detectable for one in statistical if one.detectable is not None]
    return CheckSummary(
        check,
        len(findings),
        sum(not one.passed for one in findings),
        (min(one.n for one in findings), max(one.n for one in findings)),
        max(ratios, default=None),
        max(coarse, default=None),
        findings[0].unit,
    )


def number(value: float | None) -> str:
    """A number as a person reads it; of what is exact there is none.

    Example:
        >>> number(0.00312345), number(524288.0), number(1e-6), number(None)
        ('0.003123', '524288', '1e-06', 'exact')
    """
    if value is None:
        return "exact"
    return f"{value:.0f}" if value % 1 == 0 and abs(value) < 1e9 else f"{value:.4g}"


def printable(text: str) -> str:
    """The text with a space for each character that steers a terminal or is no character at all.

    Messages of subjects are shown as they are, and may hold anything.
    """
    return "".join(one if one.isprintable() or one == "\n" else " " for one in text)


def grouped(
    outcomes: Iterable[Outcome], name: Callable[[Outcome], tuple[str, ...]]
) -> dict[tuple[str, ...], list[Outcome]]:
    """Outcomes by a name, in the order in which the names first occur."""
    found: dict[tuple[str, ...], list[Outcome]] = {}
    for one in outcomes:
        found.setdefault(name(one), []).append(one)
    return found


def by_reason(run: Run, status: Status) -> dict[str, list[Outcome]]:
    """The outcomes of a status by their reason, most frequent first."""
    chosen = (one for one in run.outcomes if one.status == status)
    found = grouped(chosen, lambda one: (one.reason or "no reason given",))
    ordered = sorted(found.items(), key=lambda item: -len(item[1]))
    return {reason: outcomes for (reason,), outcomes in ordered}


def row_of(outcome: Outcome) -> str:
    """Of the matrix: the device; "" where it does not matter."""
    return _fact(outcome, "device")


def column_of(outcome: Outcome) -> tuple[str, str]:
    """Of the matrix: dtype and distribution; "" where it does not matter."""
    return _fact(outcome, "dtype"), _fact(outcome, "distribution") or _fact(outcome, "initializer")


def columns(runs: Iterable[Run]) -> list[tuple[str, str]]:
    """The matrix's columns: those that occur in any run; dtypes, distributions in a fixed order."""
    found = {column_of(one) for run in runs for one in run.outcomes}
    return sorted(found, key=lambda one: (_place(one[0], _DTYPES), _place(one[1], _DISTRIBUTIONS)))


def _fact(outcome: Outcome, name: str) -> str:
    value: Any = outcome.facts.get(name)
    return "" if value is None else str(value)


def _place(name: str, order: tuple[str, ...]) -> tuple[int, str]:
    """Known names first and as ordered, then others by name, then those that have none."""
    if name in order:
        return order.index(name), ""
    return (len(order), name) if name else (len(order) + 1, "")
