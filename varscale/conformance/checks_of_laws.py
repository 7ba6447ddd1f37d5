"""Whether samples follow a law: the whole law, each value of it, its scale, mean, skew, support.

Every function takes what `samples.Marginal` kept, and the alarm that it may spend; see
docs/conformance-statistics.md for the derivations, and `bounds` for the inequalities.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from varscale.conformance.bounds import (
    POWER,
    bernstein,
    binomial_range,
    chi_square_range,
    detectable_scale,
    dkw,
    hoeffding,
    seen_count,
)
from varscale.conformance.laws import Continuous, Discrete
from varscale.conformance.results import Finding
from varscale.conformance.samples import BINS, Marginal, Repeats

__all__ = [
    "ends",
    "lattice",
    "mean",
    "repeats",
    "scale",
    "support",
    "tails",
    "third_moment",
    "whole_law",
]

Array = np.ndarray[Any, Any]

_MISS = 1 - POWER
#: A float32 or float64 law is a lattice of at least 2**23 points: its distribution function and
#: its moments differ from the continuous ones by less than this.
_LATTICE = 2.0**-20
#: A value of a short dtype is a cell of its own where this many samples are expected of it.
_EXPECTED = 200.0


def whole_law(kept: Marginal, discrete: Discrete | None, alarm: float) -> Finding:
    """The distance between the distribution functions of the samples and of the law.

    Bound: Dvoretzky, Kiefer, Wolfowitz, Massart. For wide dtypes the supremum is taken over the
    65535 edges of bins of equal probability, which can only make it smaller, by at most 2**-16.
    """
    if discrete is None:
        reached = np.cumsum(kept.bins)[:-1] / kept.n
        away = np.abs(reached - np.arange(1, BINS) / BINS)
        at = float(kept.law.ppf(np.array((int(away.argmax()) + 1) / BINS)))
        distance, slack, coarse = float(away.max()), _LATTICE, 1 / BINS
    else:
        distance, at = _distance(kept, discrete)
        slack = coarse = 0.0
    bound = dkw(kept.n, alarm) + slack
    return Finding(
        *("whole law", distance <= bound and not kept.bad, kept.n, distance, bound, alarm),
        bound + hoeffding(kept.n) + coarse,
        "probability",
        f"largest at {at:.6g}" + (f"; {kept.bad} infinite or NaN" if kept.bad else ""),
    )


def _distance(kept: Marginal, law: Discrete) -> tuple[float, float]:
    """Kolmogorov's distance between two step functions, and where it is."""
    values, counts = kept.counted
    every = np.union1d(values, law.values)
    of_samples = np.zeros(every.size)
    of_samples[np.searchsorted(every, values)] = counts / kept.n
    of_law = np.zeros(every.size)
    of_law[np.searchsorted(every, law.values)] = law.probabilities
    away = np.abs(np.cumsum(of_samples - of_law))
    return float(away.max()), float(every[away.argmax()])


def lattice(kept: Marginal, law: Discrete, alarm: float) -> Finding:
    """The count of each value of a short dtype, or of neighbours together where few are expected.

    Each count is binomial: exact for every n, the alarm divided over the cells. Pearson's statistic
    would be compared with a law that it has for large n only, far in the tail.
    """
    cell_of, probabilities = _cells(law, kept.n)
    values, counts = kept.counted
    edges = (law.values[1:] + law.values[:-1]) / 2
    nearest = np.searchsorted(edges, values)
    exact = law.values[nearest] == values
    # JAX's lattice has no other values; a rounded law has neighbours too rare to be listed.
    strays = int(counts[~exact].sum()) if law.name == "jax" else 0
    found = np.zeros(probabilities.size, np.int64)
    np.add.at(found, cell_of[nearest], counts)
    low, high = binomial_range(kept.n, probabilities, alarm / probabilities.size)
    expected = kept.n * probabilities
    half = np.maximum(np.maximum(high - expected, expected - low), 1.0)
    away = np.abs(found - expected) / half
    passed = strays == 0 and bool(((low <= found) & (found <= high)).all())
    at, worst = int(away.argmax()), float(away.max())
    smallest = float((seen_count(high) / expected - 1).min())
    where = law.values[np.flatnonzero(cell_of == at)[0]]
    note = f"{probabilities.size} cells; largest at {where:.6g}"
    return Finding(
        *("lattice", passed, kept.n, worst, 1.0, alarm, smallest),
        "of a cell's allowed deviation; detectable: of its probability",
        note + (f"; {strays} samples are none of the law's values" if strays else ""),
    )


