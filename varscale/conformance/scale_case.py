"""Carry out a case of the kind "scale": how the scale follows the fans, without sampling.

Under one key, two shapes of as many elements have the same random numbers in most libraries: the
quotient of two draws is the quotient of their scales, exact but for rounding. A fan of 65 where 64
is meant, which would need millions of samples, shows at once.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from varscale.conformance.cases import Case
from varscale.conformance.law_case import draw_keys
from varscale.conformance.results import Finding, Outcome
from varscale.conformance.subject import NotOffered, Subject

__all__ = ["scale_case"]

#: Layers and shapes of as many elements as the case's, with fans one apart from round numbers.
_OTHERS = (
    *(("dense", shape) for shape in ((66, 64), (33, 128), (4, 1056))),
    ("conv1d", (2, 33, 64)),
    ("conv", (3, 2, 11, 64)),
)
#: Relative error of a quotient of two rounded products, and of two rounded standard deviations.
_ROUNDING = 2.0**-19


def scale_case(subject: Subject, case: Case, seed: int) -> Outcome:
    """Compare the quotients of draws with those of JAX's scales."""
    _, key = draw_keys(seed, 1)[0]

    def drawn(layer: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
        spec = replace(case.spec, layer=layer)
        array = subject.to_numpy(subject.draw(spec, key, shape, case.dtype, case.device))
        # In order of size: frameworks fill their own layouts, and so other places first.
        return np.sort(array.astype(np.float64).reshape(-1))

    base = drawn(case.spec.layer, case.shape)
    worst, note, read = 0.0, "", 0
    for layer, shape in _OTHERS:
        try:
            other = drawn(layer, shape)
        except NotOffered:
            continue
        quotients = other[base != 0] / base[base != 0]
        middle = float(np.median(quotients))
        if not np.abs(quotients / middle - 1).max() <= 2 * _ROUNDING:
            continue  # other random numbers
        read += 1
        variances = case.spec.variance(shape), case.spec.variance(case.shape)
        error = middle / math.sqrt(variances[0] / variances[1]) - 1
        if abs(error) > abs(worst):
            worst, note = error, f"largest from {case.shape} to {shape}"
    if not read:
        reason = "not readable: draws of two shapes have other random numbers under the same key"
        return Outcome(case.id, "scale", "not run", reason=reason)
    passed = abs(worst) <= _ROUNDING
    text = f"{read} of {len(_OTHERS)} shapes readable" + (f"; {note}" if note else "")
    found = Finding(
        *("fans", passed, read, worst, _ROUNDING),
        unit="relative error of the scales' quotient",
        note=text,
    )
    return Outcome(case.id, "scale", "passed" if passed else "failed", (found,), facts=case.facts)
