"""Carry out a case of the kind "bits": compare a draw with JAX's own, bit by bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from varscale.conformance.cases import Case
from varscale.conformance.law_case import draw_keys
from varscale.conformance.reference import native, native_form, recorded
from varscale.conformance.results import Finding, Outcome, Picture
from varscale.conformance.subject import NotOffered, Subject

__all__ = ["bits_case", "distances", "vectors_case"]

Array = np.ndarray[Any, Any]

#: Edges of the histogram of distances, in representable values.
_EDGES = (0, 1, 2, 3, 4, 8, 16, 256, 2**62)
#: More than this apart: not the same value rounded otherwise, but another.
_FAR = 2**62


def bits_case(subject: Subject, case: Case, seed: int) -> Outcome:
    """Compare a draw with that of the installed JAX, eager or under `jax.jit`."""
    compiled = case.what == "jit"
    form = native_form(compiled=compiled)
    _, key = draw_keys(seed, 1)[0]
    spec = replace(case.spec, compiled=form)
    want = native(spec, key, case.shape, case.dtype, compiled=compiled)
    got = subject.to_numpy(subject.draw(spec, key, case.shape, case.dtype, case.device))
    finding, away = _compare(got, want)
    facts = {
        **case.facts,
        "reference": f"JAX, {case.what}",
        "equal": float((away == 0).mean()) if away.size else 1.0,
        "ulp": int(away.max()) if away.size else 0,
    }
    counts = tuple(int(one) for one in np.histogram(away, _EDGES)[0])
    shown = Picture("ulp", tuple(map(float, _EDGES)), counts)
    return Outcome(
        *(case.id, "bits", "passed" if finding.passed else "failed", (finding,)),
        facts=facts,
        picture=shown,
    )


def vectors_case(subject: Subject, case: Case) -> Outcome:
    """Compare draws with what was recorded of JAX; draws that are not offered are counted."""
    same = differ = left = 0
    note = ""
    for spec, key, shape, dtype, want in recorded(case.what):
        try:
            got = subject.to_numpy(subject.draw(spec, key, shape, dtype, case.device))
        except NotOffered:
            left += 1
            continue
        finding, _ = _compare(got, want)
        same, differ = same + finding.passed, differ + (not finding.passed)
        if not finding.passed and not note:
            note = f"; the first: {spec.name} of {dtype}: {finding.note}"
    if not same + differ:
        return Outcome(case.id, "bits", "not run", reason="none of the recorded draws is offered")
    text = f"{same} of {same + differ} recorded draws are identical, {left} not offered{note}"
    found = Finding("bits", not differ, same + differ, differ, 0.0, unit="draws", note=text)
    facts = {"reference": case.what, "device": case.device, "equal": same / (same + differ)}
    return Outcome(case.id, "bits", "failed" if differ else "passed", (found,), facts=facts)


def _compare(got: Array, want: Array) -> tuple[Finding, Array]:
    if got.shape != want.shape or got.dtype != want.dtype:
        text = f"{got.dtype}{list(got.shape)}, JAX gives {want.dtype}{list(want.shape)}"
        return Finding("bits", False, want.size, np.inf, 0.0, unit="values", note=text), np.zeros(0)
    away = distances(got, want)
    differ = int((away != 0).sum())
    note = "identical"
    if differ:
        farthest = int(away.max())
        far = "another value" if farthest >= _FAR else f"up to {farthest} ulp"
        note = f"{differ} of {away.size} values differ, {far}"
    return Finding("bits", not differ, away.size, differ, 0.0, unit="values", note=note), away


def distances(got: Array, want: Array) -> Array:
    """How many representable values lie between two arrays; NaN is at 0 from NaN alone.

    0.0 and -0.0 are two values here, one apart. A complex number counts by its farther part.

    Example:
        >>> distances(np.float32([1.0, 0.0]), np.float32([1.0000001, -0.0]))
        array([1, 1])
    """
    if got.dtype.kind == "c":
        parts = (distances(got.real, want.real), distances(got.imag, want.imag))
        return np.asarray(np.maximum(*parts))
    ordered = []
    for values in (got, want):
        patterns = np.ascontiguousarray(values).view(f"i{values.itemsize}").astype(np.int64)
        top = np.int64(-(2 ** (8 * values.itemsize - 1)))
        ordered.append(np.where(patterns < 0, top - patterns - 1, patterns))
    first, second = ordered
    # As unsigned numbers: two float64 may be farther apart than an int64 says.
    apart = np.maximum(first, second).astype(np.uint64) - np.minimum(first, second).astype(
        np.uint64
    )
    away = np.minimum(apart, np.uint64(_FAR)).astype(np.int64)
    nan = [np.isnan(_wide(values)) for values in (got, want)]
    away = np.where(nan[0] != nan[1], np.int64(_FAR), away)
    return np.where(nan[0] & nan[1], np.int64(0), away)


def _wide(values: Array) -> Array:
    with np.errstate(all="ignore"):
        return values.astype(np.float64)
