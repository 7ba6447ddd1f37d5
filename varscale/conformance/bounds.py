"""Finite-sample bounds: how far a statistic may be from what a law says, for every n.

Each gives the deviation that is exceeded with a probability of at most `alarm`. None is asymptotic,
and none is fitted: see docs/conformance-statistics.md for the derivations.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = [
    "POWER",
    "bernstein",
    "binomial_range",
    "chi_square_range",
    "detectable_scale",
    "dkw",
    "hoeffding",
    "seen_count",
]

Array = np.ndarray[Any, Any]

#: The probability with which an error of the size that is called detectable is seen.
POWER = 0.999
_MISS = 1 - POWER


def dkw(n: int, alarm: float) -> float:
    """The largest distance between the empirical distribution function and the law's.

    P(sup abs(F_n - F) > e) <= 2 exp(-2 n e**2), for every law, also a discrete one.

    Args:
        n: samples.
        alarm: probability, in (0, 1).

    Example:
        >>> round(dkw(1_000_000, 1e-6), 5)
        0.00269

    Source: Massart, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", Annals of
    Probability 18 (1990), corollary 1.
    """
    return math.sqrt(math.log(2 / alarm) / (2 * n))


def hoeffding(n: int, miss: float = _MISS) -> float:
    """How far below its mean a fraction of n samples is, one-sided: exp(-2 n t**2) = miss.

    Source: Hoeffding, JASA 58 (1963), theorem 1.
    """
    return math.sqrt(math.log(1 / miss) / (2 * n))


def bernstein(n: int, variance: float, reach: float, probability: float) -> float:
    """How far the mean of n independent terms may be from its expectation, to one side.

    P(mean - E > t) <= exp(-n t**2 / (2 (variance + reach t / 3))), solved for t.

    Args:
        n: terms.
        variance: of one term, or an upper bound.
        reach: the most that a term can be above (or below) its expectation.
        probability: of one side, in (0, 1).

    Example:
        >>> round(bernstein(1_000_000, 1.0, 10.0, 5e-7), 5)
        0.00544

    Source: Boucheron, Lugosi, Massart, "Concentration Inequalities" (2013), theorem 2.10 and
    equation (2.10).
    """
    per_sample = math.log(1 / probability) / n
    third = per_sample * reach / 3
    return third + math.sqrt(third * third + 2 * variance * per_sample)


def chi_square_range(n: int, alarm: float) -> tuple[float, float]:
    """Where the mean of n squared standard normal samples lies, half of the alarm on each side.

    Exact: n times the mean has the chi-square law of n degrees of freedom.

    Example:
        >>> low, high = chi_square_range(1_000_000, 1e-6)
        >>> round(low, 4), round(high, 4)
        (0.9931, 1.0069)
    """
    from scipy.stats import chi2

    return float(chi2.ppf(alarm / 2, n) / n), float(chi2.isf(alarm / 2, n) / n)


def binomial_range(n: int, probabilities: Array | float, alarm: float) -> tuple[Array, Array]:
    """The smallest and the largest count that are not an alarm, half of it on each side.

    Exact: P(count < low) <= alarm / 2 and P(count > high) <= alarm / 2, for each probability.

    Example:
        >>> low, high = binomial_range(1000, 0.5, 1e-6)
        >>> int(low), int(high)
        (423, 577)
    """
    from scipy.stats import binom

    each, back = np.unique(np.asarray(probabilities, np.float64), return_inverse=True)
    low, high = binom.ppf(alarm / 2, n, each), binom.isf(alarm / 2, n, each)
    shape = np.shape(probabilities)
    return low[back].reshape(shape), high[back].reshape(shape)


def seen_count(high: Array | float) -> Array | float:
    """The expected count of which more than `high` are seen with a probability of POWER.

    Chernoff's bound for a sum of independent coins of mean m:
    P(sum <= m - t) <= exp(-t**2 / (2 m)).

    Source: Boucheron, Lugosi, Massart (2013), exercise 2.9.
    """
    share = math.log(1 / _MISS)
    return high + share + np.sqrt(share * share + 2 * share * high)


def detectable_scale(above: float, below: float) -> float:
    """The relative error of a standard deviation that is seen, from bounds of second moments.

    A scale that is wrong by 1 + d multiplies every second moment by (1 + d)**2. It is seen where
    (1 + d)**2 (1 - below) >= 1 + above.

    Args:
        above: how far the relative second moment may be above 1 without an alarm.
        below: how far it is below 1 with a probability of 1 - POWER.
    """
    return math.sqrt((1 + above) / (1 - below)) - 1 if below < 1 else math.inf
