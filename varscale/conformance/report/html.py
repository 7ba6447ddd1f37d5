"""The result as one page that stands alone: no scripts, no network, light and dark, any width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from varscale.conformance.report.markup import badge, code, safe, table
from varscale.conformance.report.matrix import kill_matrix, matrix
from varscale.conformance.report.one_case import FINDINGS
from varscale.conformance.report.one_subject import CHECKS, case_place, section, subject_place
from varscale.conformance.report.style import STYLE, labels
from varscale.conformance.report.summary import tally
from varscale.conformance.results import Run

__all__ = ["page"]

_SUBJECTS = ("subject", "verdict", "claims", "cases", "seed", "time")
#: Nothing is loaded and nothing is run, whatever the messages of subjects hold.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(
    runs: Sequence[Run],
    *,
    missing: Mapping[str, str] | None = None,
    kills: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The page of one or several runs.

    Args:
        runs: at least one.
        missing: why a subject that was asked for has no run, by its name.
        kills: for each wrong initializer the checks that found it, first the one that is meant to.

    Returns:
        A whole HTML document.

    Raises:
        ValueError: there is nothing to show.

    Example:
        >>> run = Run("mine", ("law",), 1, "fast", 1e-6, (), (), {}, "", "2026-01-31", 0.5)
        >>> page([run])[:15]
        '<!DOCTYPE html>'
    """
    if not runs and not missing:
        raise ValueError("runs must hold at least one run")
    title = "Conformance with JAX&rsquo;s initializers"
    numbers = {id(run): place for place, run in enumerate(runs)}
    sections = "\n".join(
        section(run, place, unfolded=len(runs) == 1) for place, run in enumerate(runs)
    )
    parts = [
        f"<header><h1>{title}</h1>{_lead(runs)}</header>",
        _subjects(runs, missing or {}),
        "<h2>By dtype and distribution</h2>"
        + matrix(runs, lambda run, one: case_place(run, numbers[id(run)], one))
        if runs
        else "",
        f"<h2>Subject by subject</h2>\n{sections}" if runs else "",
        f"<h2>What the suite finds</h2>{kill_matrix(kills)}" if kills else "",
        _about(runs),
    ]
    style = STYLE + labels("subjects", _SUBJECTS) + labels("findings", FINDINGS)
    style += labels("checks", CHECKS)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}</title>\n<style>{style}</style></head>\n"
        f"<body><main>\n{chr(10).join(part for part in parts if part)}\n</main></body></html>\n"
    )


def _lead(runs: Sequence[Run]) -> str:
    if not runs:
        return '<p class="lead">Nothing was run.</p>'
    good = sum(run.passed for run in runs)
    cases = tally(one for run in runs for one in run.outcomes)
    if len(runs) == 1:
        said = f"{safe(runs[0].subject)} {'passes' if good else 'does not pass'}"
    elif good == len(runs):
        said = f"All {len(runs)} subjects pass"
    else:
        said = f"{good} of {len(runs)} subjects pass"
    dates = sorted({run.date[:10] for run in runs if run.date})
    date = " to ".join(dict.fromkeys(dates[:1] + dates[-1:]))
    shown = f' <span class="soft nowrap">{safe(date)}</span>' if date else ""
    return f'<p class="lead">{said}: {cases.words}.{shown}</p>'


def _subjects(runs: Sequence[Run], missing: Mapping[str, str]) -> str:
    rows = [
        (
            f'<a href="#{subject_place(place)}">{safe(run.subject)}</a>',
            badge("passed" if run.passed else "failed"),
            safe(", ".join(run.claims)),
            f"<span>{safe(tally(run.outcomes).words)}</span>",
            safe(run.seed),
            f"{run.seconds:.0f} s",
        )
        for place, run in enumerate(runs)
    ]
    for subject, reason in missing.items():
        why = f"<span>{safe(reason)}</span>"
        rows.append((safe(subject), badge("not run"), "", why, "", ""))
    return table("subjects", _SUBJECTS, rows)


def _about(runs: Sequence[Run]) -> str:
    if not runs:
        return ""
    return (
        "<h2>How to read this</h2>"
        "<p>A check compares one number, computed from the samples, with a bound that holds for "
        "every number of samples. The bounds are chosen so that a subject that is as it should be "
        "fails a whole run with at most the probability that the run states. “Would see” is the "
        "smallest error that the check finds with a probability of 99.9 %; an exact check finds "
        "any.</p>"
        "<p>Seeds are fresh in each run; a run with the same seed gives the same result:</p>"
        + code(runs[0].command())
    )