def _cells(law: Discrete, n: int) -> tuple[Array, Array]:
    """The cell of each value, and the cells' probabilities: neighbours until it is enough."""
    need = min(_EXPECTED / n, 0.5)
    cell_of: list[int] = []
    sums: list[float] = []
    total = 0.0
    for probability in law.probabilities.tolist():
        cell_of.append(len(sums))
        total += probability
        if total >= need:
            sums.append(total)
            total = 0.0
    if total and sums:
        cell_of = [min(cell, len(sums) - 1) for cell in cell_of]
        sums[-1] += total
    elif total:
        sums.append(total)
    return np.array(cell_of), np.array(sums)


def tails(kept: Marginal, alarm: float) -> Finding:
    """The counts of the outermost 1/4, 1/8, ... of a wide dtype's law, on either side.

    The whole law's distance says little of tails: a law that has a fifth too few samples beyond
    three standard deviations is off by 0.0003 there. The counts are binomial, exactly.
    """
    levels = np.array([k for k in range(2, 17) if kept.n * 2.0**-k >= _EXPECTED])
    share = alarm / max(2 * levels.size, 1)
    low, high = binomial_range(kept.n, 2.0**-levels, share)
    room = kept.n * _LATTICE
    reached = np.cumsum(kept.bins)
    below = reached[(BINS >> levels) - 1]
    above = kept.n - reached[BINS - (BINS >> levels) - 1]
    expected = kept.n * 2.0**-levels
    half = np.maximum(high - expected, expected - low) + room
    away = np.stack([below - expected, above - expected]) / half
    passed = bool(((low - room <= below) & (below <= high + room)).all())
    passed &= bool(((low - room <= above) & (above <= high + room)).all())
    side, at = np.unravel_index(int(np.abs(away).argmax()), away.shape)
    seen = float((seen_count(high + room) / expected - 1).min())
    end = float(kept.law.ppf(np.array(2.0 ** -levels[at] if side == 0 else 1 - 2.0 ** -levels[at])))
    return Finding(
        *("tails", passed, kept.n, float(away[side, at]), 1.0, alarm, seen),
        "of a tail's allowed deviation; detectable: of the largest tail's probability",
        f"largest {'below' if side == 0 else 'above'} {end:.6g}",
    )


def scale(kept: Marginal, discrete: Discrete | None, alarm: float) -> Finding:
    """The standard deviation of the samples over the law's.

    Bound on the mean square: of normal samples of a wide dtype its exact law, chi-square; else
    Bernstein's inequality with the exact second and fourth moments.
    """
    second, fourth, reach = _moments(kept.law, discrete, 2, 4)
    ratio = kept.moment(2) / second
    if kept.law.shape == "normal" and discrete is None:
        low, high = chi_square_range(kept.n, alarm)
        low, high = low - _LATTICE, high + _LATTICE
        below = 1 - chi_square_range(kept.n, 2 * _MISS)[0]
    else:
        spread = max(fourth / second**2 - 1, 0.0)
        above = max(reach**2 / second - 1, 0.0)
        high = 1 + bernstein(kept.n, spread, above, alarm / 2) + _LATTICE
        low = 1 - bernstein(kept.n, spread, 1.0, alarm / 2) - _LATTICE
        below = bernstein(kept.n, spread, 1.0, _MISS)
    passed = low <= ratio <= high
    return Finding(
        *("scale", passed, kept.n, math.sqrt(ratio) - 1, math.sqrt(high) - 1, alarm),
        detectable_scale(high - 1, below),
        "relative error of the standard deviation",
        "" if passed else f"{math.sqrt(ratio):.5f} times the standard deviation of JAX's law",
    )


def mean(kept: Marginal, discrete: Discrete | None, alarm: float) -> Finding:
    """The mean of the samples, in standard deviations of the law."""
    return _odd(kept, discrete, alarm, 1, "mean")


