"""Laws that a parameter may have been drawn from by mistake, and which of them its values fit.

The mistakes are those that are made when a JAX model is ported by hand: another fan, the truncation
forgotten, the framework's own default. A claim needs values: the likelihood must tell it from every
other guess, and the values must fit it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from varscale.distributions import TRUNCATED_STDDEV
from varscale.initializers import VarianceScaling
from varscale.port.causes.cases import Array, Case, Kind, grain, sample
from varscale.port.laws import Family, Law, Scaling, fans, law_of
from varscale.port.plan import Plan
from varscale.port.wording import axes_of

__all__ = ["LEAST", "Guess", "best", "fits", "guesses", "rivals", "spread_text"]

#: Fewer values do not tell laws from each other.
LEAST = 200
#: How much likelier (as a logarithm) the best guess must be than the others; and how much less
#: likely a guess is of one mistake, and of two, which between them can explain nearly any scale.
_MARGIN, _MISTAKES = 7.0, (0.0, 3.0, 15.0)
#: Standard errors of a standard deviation within which it fits; the chance of a false alarm of
#: Kolmogorov's distance, by the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart; and
#: standard errors of a kurtosis, which is skewed: in 400,000 draws of 200 normals 10.3 at most.
_ERRORS, _CHANCE, _KURTOSIS_ERRORS = 5.0, 1e-6, 12.0


@dataclass(frozen=True, slots=True)
class Guess:
    """A law and the mistakes that lead to it.

    Attributes:
        law: the law.
        kind: see `varscale.port.causes.cases.Kind`; "key" for JAX's own law.
        said: the mistakes.
        mistakes: how many.
    """

    law: Law
    kind: Kind
    said: str
    mistakes: int


def guesses(case: Case, plan: Plan) -> list[Guess]:
    """JAX's law, and what is made of it by mistake; none where the law is not known."""
    law = law_of(case.row.init, case.drawn)
    if law is None or not 0 < law.stddev < math.inf:
        return []
    found = []
    for scale_kind, scale_said, stddev in _scales(case, plan, law):
        for family_kind, family_said, family, factor in _families(case, law):
            said = ", ".join(one for one in (scale_said, family_said) if one)
            kind: Kind = scale_kind if scale_said else family_kind
            wrong = bool(scale_said) + bool(family_said)
            guess = Guess(Law.of_stddev(family, stddev * factor), kind, said, wrong)
            found.append(guess)
    return [*found, *_defaults(case)]


def best(values: Array, among: list[Guess]) -> list[Guess]:
    """The guess that the values fit, with others of the very same law; none, where none does."""
    top = _ranked(values, among)
    if not top or not all(_equal(one.law, top[0].law) for one in top):
        return []
    return [one for one in top if one.mistakes == min(each.mistakes for each in top)]


def rivals(values: Array, among: list[Guess]) -> list[Guess]:
    """Guesses that the values cannot tell from each other, one for each law, the best first."""
    found: list[Guess] = []
    for one in _ranked(values, among):
        if not any(_equal(one.law, other.law) for other in found):
            found.append(one)
    return found if len(found) > 1 else []


def _ranked(values: Array, among: list[Guess]) -> list[Guess]:
    """The likeliest guesses, the best first; none, where the values do not fit that one."""
    if values.size < LEAST or not among:
        return []
    scores = [
        one.law.log_likelihood(_inside(values, one.law)) - _MISTAKES[one.mistakes] for one in among
    ]
    order = sorted(range(len(among)), key=lambda i: -scores[i])
    if not math.isfinite(scores[order[0]]) or not fits(values, among[order[0]].law):
        return []
    first = among[order[0]].law
    return [
        among[i]
        for i in order
        if scores[i] > scores[order[0]] - _MARGIN or _equal(among[i].law, first)
    ]


def fits(values: Array, law: Law) -> bool:
    """Whether the values may be of this law, as their dtype rounds it."""
    step, values = grain(values.dtype), _inside(values, law)
    if values.size < 2 or np.abs(values).max() > law.bound * (1 + 1e-3):
        return False
    # No law here has heavier tails than the normal, which a distance of distributions hardly sees.
    if _kurtosis(values) > 3 + _KURTOSIS_ERRORS * math.sqrt(24 / values.size):
        return False
    apart = abs(values.std() / law.stddev - 1)
    limit = math.sqrt(math.log(2 / _CHANCE) / (2 * values.size))
    near = apart <= _ERRORS * _error(values) + step
    return bool(near and law.distance(values) <= limit + step)


def _inside(values: Array, law: Law) -> Array:
    """A sample of them; those that their dtype has rounded beyond the law's bound are at it."""
    step, values = grain(values.dtype), sample(values)
    beyond = np.abs(values).max(initial=0.0) > law.bound * (1 + step)
    return values if beyond else np.clip(values, -law.bound, law.bound)


def spread_text(values: Array, law: Law, whose: str = "JAX's") -> str:
    """The standard deviation against a law's, with its error."""
    values = sample(values)
    spread = float(values.std())
    return (
        f"std {spread:.4g} is {spread / law.stddev:.4g} times {whose} {law.stddev:.4g} "
        f"(n = {values.size}, +-{2 * _error(values):.1%})"
    )


def _error(values: Array) -> float:
    """Relative standard error of the standard deviation, from the fourth moment."""
    return math.sqrt(max(_kurtosis(values) - 1, 0.1) / (4 * values.size))


def _kurtosis(values: Array) -> float:
    centred = np.square(values - values.mean())
    return float(np.square(centred).mean() / max(centred.mean() ** 2, 1e-300))


def _equal(one: Law, other: Law) -> bool:
    return one.family == other.family and math.isclose(one.scale, other.scale, rel_tol=1e-6)


