"""One case on the page: what was found, how to repeat it, its pictures."""

from __future__ import annotations

from varscale.conformance.report import pictures
from varscale.conformance.report.markup import badge, code, safe, table
from varscale.conformance.report.summary import number
from varscale.conformance.results import Finding, Outcome, Run

__all__ = ["FINDINGS", "case"]

#: The columns of a case's findings.
FINDINGS = ("check", "verdict", "statistic", "at most", "samples", "would see", "what")

_LAWS = {
    "jax": "the samples follow JAX&rsquo;s law",
    "rounded": "the samples are a wider dtype&rsquo;s, rounded",
    "none": "the samples do not follow JAX&rsquo;s law",
}
_TOLD = {
    "reference": "compared with",
    "equal": "equal values",
    "ulp": "largest distance, ulp",
}

_AGAINST_THE_LAW = (
    '<span class="key-bars"></span> samples, <span class="key-law"></span> the law, in standard '
    "deviations; the outermost bins have what lies beyond, too. Below, "
    '<span class="key-errors"></span> how far each bin is from the law, in standard errors '
    "(band: 3)"
)


def case(run: Run, outcome: Outcome, place: str, *, drawn: bool, unfolded: bool = False) -> str:
    """A case, to be unfolded.

    Args:
        run: it is one of.
        outcome: its result.
        place: the id of the element.
        drawn: whether with pictures.
        unfolded: whether it is to begin with.
    """
    wrong = [one for one in outcome.findings if not one.passed]
    brief = "; ".join(one.check for one in wrong)
    head = f'{badge(outcome.status)} <span class="mono">{safe(outcome.case)}</span>'
    if brief:
        head += f' <span class="soft">{safe(brief)}</span>'
    parts = [
        f"<p>{safe(outcome.reason)}</p>" if outcome.reason else "",
        _told(outcome),
        _figures(outcome) if drawn else "",
        _findings(outcome),
        f'<p class="soft">Again:</p>{code(run.command(outcome))}',
    ]
    kind = " case-failed" if outcome.bad else " case-known" if outcome.status == "known" else ""
    return (
        f'<details id="{place}" class="case{kind}"{" open" if unfolded else ""}>'
        f'<summary>{head}</summary><div class="inner">{"".join(parts)}</div></details>'
    )


def _told(outcome: Outcome) -> str:
    facts = outcome.facts
    found = [
        f"{word} {safe(_value(facts[name]))}"
        for name, word in _TOLD.items()
        if facts.get(name) not in (None, "")
    ]
    law = facts.get("law")
    if law in _LAWS:
        found.insert(0, _LAWS[law])
    return f'<p class="soft">{"; ".join(found)}</p>' if found else ""


def _value(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value)


def _findings(outcome: Outcome) -> str:
    if not outcome.findings:
        return ""
    return table("findings", FINDINGS, (_row(one) for one in outcome.findings))


def _row(finding: Finding) -> tuple[str, ...]:
    what = "; ".join(part for part in (finding.unit, finding.note) if part)
    return (
        safe(finding.check),
        badge("passed" if finding.passed else "failed"),
        number(finding.statistic),
        number(finding.bound),
        f"{finding.n}",
        number(finding.detectable),
        f"<span>{safe(what)}</span>" if what else "",
    )


def _figures(outcome: Outcome) -> str:
    found = []
    picture, facts = outcome.picture, outcome.facts
    if picture and pictures.is_drawable(picture):
        if picture.kind == "ulp":
            found.append(_figure(pictures.ulp(picture), "Distance from the reference, in ulp"))
        else:
            caption = _AGAINST_THE_LAW if picture.expected else "Samples, in standard deviations"
            found.append(_figure(pictures.histogram(picture), caption))
    if picture and picture.quantiles:
        caption = "Quantiles of the samples (up) over the law&rsquo;s (right)"
        found.append(_figure(pictures.quantiles(picture), caption, "square"))
    ends = [facts.get(name) for name in ("scale", "scale_low", "scale_high")]
    value, low, high = (float(one) if isinstance(one, int | float) else None for one in ends)
    if value is not None and low is not None and high is not None:
        said = pictures.scale_words(value, low, high)
        found.append(_figure(pictures.scale(value, low, high), f"{said[0].upper()}{said[1:]}"))
    return f'<div class="figures">{"".join(found)}</div>' if found else ""


def _figure(svg: str, caption: str, name: str = "") -> str:
    kind = f' class="{name}"' if name else ""
    return f"<figure{kind}>{svg}<figcaption>{caption}</figcaption></figure>"
