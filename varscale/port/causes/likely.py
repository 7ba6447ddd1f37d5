"""Why a twin's values are not JAX's: one hypothesis after the other, until the values bear one out.

What can be shown exactly comes first (the same values elsewhere, in another order, rounded
otherwise, from another key); what only a distribution can show comes last, and needs many values.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from varscale.dtypes import as_dtype
from varscale.initializers import Constant, Orthogonal
from varscale.port.causes import scales
from varscale.port.causes.cases import (
    Array,
    Case,
    Cases,
    Cause,
    Kind,
    digest,
    grain,
    same,
    sample,
    steps,
)
from varscale.port.causes.near_keys import another_key, drawn_by_plan, roundings
from varscale.port.causes.of_laws import changed, law, matrix
from varscale.port.causes.orders import other_order
from varscale.port.laws import fans, law_of
from varscale.port.layers import plain_axes
from varscale.port.wording import axes_of, initializer_text, number, part_text

__all__ = ["likely", "other_dtype"]

#: Values that rounding has made of others, the widest first.
_SHORTER = ("float16", "bfloat16")
#: Roundings of the same draw differ by at most so many representable values.
_ROUNDING = 2
#: Fewer values in the same order may be chance: 1 in 8!.
_IN_ORDER = 8


def likely(case: Case, cases: Cases) -> Cause:
    """The likely cause of a difference; "unknown" is an answer."""
    return (
        _not_finite(case)
        or other_dtype(case)
        or _constant(case, cases)
        or _rounded(case, cases)
        or _elsewhere(case, cases)
        or _partly(case)
        or _same_bits(case, cases)
        or another_key(case, cases)
        or changed(case)
        or matrix(case)
        or law(case, cases)
    )


def other_dtype(case: Case) -> Cause | None:
    """Where the dtypes differ, and rounded to the shorter of both nothing else does."""
    have, want = case.alike
    if case.have.dtype == case.want.dtype or not same(have, want).all():
        return None
    return Cause("dtype", _rounded_to(case))


def _not_finite(case: Case) -> Cause | None:
    for values, whose in ((case.have, "the twin's"), (case.want, "JAX's")):
        bad = int(values.size - np.isfinite(values).sum())
        if bad:
            which = "all" if bad == values.size else f"{bad} of {values.size}"
            never = ": never initialised" if bad == values.size and whose != "JAX's" else ""
            return Cause("not finite", f"{which} of {whose} values are NaN or infinite{never}")
    return None


def _constant(case: Case, cases: Cases) -> Cause | None:
    """Where one side is one value throughout, only that can be said."""
    (have_is, have), (want_is, want) = map(_one_value, (case.have, case.want))
    if have_is and want_is:
        return Cause("constant", f"all values are {number(have)}, JAX's {number(want)}")
    if have_is and case.have.size > 1:
        said = ": never initialised, or by a constant" if have == 0 else ""
        return Cause("constant", f"all values are {number(have)}, JAX's are not constant{said}")
    if want_is and case.want.size > 1:
        largest = float(np.abs(sample(case.have)).max())
        said = f"JAX has {number(want)} throughout, the twin values up to {number(largest)}"
        limit = _bias_limit(case, cases)
        if not isinstance(case.row.init, Constant):
            said += f"; the plan draws {initializer_text(case.row.init)}: say it in init"
        elif limit and limit / 2 < largest <= limit and np.count_nonzero(case.have) > 3:
            said += f", all within 1/sqrt(fan_in) = {number(limit)}, as torch's own biases"
        return Cause("constant", said)
    return None


def _bias_limit(case: Case, cases: Cases) -> float | None:
    """What torch draws biases below: 1/sqrt(fan_in) of the module's weight."""
    owner = case.row.to.rpartition(".")[0]
    for other in cases.each:
        found = fans(other.row.init, other.drawn)
        if other.row.to.rpartition(".")[0] == owner and found and found[0]:
            return 1 / math.sqrt(found[0])
    return None


def _rounded(case: Case, cases: Cases) -> Cause | None:
    have, want = case.have, case.want
    if "c" in (have.dtype.kind, want.dtype.kind):
        return None
    if have.dtype.itemsize > 2:
        for name in _SHORTER:
            short = as_dtype(name)
            if same(_as(have, short), _as(want, short)).all() and _is_short(have, short):
                return Cause(
                    "rounded",
                    f"JAX's {want.dtype} values rounded to {name}; JAX draws others where "
                    f"param_dtype is {name}",
                )
    apart = steps(have, want)
    if apart is not None and apart <= _ROUNDING:
        wrong = int(have.size - same(have, want).sum())
        said = f"{wrong} of {have.size} values differ, by {apart} ulp at most: another rounding"
        for values, whose in ((want, "JAX's"), (have, "the twin's")):
            found = roundings(case, cases, values)
            if 0 < len(found) < 3:
                said += f"; {whose} is that of compiled={' or '.join(found)}"
        return Cause("rounding", said)
    if isinstance(case.row.init, Orthogonal):
        off = float(np.abs(have.astype(float) - want.astype(float)).max())
        if off <= 1e-5 * abs(case.row.init.scale):
            said = "another QR decomposition; with SciPy installed it is JAX's"
            return Cause("rounding", f"no value is further off than {off:.2g}: {said}")
    return None


