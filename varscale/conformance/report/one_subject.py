"""One run on the page: its scales, its cases, its checks, what was not run."""

from __future__ import annotations

from collections.abc import Iterable

from varscale.conformance.report import pictures
from varscale.conformance.report.markup import badge, code, safe, table
from varscale.conformance.report.one_case import case
from varscale.conformance.report.summary import (
    CheckSummary,
    by_reason,
    column_of,
    columns,
    grouped,
    number,
    summarise_checks,
    tally,
)
from varscale.conformance.results import Outcome, Run

__all__ = ["CHECKS", "case_place", "section", "subject_place"]

#: The columns of a run's checks.
CHECKS = ("check", "passed", "samples", "nearest", "would see", "unit")
#: So many failing and known cases of a run have pictures: a page holds many runs.
_DRAWN = 30
#: Of the axis of scales: a relative deviation and its name.
_TICKS = (
    *((-1.0, "&minus;100 %"), (-0.1, "&minus;10 %"), (-0.01, "&minus;1 %"), (0.0, "JAX")),
    *((0.01, "+1 %"), (0.1, "+10 %"), (1.0, "+100 %")),
)


def subject_place(place: int) -> str:
    """The id of a run's section."""
    return f"subject-{place}"


def case_place(run: Run, place: int, outcome: Outcome) -> str | None:
    """The id of a case's element; None where the page has only its count."""
    shown = outcome.bad or outcome.status == "known"
    if shown or any(one is outcome for one in _selected(run)):
        number = next(n for n, one in enumerate(run.outcomes) if one is outcome)
        return f"case-{place}-{number}"
    return None


def section(run: Run, place: int, *, unfolded: bool) -> str:
    """All that the page says of a run.

    Args:
        run: its results.
        place: its number on the page.
        unfolded: whether it is, to begin with; else a summary is to be clicked.
    """
    verdict = badge("passed" if run.passed else "failed")
    words = f'<span class="soft">{safe(tally(run.outcomes).words)}</span>'
    inner = [_faults(run), _facts(run), _scales(run), *_cases(run, place), _checks(run), _idle(run)]
    return (
        f'<details class="subject" id="{subject_place(place)}"{" open" if unfolded else ""}>'
        f"<summary><h2>{safe(run.subject)}</h2> {verdict} {words}</summary>\n"
        f'<div class="inner">{chr(10).join(part for part in inner if part)}</div></details>'
    )


def _faults(run: Run) -> str:
    faults = "".join(f"<p>{safe(one)}</p>" for one in run.faults)
    return f'<div class="faults"><p>The run itself is at fault:</p>{faults}</div>' if faults else ""


