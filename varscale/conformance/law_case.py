"""Carry out a case of the kind "law": draw, keep what is needed, conclude."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from varscale.conformance import checks_of_laws as laws_checked
from varscale.conformance import dependence as dependent
from varscale.conformance.cases import Case
from varscale.conformance.dependence import Dependence, Moments
from varscale.conformance.histograms import picture
from varscale.conformance.laws import Continuous, Discrete, continuous, is_short, lattices, rounded
from varscale.conformance.layers import LAYERS
from varscale.conformance.results import Finding, Outcome
from varscale.conformance.samples import Marginal, Repeats, standardized
from varscale.conformance.subject import Subject
from varscale.dtypes import COMPLEX, as_dtype, float_format
from varscale.keys import Key, key, split

__all__ = ["draw_keys", "law_case"]

Array = np.ndarray[Any, Any]


def draw_keys(seed: int, draws: int) -> list[tuple[str, Key]]:
    """The keys of a case's draws, with their names: two seeds in a row, and split keys."""
    first = seed % 2**31
    found = [(f"key({first})", key(first)), (f"key({first + 1})", key(first + 1))]
    children = split(key(first), max(draws - 2, 1))
    found += [(f"split(key({first}))[{i}]", child) for i, child in enumerate(children)]
    return found[:draws]


def law_case(subject: Subject, case: Case, seed: int, alarm: float) -> Outcome:
    """Draw and conclude.

    Args:
        subject: draws.
        case: of the kind "law".
        seed: of the keys.
        alarm: the probability of a false alarm of the case as a whole.

    Returns:
        Its outcome, "passed" or "failed". A short dtype passes where it follows JAX's lattice, or,
        where the subject does not claim JAX's bits, the rounded law.
    """
    law = continuous(case.spec, case.shape, case.dtype)
    kind, short = as_dtype(case.dtype), is_short(case.dtype)
    part = np.empty(0, kind).real.dtype if kind in COMPLEX else kind
    mantissa = float_format(part).mantissa
    spacing = 2.0**-mantissa
    marginal, angle = Marginal(law, short, spacing), Marginal(_ANGLE, False, spacing)
    placed, parts = Dependence(LAYERS[case.spec.layer].axes), [Repeats(), Repeats()]
    candidates: list[Discrete | None] = [None]
    if short:
        candidates = [*lattices(case.spec, case.shape, case.dtype)]
        if "bits" not in subject.claims:
            candidates.append(rounded(law, case.dtype))
    for name, one in draw_keys(seed, case.draws):
        drawn = subject.draw(case.spec, one, case.shape, case.dtype, case.device)
        array = subject.to_numpy(drawn)
        if array.shape != case.shape or array.dtype != kind:
            raise ValueError(
                f"{subject.name} gave {array.dtype}{list(array.shape)}, asked for "
                f"{case.dtype}{list(case.shape)}"
            )
        wide = array.astype(np.complex128 if kind in COMPLEX else np.float64)
        marginal.add(np.abs(wide) if kind in COMPLEX else array)
        if kind in COMPLEX:
            angle.add(np.angle(wide))
        for kept, of in zip(
            parts, (array.real, array.imag) if kind in COMPLEX else (array,), strict=False
        ):
            kept.add(of)
        z = standardized(law, wide)
        placed.add(np.where(np.isfinite(z), z, 0.0), name)
    if not marginal.n:
        return Outcome(case.id, "law", "failed", (laws_checked.support(marginal, None),))
    tried = [
        _conclude(marginal, angle, placed, parts, candidate, mantissa, alarm)
        for candidate in candidates
    ]
    chosen = min(range(len(tried)), key=lambda one: sum(not each.passed for each in tried[one]))
    findings, discrete = tried[chosen], candidates[chosen]
    passed = all(one.passed for one in findings)
    facts = _facts(case, findings, discrete, passed=passed)
    return Outcome(
        *(case.id, "law", "passed" if passed else "failed", tuple(findings)),
        facts=facts,
        picture=picture(marginal, discrete),
    )


#: Of a complex sample's argument.
_ANGLE = Continuous("uniform", np.pi)


def _conclude(
    kept: Marginal,
    angle: Marginal,
    placed: Dependence,
    parts: list[Repeats],
    discrete: Discrete | None,
    mantissa: int,
    alarm: float,
) -> list[Finding]:
    """All findings, each with an equal share of the alarm."""
    law = kept.law
    moments = Moments(0.0, law.moment(2), law.moment(4), law.reach)
    if discrete is not None:
        first, second, fourth = (discrete.moment(k, law) for k in (1, 2, 4))
        moments = Moments(first, second, fourth, discrete.reach(law))
    share = alarm / (14 if angle.n else 11)
    findings = [
        laws_checked.whole_law(kept, discrete, share),
        laws_checked.scale(kept, discrete, share),
        laws_checked.mean(kept, discrete, share),
        laws_checked.third_moment(kept, discrete, share),
        laws_checked.support(kept, discrete),
        dependent.slices(placed, moments, share),
        dependent.lags(placed, moments, share),
        dependent.periods(placed, moments, share),
        dependent.keys(placed, moments, share),
    ]
    if discrete is not None:
        return [*findings, laws_checked.lattice(kept, discrete, share)]
    findings += [
        laws_checked.tails(kept, share),
        laws_checked.ends(kept, share),
        laws_checked.repeats(parts[0], mantissa, share),
    ]
    if angle.n:
        found = laws_checked.whole_law(angle, None, share)
        findings.append(replace(found, check="angle"))
        findings.append(dependent.circular(placed, moments, share))
        found = laws_checked.repeats(parts[1], mantissa, share)
        findings.append(replace(found, note=f"imaginary parts: {found.note}"))
    return findings


def _facts(
    case: Case, findings: list[Finding], discrete: Discrete | None, *, passed: bool
) -> dict[str, Any]:
    scale = next(one for one in findings if one.check == "scale")
    ratio, half = 1 + scale.statistic, scale.bound
    return {
        **case.facts,
        "law": ("none" if not passed else discrete.name if discrete else "jax"),
        "scale": ratio,
        "scale_low": ratio / (1 + half),
        "scale_high": ratio / max(1 - half, 1e-9),
    }