def _elsewhere(case: Case, cases: Cases) -> Cause | None:
    """The same values in another order, or those of another row."""
    have, want = case.alike
    found = cases.by_digest.get(digest(have), [])
    if case in found:
        order = other_order(have, want, _letters(case))
        return Cause("order", f"JAX's values with {order}")
    for other in found:
        order, its = None, other.alike[1]
        if have.shape != its.shape or not same(have, its).all():
            order = other_order(have, its, _letters(other))
            if order is None:
                continue
        stack = f"[{', '.join(map(str, other.row.stack))}]" if other.row.stack else ""
        text = f"holds JAX's {other.row.path}{stack}, where {case.row.path} is meant"
        text += f" (with {order})" if order else ""
        if other.row.to == case.row.to:
            mine, theirs = (part_text(one.row.index) for one in (case, other))
            text += f": the parts are in another order, {mine} has what {theirs} should have"
            return Cause("parts", text)
        return Cause("swapped", text + f": swapped with {other.row.to}, or named otherwise in JAX")
    return None


def _partly(case: Case) -> Cause | None:
    """Most values are equal: where are the others?"""
    have, want = case.alike
    if have.dtype != want.dtype or have.size < 2:
        return None
    wrong = ~same(have, want)
    count = int(wrong.sum())
    if count > wrong.size // 2:
        return None
    at = []
    for axis, name in enumerate(_letters(case)):
        others = tuple(one for one in range(wrong.ndim) if one != axis)
        entries = np.flatnonzero(wrong.any(axis=others))
        if entries.size < wrong.shape[axis]:
            shown = ", ".join(map(str, entries[:5])) + (", ..." if entries.size > 5 else "")
            at.append(f"{name} {shown}")
    where = f", all at {'; '.join(at)}" if at else ""
    zero = "; they are 0 in the twin" if not case.have[wrong].any() else ""
    rounded = f"; the others are {_rounded_to(case)}" if case.have.dtype != case.want.dtype else ""
    return Cause("partly", f"{count} of {wrong.size} values differ{where}{zero}{rounded}")


def _same_bits(case: Case, cases: Cases) -> Cause | None:
    """Where the values rise together: the same random bits, scaled or distributed otherwise."""
    if case.have.size < _IN_ORDER or "c" in (case.have.dtype.kind, case.want.dtype.kind):
        return None
    have, want = (values.astype(np.float64).reshape(-1) for values in (case.have, case.want))
    first = want[:1000][np.argsort(have[:1000], kind="stable")]
    slack = 1e-2 * np.abs(first).max()
    rising, falling = np.diff(first).min() >= -slack, np.diff(first).max() <= slack
    if np.unique(first).size < _IN_ORDER or not (rising or falling):
        return None
    # A product is rounded in relation to itself, a bit before it by as much at every value.
    step = max(grain(values.dtype) for values in (case.have, case.want))
    factor = float(have @ want / (want @ want))
    slack = 4e-6 * np.abs(have).max() + 2 * step * np.abs(have)
    if (np.abs(have - factor * want) <= slack).all():
        kind: Kind = "scaled"
        said = f"every value is {factor:.5g} times JAX's"
        known = [one for one in scales.guesses(case, cases.plan) if one.mistakes == 1]
        drawn = law_of(case.row.init, case.drawn)
        for one in known:
            if drawn and one.law.family == drawn.family:
                ratio = one.law.scale / drawn.scale
                if abs(factor / ratio - 1) < 1e-5 + 4 * step:
                    kind, said = one.kind, f"{said}: {one.said}"
                    break
    else:
        in_order = np.diff(want[np.argsort(have, kind="stable")])
        if in_order.min() < -(4e-6 + 4 * step) * np.abs(want).max():
            return None
        kind, said = "distribution", "drawn from JAX's random bits with another distribution"
    said += "; key and layout are right"
    for values, whose in ((case.have, "JAX's model"), (case.want, "the twin")):
        if drawn_by_plan(case, cases, values):
            text = initializer_text(case.row.init)
            said += f". The plan's {text} is not what {whose} has"
    return Cause(kind, said)


def _one_value(values: Array) -> tuple[bool, float]:
    first = values.reshape(-1)[0]
    return bool((values == first).all()), float(np.real(first))


def _letters(case: Case) -> str:
    axes = axes_of(case.row)
    return axes[0] if axes else plain_axes(case.want.ndim)


def _rounded_to(case: Case) -> str:
    return (
        f"equal after rounding to {case.alike[0].dtype} (the twin's are {case.have.dtype}, "
        f"JAX's {case.want.dtype})"
    )


def _as(values: Array, dtype: np.dtype[Any]) -> Array:
    with np.errstate(all="ignore"):
        return values.astype(dtype)


def _is_short(values: Array, dtype: np.dtype[Any]) -> bool:
    return bool((_as(values, dtype).astype(np.float64) == values.astype(np.float64)).all())
