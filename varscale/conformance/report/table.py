"""The result in a terminal: a progress bar while it runs, then a table; made with rich."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from varscale.conformance.report.summary import (
    by_reason,
    grouped,
    number,
    printable,
    summarise_checks,
    tally,
)
from varscale.conformance.results import Finding, Outcome, Run, Status

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Step", "finding_line", "progress", "show", "show_missing"]

#: Called after each case with its outcome, how many are done, and how many there are.
Step: TypeAlias = Callable[[Outcome, int, int], None]

_COLOURS: Final[dict[Status, str]] = {
    "passed": "green",
    "failed": "bold red",
    "known": "yellow",
    "unexpected": "bold magenta",
    "not run": "dim",
}
#: So many cases are named where all have one reason; the rest is counted.
_NAMED = 3


@contextmanager
def progress(console: Console, subject: str) -> Generator[Step | None, None, None]:
    """A progress bar, gone when it is done.

    Args:
        console: of stderr, so that the table can go elsewhere.
        subject: its name.

    Yields:
        What is to be called after each case; None where the console is not a terminal.
    """
    from rich import progress as bars

    if not console.is_terminal:
        yield None
        return
    with bars.Progress(
        bars.TextColumn("{task.fields[subject]}", markup=False),
        bars.BarColumn(bar_width=24),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TextColumn("{task.fields[bad]}", style="red", markup=False),
        bars.TextColumn("{task.fields[case]}", style="dim", markup=False),
        console=console,
        transient=True,
    ) as shown:
        task = shown.add_task("", total=None, subject=printable(subject), bad="", case="")
        failed = 0

        def step(outcome: Outcome, done: int, total: int) -> None:
            nonlocal failed
            failed += outcome.bad
            shown.update(
                task, completed=done, total=total, case=printable(outcome.case),
                bad=f"{failed} failed" if failed else "",
            )  # fmt: skip

        yield step


def show(run: Run, console: Console, *, quiet: bool = False) -> None:
    """Print a run: its groups, its checks, each case that failed, the reasons, the counts.

    Args:
        run: any.
        console: where to.
        quiet: only the failures and the last lines.
    """
    if not quiet:
        _head(run, console)
        _groups(run, console)
        _checks(run, console)
    for one in run.outcomes:
        if one.bad:
            _failure(run, one, console)
    if not quiet:
        _reasons(run, "known", "known deviations", console)
        _reasons(run, "not run", "not run", console)
    for fault in run.faults:
        _line(console, f"fault of the run: {fault}", "bold red")
    _last(run, console)


def show_missing(missing: Mapping[str, str], console: Console) -> None:
    """Print why subjects that were asked for have no run."""
    for subject, reason in missing.items():
        _line(console, f"{subject}: not run: {reason}", "yellow")


def _line(console: Console, text: str, style: str = "") -> None:
    """One line, not wrapped: a command can be copied."""
    console.print(
        printable(text), style=style, markup=False, highlight=False, soft_wrap=True, emoji=False
    )


def _head(run: Run, console: Console) -> None:
    _line(console, "")
    _line(console, run.subject, "bold")
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    _line(console, f"claims {', '.join(run.claims)}; {versions}", "dim")
    _line(
        console,
        f"profile {run.profile}, seed {run.seed}; one false alarm in {1 / run.alarm:.3g} runs"
        if run.alarm > 0
        else f"profile {run.profile}, seed {run.seed}",
        "dim",
    )


def _groups(run: Run, console: Console) -> None:
    groups = grouped(run.outcomes, _group)
    rows = []
    for names, outcomes in groups.items():
        found = tally(outcomes)
        seconds = sum(one.seconds for one in outcomes)
        rows.append((found.verdict, (*names, found.words, f"{seconds:.1f} s")))
    _table(console, ("checks of", "dtype", "device", "cases", "time"), rows)


def _group(outcome: Outcome) -> tuple[str, ...]:
    facts = outcome.facts
    return (outcome.layer, *(str(facts.get(name) or "") for name in ("dtype", "device")))


def _checks(run: Run, console: Console) -> None:
    found = summarise_checks(run)
    rows: list[tuple[Status, tuple[str, ...]]] = []
    for one in found:
        if one.detectable is not None:
            low, high = one.n
            cells = (
                one.check,
                f"{one.cases - one.failed} of {one.cases}",
                f"{low}" if low == high else f"{low} to {high}",
                "" if one.closest is None else f"{one.closest:.0%}",
                number(one.detectable),
                one.unit,
            )
            rows.append(("failed" if one.failed else "passed", cells))
    exact = [one for one in found if one.detectable is None]
    if exact:
        cases, failed = sum(one.cases for one in exact), sum(one.failed for one in exact)
        name = "exact" if len(exact) > 1 else exact[0].check
        cells = (name, f"{cases - failed} of {cases}", "", "", "any", "")
        rows.append(("failed" if failed else "passed", cells))
    if rows:
        heads = ("check", "passed", "samples", "of its bound", "would see", "unit")
        _table(console, heads, rows)


def _table(
    console: Console,
    heads: Sequence[str],
    rows: Sequence[tuple[Status, tuple[str, ...]]],
) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(head, overflow="fold")
    for verdict, cells in rows:
        style = "" if verdict == "passed" else _COLOURS[verdict]
        table.add_row(*(Text(printable(cell), style=style) for cell in cells))
    console.print()
    console.print(table)


def _failure(run: Run, outcome: Outcome, console: Console) -> None:
    _line(console, "")
    said = "passes, though known to deviate" if outcome.status == "unexpected" else "failed"
    _line(console, f"{said}: {outcome.case}", _COLOURS[outcome.status])
    if outcome.reason:
        _line(console, f"  {outcome.reason}")
    for finding in outcome.findings:
        if not finding.passed:
            _line(console, f"  {finding_line(finding)}", "red")
    passed = [one.check for one in outcome.findings if one.passed]
    if passed:
        _line(console, f"  passed: {', '.join(passed)}")
    _line(console, f"  {run.command(outcome)}", "cyan")


def finding_line(finding: Finding) -> str:
    """A finding in one line, as in "scale failed: 0.12, at most 0.003; n 1000; ..."."""
    verdict = "passed" if finding.passed else "failed"
    limit = f"{number(finding.bound)} {finding.unit}".rstrip()
    parts = [
        f"{finding.check} {verdict}: {number(finding.statistic)}, at most {limit}",
        f"n {finding.n}",
    ]
    if finding.detectable is not None:
        parts.append(f"would see {number(finding.detectable)}")
    if finding.note:
        parts.append(finding.note)
    return "; ".join(parts)


def _reasons(run: Run, status: Status, title: str, console: Console) -> None:
    found = by_reason(run, status)
    if not found:
        return
    _line(console, "")
    _line(console, title, _COLOURS[status])
    for reason, outcomes in found.items():
        named = ", ".join(one.case for one in outcomes[:_NAMED])
        more = f" and {len(outcomes) - _NAMED} more" if len(outcomes) > _NAMED else ""
        _line(console, f"  {reason}: {named}{more}", "dim" if status == "not run" else "")


def _last(run: Run, console: Console) -> None:
    counts = ", ".join(f"{n} {status}" for status, n in run.counts().items())
    verdict = "passed" if run.passed else "FAILED"
    if not run.outcomes or all(one.status == "not run" for one in run.outcomes):
        verdict = "FAILED, for nothing was run"
    _line(console, "")
    _line(
        console,
        f"{run.subject} {verdict}: {counts}; seed {run.seed}, {run.seconds:.1f} s",
        "bold green" if run.passed else "bold red",
    )
    _line(console, f"again: {run.command()}", "dim")