def _families(case: Case, law: Law) -> Iterator[tuple[Kind, str, Family, float]]:
    """JAX's family and the wrong ones, with what they make of the standard deviation."""
    c = TRUNCATED_STDDEV
    yield "key", "", law.family, 1.0
    if law.family == "truncated":
        corrected = isinstance(case.row.init, Scaling)
        no = "no truncation, as of torch's trunc_normal_, whose bounds are absolute"
        if corrected:
            yield "truncation", no, "normal", 1.0
            yield "truncation", f"the truncation is not corrected for (x{c:.4f})", "truncated", c
            yield (
                "truncation",
                f"the correction is made (x{1 / c:.4f}), but no truncation",
                "normal",
                1 / c,
            )
            yield "truncation", f"the correction is made twice (x{1 / c:.4f})", "truncated", 1 / c
        else:
            yield "truncation", no, "normal", 1 / c
            said = f"the truncation is corrected for (x{1 / c:.4f}), which JAX does not do here"
            yield "truncation", said, "truncated", 1 / c
    elif law.family == "normal":
        yield "truncation", "truncated and corrected, which JAX does not do here", "truncated", 1.0
        yield "truncation", "truncated, which JAX does not do here", "truncated", c
    if law.family in ("truncated", "normal"):
        yield "distribution", "uniform where JAX has a normal distribution", "uniform", 1.0
    if law.family == "uniform":
        yield "distribution", "normal where JAX has a uniform distribution", "normal", 1.0
        yield "distribution", "truncated normal where JAX has a uniform one", "truncated", 1.0
        said = "the limit is the standard deviation, without sqrt(3)"
        yield "distribution", said, "uniform", 1 / math.sqrt(3)
    if law.family == "positive":
        yield "distribution", "centred, where JAX has [0, scale)", "uniform", 2.0


def _scales(case: Case, plan: Plan, law: Law) -> Iterator[tuple[Kind, str, float]]:
    """JAX's standard deviation, and the wrong ones."""
    true, init = law.stddev, case.row.init
    yield "key", "", true
    found = fans(init, case.drawn)
    if isinstance(init, Scaling) and found and all(found):
        fan_in, fan_out = found

        def of(fan_in: float, fan_out: float, mode: str = init.mode) -> float:
            return math.sqrt(init.scale / _mean(fan_in, fan_out, mode))

        axes = axes_of(case.row)
        transposed = axes is not None and axes[0].startswith("IO") and len(axes[0]) > 2
        for mode in ("fan_in", "fan_out", "fan_avg"):
            said = f"{mode} ({_mean(fan_in, fan_out, mode):g}) where JAX has {init.mode}"
            if transposed and mode != "fan_avg":
                said = f"torch's fans of a transposed convolution, in and out exchanged: {said}"
            if not math.isclose(of(fan_in, fan_out, mode), true):
                yield "fans", said, of(fan_in, fan_out, mode)
        area = _area(case, fan_in)
        if area > 1:
            said = f"the fans are without the kernel's area of {area:g}"
            yield "area", said, true * math.sqrt(area)
        sizes = [math.prod(row.where.extent) for row in plan.by_name[case.row.to]]
        packed = sum(sizes) / math.prod(case.row.where.extent)
        if packed > 1 and not math.isclose(of(fan_in, fan_out * packed), true):
            said = f"the fans are those of the whole packed {case.row.to.rpartition('.')[2]}"
            yield "packed", f"{said}, fan_out x{packed:g}", of(fan_in, fan_out * packed)
        if case.row.shape != case.drawn and len(case.row.shape) > 2:
            known = fans(VarianceScaling(init.scale, init.mode, init.distribution), case.row.shape)
            if known and not math.isclose(of(*known), true):
                yield "fans", f"the kernel {case.row.shape} is read as a convolution's", of(*known)
    yield "gain", "a gain of sqrt(2) (he) that JAX has not", true * math.sqrt(2)
    yield "gain", "a gain of sqrt(2) (he) is missing", true / math.sqrt(2)
    yield "variance", "the variance is taken for the standard deviation", true * true


def _mean(fan_in: float, fan_out: float, mode: str) -> float:
    """The number that a mode divides by."""
    means = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    return means.get(mode, math.sqrt(fan_in * fan_out))


def _area(case: Case, fan_in: float) -> float:
    """The receptive field: what fan_in is more than the number of inputs."""
    param = case.row.param
    if param is None or "I" not in param.axes:
        return 1.0
    return fan_in / param.drawn_shape[param.axes.index("I")]


def _defaults(case: Case) -> Iterator[Guess]:
    """What frameworks draw when nobody says anything."""
    lecun = VarianceScaling(1.0, "fan_in", "truncated_normal")
    found = fans(lecun, case.drawn) if len(case.drawn) > 1 else None
    if found is None or not all(found):
        return
    fan_in, fan_out = found
    said = "torch's own default, U(+-1/sqrt({})): never initialised"
    yield Guess(Law("uniform", fan_in**-0.5), "default", said.format("fan_in"), 1)
    if fan_out != fan_in:
        yield Guess(Law("uniform", fan_out**-0.5), "default", said.format("fan_out"), 2)
    yield Guess(Law("normal", 1.0), "default", "N(0, 1), torch's own default of embeddings", 1)
    glorot = math.sqrt(2 / (fan_in + fan_out))
    law = Law.of_stddev("uniform", glorot)
    yield Guess(law, "default", "glorot_uniform, Keras' own default", 2)
    law = Law.of_stddev("truncated", math.sqrt(1 / fan_in))
    yield Guess(law, "init", "lecun_normal, Flax's own default", 2)