def _facts(run: Run) -> str:
    alarm = (
        f"; fails once in {1 / run.alarm:,.0f} runs where nothing is wrong" if run.alarm > 0 else ""
    )
    facts = {
        "claims": ", ".join(run.claims),
        "versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
        "machine": run.machine,
        "date": run.date,
        "run": f"profile {run.profile}, seed {run.seed}, {run.seconds:.0f} s{alarm}",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{safe(text)}</dd>" for name, text in facts.items() if text)
    return f'<dl class="facts">{rows}<dt>again</dt><dd>{code(run.command())}</dd></dl>'


def _scales(run: Run) -> str:
    """The measured scale of every case, by dtype and distribution."""
    measured = [one for one in run.outcomes if _scale(one) is not None]
    if not measured:
        return ""
    groups = grouped(measured, column_of)
    ticks = "".join(f'<i style="left:{_at(at)}%"></i>' for at, _ in _TICKS if at)
    rows = "".join(
        f'<div class="name">{safe(" ".join(name).replace("_", " "))} '
        f'<span class="soft">{len(outcomes)}</span></div>'
        f'<div class="track">{ticks}{_strip(outcomes)}</div>'
        for name in columns([run])
        if (outcomes := groups.get(name))
    )
    names = "".join(
        f'<span style="left:{_at(at)}%"{_narrow(at)}>{text}</span>' for at, text in _TICKS
    )
    return (
        "<h3>The measured scale, against JAX&rsquo;s</h3>"
        '<p class="soft">A line for each case: the interval of its standard deviation over the '
        "law&rsquo;s. The axis is logarithmic away from the middle.</p>"
        f'<div class="scales">{rows}<div class="corner"></div><div class="ends">{names}</div>'
        "</div>"
    )


def _narrow(at: float) -> str:
    return ' class="wide-only"' if abs(at) == 0.1 else ""


def _at(deviation: float) -> str:
    return f"{pictures.deviation_place(deviation):.1f}"


def _scale(outcome: Outcome) -> tuple[float, float, float] | None:
    found = [outcome.facts.get(name) for name in ("scale", "scale_low", "scale_high")]
    value, low, high = (float(one) if isinstance(one, int | float) else None for one in found)
    return None if value is None or low is None or high is None else (value, low, high)


def _strip(outcomes: Iterable[Outcome]) -> str:
    found = [
        (*scale, one.bad or one.status == "known") for one in outcomes if (scale := _scale(one))
    ]
    lowest, highest = min(one[0] for one in found), max(one[0] for one in found)
    around = sum(low <= 1 <= high for _, low, high, _ in found)
    return pictures.strip(
        found,
        f"{len(found)} cases, measured scale over JAX's from {lowest:.5g} to {highest:.5g}; "
        f"the interval contains 1 in {around}",
    )


def _cases(run: Run, place: int) -> list[str]:
    bad = [one for one in run.outcomes if one.bad]
    known = by_reason(run, "known")
    first = [one for outcomes in known.values() for one in outcomes[:1]]
    rest = [one for outcomes in known.values() for one in outcomes[1:]]
    drawn = {one.case for one in [*bad, *first, *rest][:_DRAWN]}

    def shown(outcomes: Iterable[Outcome]) -> str:
        return "".join(
            case(run, one, str(case_place(run, place, one)), drawn=one.case in drawn)
            for one in outcomes
        )

    parts = []
    if bad:
        parts.append(f"<h3>Failing: {len(bad)}</h3>{shown(bad)}")
    if known:
        groups = "".join(
            f"<p>{badge('known', str(len(outcomes)))} {safe(reason)}</p>{shown(outcomes)}"
            for reason, outcomes in known.items()
        )
        parts.append(f"<h3>Known deviations: {len(rest) + len(first)}</h3>{groups}")
    left = len(bad) + len(first) + len(rest) - _DRAWN
    if left > 0:
        parts.append(f'<p class="soft">{left} of these cases have no pictures here.</p>')
    selected = _selected(run)
    if selected:
        drawn = {one.case for one in selected}
        parts.append("<h3>Passing: one of each dtype and distribution</h3>" + shown(selected))
    return parts


def _selected(run: Run) -> list[Outcome]:
    """Of the cases that passed, one of each layer of the suite, dtype and distribution."""
    drawn = (one for one in run.outcomes if one.status == "passed" and _worth_drawing(one))
    groups = grouped(drawn, lambda one: (one.layer, *column_of(one)))
    return [outcomes[0] for outcomes in groups.values()]


def _worth_drawing(outcome: Outcome) -> bool:
    """Where all values are identical there is one bar."""
    picture = outcome.picture
    return picture is not None and (picture.kind == "law" or sum(map(bool, picture.counts)) > 1)


def _checks(run: Run) -> str:
    found = summarise_checks(run)
    rows = [_check(one) for one in found if one.detectable is not None]
    exact = [one for one in found if one.detectable is None]
    said = ""
    if rows:
        said = (
            '<p class="soft">Nearest: of what passed, the least to spare. Would see: the smallest '
            "error that the weakest of these cases finds with 99.9 %.</p>"
            + table("checks", CHECKS, rows)
        )
    if exact:
        names = ", ".join(
            safe(f"{one.check} ({one.failed} of {one.cases} failed)" if one.failed else one.check)
            for one in exact
        )
        said += f"<p>Exact, so that any error is seen: {names}.</p>"
    return f"<h3>The checks of all cases</h3>{said}" if said else ""


def _check(one: CheckSummary) -> tuple[str, ...]:
    low, high = one.n
    return (
        safe(one.check),
        f"{one.cases - one.failed} of {one.cases}",
        f"{low}" if low == high else f"<span>{low} to {high}</span>",
        "" if one.closest is None else f"{one.closest:.0%} of its bound",
        number(one.detectable),
        f"<span>{safe(one.unit)}</span>" if one.unit else "",
    )


def _idle(run: Run) -> str:
    found = by_reason(run, "not run")
    if not found:
        return ""
    groups = "".join(
        f"<details><summary>{badge('not run', str(len(outcomes)))} {safe(reason)}</summary>"
        f'<div class="inner mono">{"<br>".join(safe(one.case) for one in outcomes)}</div></details>'
        for reason, outcomes in found.items()
    )
    return f"<h3>Not run: {sum(map(len, found.values()))}</h3>{groups}"
