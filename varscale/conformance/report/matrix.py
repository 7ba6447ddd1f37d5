"""The two matrices of the page: subjects by dtypes and distributions, mutants by checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from varscale.conformance.report.markup import SIGNS, badge, kind, safe, scroll
from varscale.conformance.report.summary import (
    Tally,
    column_of,
    columns,
    grouped,
    row_of,
    tally,
)
from varscale.conformance.results import Outcome, Run, Status

__all__ = ["kill_matrix", "legend", "matrix"]

_MEANINGS: dict[Status, str] = {
    "passed": "every case passed",
    "failed": "a case failed",
    "known": "deviates, as its file of known deviations says",
    "unexpected": "passed, though that file says otherwise",
    "not run": "nothing was run",
}


def legend() -> str:
    """What the signs mean."""
    items = "".join(
        f"<li>{badge(status)} {safe(meaning)}</li>" for status, meaning in _MEANINGS.items()
    )
    return f'<ul class="legend">{items}<li>a number counts the cases</li></ul>'


def matrix(runs: Sequence[Run], target: Callable[[Run, Outcome], str | None]) -> str:
    """Subject and device by dtype and distribution.

    Args:
        runs: one row each, or one for each of their devices.
        target: the id of the element that tells of an outcome, or None.
    """
    names = columns(runs)
    firsts = {one for _, group in groupby(names, key=lambda one: one[0]) for one in [next(group)]}
    first = [" first" if one in firsts else "" for one in names]
    dtypes = "".join(
        f'<th scope="colgroup" class="first" colspan="{len(list(group))}">{safe(dtype or "other")}'
        "</th>"
        for dtype, group in groupby(names, key=lambda one: one[0])
    )
    distributions = "".join(
        f'<th scope="col" class="{edge}"><div class="turned">{safe(_distribution(name))}</div></th>'
        for (_, name), edge in zip(names, first, strict=True)
    )
    rows = []
    for run in runs:
        for device, here in _by_device(run).items():
            cells = "".join(
                f'<td class="{edge}">'
                f"{_cell(run, [one for one in here if column_of(one) == name], target)}</td>"
                for name, edge in zip(names, first, strict=True)
            )
            label = f'{safe(run.subject)} <span class="soft">{safe(device)}</span>'
            rows.append(f'<tr><th scope="row">{label}</th>{cells}</tr>')
    content = (
        f'<table class="matrix"><thead><tr><td class="corner"></td>{dtypes}</tr>'
        f'<tr><td class="corner"></td>{distributions}</tr></thead>\n'
        f"<tbody>{chr(10).join(rows)}</tbody></table>"
    )
    return scroll(content, "Results by subject, device, dtype and distribution") + legend()


def _by_device(run: Run) -> dict[str, list[Outcome]]:
    """Cases of no device are the first one's."""
    devices = [device for device in dict.fromkeys(row_of(one) for one in run.outcomes) if device]
    first = devices[0] if devices else ""
    found = grouped(run.outcomes, lambda one: (row_of(one) or first,))
    return {device: outcomes for (device,), outcomes in found.items()}


def _distribution(name: str) -> str:
    return name.removesuffix("_normal").replace("_", " ") or "other"


def _cell(run: Run, outcomes: list[Outcome], target: Callable[[Run, Outcome], str | None]) -> str:
    if not outcomes:
        return '<span class="hidden">no case</span>'
    found = tally(outcomes)
    verdict = found.verdict
    shown = f'{SIGNS[verdict]}{_number(found)}<span class="hidden"> {safe(found.words)}</span>'
    marks = f'class="cell {kind(verdict)}" title="{safe(found.words)}"'
    places = (target(run, one) for one in outcomes if one.status == verdict)
    place = next((one for one in places if one is not None), None)
    if place is None:
        return f"<span {marks}>{shown}</span>"
    return f'<a {marks} href="#{place}">{shown}</a>'


def _number(found: Tally) -> str:
    """How many cases are to blame."""
    if found.verdict in ("passed", "not run"):
        return ""
    return f" {found.counts[found.verdict]}"


def kill_matrix(kills: Mapping[str, Sequence[str]]) -> str:
    """Wrong initializers by the checks that found them.

    Args:
        kills: for each mutant the checks that killed it, first the one that is meant to; none where
            it survived.
    """
    checks = list(dict.fromkeys(check for found in kills.values() for check in found))
    heads = "".join(
        f'<th scope="col"><div class="turned">{safe(check)}</div></th>' for check in checks
    )
    rows = []
    for mutant, found in kills.items():
        cells = "".join(f"<td>{_kill(check, found)}</td>" for check in checks)
        label = safe(mutant) + ("" if found else " " + badge("failed", "survived"))
        rows.append(f'<tr><th scope="row">{label}</th>{cells}</tr>')
    survivors = sum(not found for found in kills.values())
    said = f"{len(kills) - survivors} of {len(kills)} wrong initializers were found."
    content = (
        f'<table class="matrix kills"><thead><tr><td class="corner"></td>{heads}</tr></thead>\n'
        f"<tbody>{chr(10).join(rows)}</tbody></table>"
    )
    return (
        f"<p>{said} Each is a mistake that people make; ● is the check that is meant to find it, "
        f"○ another that does too.</p>{scroll(content, 'Wrong initializers by checks', tall=True)}"
    )


def _kill(check: str, found: Sequence[str]) -> str:
    if check not in found:
        return ""
    sign, word = ("●", "found, as meant") if check == found[0] else ("○", "found")
    return f'<span title="{safe(check)}">{sign}<span class="hidden"> {word}</span></span>'