def third_moment(kept: Marginal, discrete: Discrete | None, alarm: float) -> Finding:
    """The third moment about the law's middle, in its standard deviation cubed."""
    return _odd(kept, discrete, alarm, 3, "third moment")


def _odd(kept: Marginal, discrete: Discrete | None, alarm: float, k: int, name: str) -> Finding:
    first, square, reach = _moments(kept.law, discrete, k, 2 * k)
    second = _moments(kept.law, discrete, 2, 2)[0]
    unit = second ** (k / 2)
    variance = max(square - first**2, 0.0) / unit**2
    far = (reach**k + abs(first)) / unit
    bound = bernstein(kept.n, variance, far, alarm / 2) + _LATTICE * far
    statistic = (kept.moment(k) - first) / unit
    return Finding(
        *(name, abs(statistic) <= bound, kept.n, statistic, bound, alarm),
        bound + bernstein(kept.n, variance, far, _MISS),
        "standard deviations" if k == 1 else "standard deviations cubed",
    )


def support(kept: Marginal, discrete: Discrete | None) -> Finding:
    """No sample outside the law's support, none infinite, none NaN; exact, never a false alarm."""
    low, high = kept.law.support
    if discrete is not None and math.isfinite(high):
        low = min(low, float(discrete.values[0]))
        high = max(high, float(discrete.values[-1]))
    room = 4 * kept.spacing * max(abs(low), abs(high)) if math.isfinite(high) else 0.0
    inside = low - room <= kept.low and kept.high <= high + room
    unit = kept.law.unit or 1.0
    out = max(kept.high - kept.law.location, kept.law.location - kept.low) / unit
    note = f"from {kept.low:.6g} to {kept.high:.6g}; allowed from {low:.6g} to {high:.6g}"
    return Finding(
        *("support", inside and not kept.bad, kept.n + kept.bad, out, kept.law.reach),
        unit="units of the law",
        note=note + (f"; {kept.bad} infinite or NaN" if kept.bad else ""),
    )


def ends(kept: Marginal, alarm: float) -> Finding:
    """How many samples lie at an end of the support: next to none, where nothing was clipped.

    Their probability is below 2**-19 for a lattice of at least 2**23 points, two ends and four
    spacings each; the bound is binomial.
    """
    if not math.isfinite(kept.law.support[1]):
        return Finding("ends", True, kept.n, 0.0, 0.0, note="the law has no ends")
    high = float(binomial_range(kept.n, 2.0**-19, 2 * alarm)[1])
    seen = float(seen_count(high))
    return Finding(
        *("ends", kept.at_ends <= high, kept.n, kept.at_ends / kept.n, high / kept.n, alarm),
        seen / kept.n,
        "fraction of the samples",
    )


def repeats(kept: Repeats, mantissa: int, alarm: float) -> Finding:
    """How many samples have a value that came before: more than the dtype's lattice gives?

    After i samples, the next one repeats a value with a probability of at most
    i * 2**(1 - mantissa), whatever came before (no more than two neighbouring uniforms of JAX's
    lattice make one value): the count is not above a sum of independent coins, which Bernstein's
    inequality bounds.
    """
    expected = kept.pairs * 2.0 ** (1 - mantissa)
    share = math.log(1 / alarm)
    bound = expected + share / 3 + math.sqrt((share / 3) ** 2 + 2 * expected * share)
    # A lattice of m points gives about pairs / m repeats.
    seen = float(seen_count(bound))
    return Finding(
        *("repeats", kept.repeated <= bound, kept.n, kept.repeated / kept.n, bound / kept.n),
        alarm,
        seen / kept.n,
        "fraction of the samples",
        f"as of a lattice of 2**{math.log2(kept.pairs / seen):.1f} points would be seen",
    )


def _moments(
    law: Continuous, discrete: Discrete | None, first: int, second: int
) -> tuple[float, float, float]:
    """Two moments of the standardized law, and how far its samples reach."""
    if discrete is None:
        return law.moment(first), law.moment(second), law.reach
    return discrete.moment(first, law), discrete.moment(second, law), discrete.reach(law)
