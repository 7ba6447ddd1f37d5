"""The kill matrix: which checks found which mutant, computed and written as Markdown."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from varscale.conformance.mutants.catalogue import GROUPS, MUTANTS
from varscale.conformance.mutants.mutant import Mutant, outcome_of

__all__ = ["Row", "kill_matrix", "kills", "markdown"]


@dataclass(frozen=True, slots=True)
class Row:
    """What was found of one mutant.

    Attributes:
        mutant: the wrong initializer.
        seed: of its run.
        fired: the checks that failed, in their order; none where it survived.
    """

    mutant: Mutant
    seed: int
    fired: tuple[str, ...]

    @property
    def as_meant(self) -> bool:
        """Whether the check that is meant to kill it has done so."""
        return self.mutant.check in self.fired


def kill_matrix(
    mutants: Sequence[Mutant] = MUTANTS,
    *,
    seed: int | None = None,
    progress: Callable[[Row, int, int], None] | None = None,
) -> tuple[Row, ...]:
    """Run mutants, each on its case.

    Args:
        mutants: which.
        seed: an integer in [0, 2**31 - 1); default: a fresh one.
        progress: called after each with its row, how many are done, and of how many.

    Raises:
        ValueError: a seed out of range.

    Example:
        >>> from varscale.conformance.mutants import MUTANTS, kill_matrix
        >>> (row,) = kill_matrix(MUTANTS[-1:], seed=1)
        >>> row.mutant.name, row.fired
        ('a better inverse error function', ('bits',))
    """
    seed = secrets.randbelow(2**31 - 1) if seed is None else seed
    if not 0 <= seed < 2**31 - 1:
        raise ValueError(f"seed must be in [0, 2**31 - 1), got {seed}")
    rows: list[Row] = []
    for one in mutants:
        outcome = outcome_of(one.subject, one.case, seed)
        fired = tuple(found.check for found in outcome.findings if not found.passed)
        # A case that did not fail has found nothing, whatever its checks say.
        rows.append(Row(one, seed, fired if outcome.bad else ()))
        if progress is not None:
            progress(rows[-1], len(rows), len(mutants))
    return tuple(rows)


def kills(rows: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    """For each mutant's name the checks that killed it, first the one that is meant to.

    As `varscale.conformance.report.html.page` takes it.
    """
    return {
        row.mutant.name: tuple(sorted(row.fired, key=lambda check: check != row.mutant.check))
        for row in rows
    }


def markdown(rows: Sequence[Row], *, date: str, versions: str) -> str:
    """The page of the docs.

    Args:
        rows: of `kill_matrix`.
        date: of the run.
        versions: of what was used, in words.
    """
    survivors = sum(not row.fired for row in rows)
    others = sum(bool(row.fired) and not row.as_meant for row in rows)
    seed = rows[0].seed if rows else 0
    lines = [
        "# The kill matrix",
        "",
        "The conformance suite is tested with wrong initializers (mutants), each of them a mistake "
        "that people make. Each is run on one case, in the default profile and with the share of "
        "the alarm that the case has in a whole run. A mutant has to be killed by the check that "
        "is meant for it; the same initializer without the mistake passes that case.",
        "",
        f"{len(rows) - survivors} of {len(rows)} mutants were killed, {others} of them by other "
        f"checks than the one that is meant. {date}, seed {seed}, {versions}.",
        "",
        f"Repeat: `python -m varscale.conformance.mutants --seed {seed}`; this page: "
        "`python -m varscale.conformance.mutants --markdown docs/kill-matrix.md`. The mutants are "
        "in `varscale/conformance/mutants/`.",
    ]
    found = {row.mutant.name: row for row in rows}
    for group, mutants in GROUPS.items():
        shown = [found[one.name] for one in mutants if one.name in found]
        if shown:
            lines += ["", f"## {group}", "", "| mutant | what is wrong | case | meant | also |"]
            lines += ["|---|---|---|---|---|", *(_line(row) for row in shown)]
    return "\n".join([*lines, ""])


def _line(row: Row) -> str:
    one = row.mutant
    meant = one.check if row.as_meant else f"**{one.check}: not seen**"
    also = ", ".join(check for check in row.fired if check != one.check)
    return f"| {one.name} | {one.about} | `{one.case}` | {meant} | {also} |"
