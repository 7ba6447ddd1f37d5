"""The bounds against SciPy, exact sums and enumeration: none is too small, and none is slack."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from varscale.conformance import bounds, samples
from varscale.conformance import checks_of_laws as checks
from varscale.conformance.laws import Continuous, Discrete, lattices
from varscale.conformance.samples import Marginal, Repeats
from varscale.conformance.specs import Spec

pytest.importorskip("scipy", reason="not installed: pip install varscale[conformance]")
from scipy import stats
from scipy.special import gammainc, gammaincc

Array = np.ndarray[Any, Any]
ALARMS = (0.3, 1e-2, 1e-6, 1e-9)


# Dvoretzky, Kiefer, Wolfowitz, Massart


@pytest.mark.parametrize("alarm", ALARMS)
@pytest.mark.parametrize("n", [1, 2, 5, 20, 100, 1000])
def test_kolmogorovs_distance_is_above_its_bound_as_rarely_as_it_says(n: int, alarm: float) -> None:
    # The distance's own law, exact for every n.
    probability = stats.kstwo.sf(bounds.dkw(n, alarm), n)
    assert probability <= alarm
    if n >= 100 and alarm >= 1e-6:
        assert probability >= 0.5 * alarm


@pytest.mark.parametrize("alarm", [0.5, 0.1, 1e-2, 1e-4])
def test_so_it_is_where_the_law_has_three_values(alarm: float) -> None:
    # Every way in which twelve samples fall on three values.
    n, law = 12, np.array([0.5, 0.2, 0.3])
    above = 0.0
    for first in range(n + 1):
        for second in range(n + 1 - first):
            counts = np.array([first, second, n - first - second])
            if np.abs(np.cumsum(counts / n - law)).max() > bounds.dkw(n, alarm):
                above += float(stats.multinomial.pmf(counts, n, law))
    assert 0 <= above <= alarm
    if alarm == 0.5:
        assert above > 0


def test_hoeffdings_bound_is_passed_as_rarely_as_it_says() -> None:
    for n, p in itertools.product((1, 7, 100, 10_000), (0.01, 0.3, 0.5, 0.9)):
        for miss in (0.2, 1e-3, 1e-9):
            far = bounds.hoeffding(n, miss)
            assert stats.binom.cdf(math.ceil(n * (p - far)) - 1, n, p) <= miss
    # Hardly more than the law of large numbers asks for, where the variance is largest.
    exact = 0.5 - stats.binom.ppf(1e-3, 10_000, 0.5) / 10_000
    assert bounds.hoeffding(10_000, 1e-3) <= 1.25 * exact


# Bernstein


@pytest.mark.parametrize("probability", [0.2, 1e-2, 1e-6, 1e-10])
@pytest.mark.parametrize("p", [1e-4, 0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("n", [3, 30, 1000, 100_000])
def test_bernsteins_bound_is_passed_as_rarely_as_it_says(
    n: int, p: float, probability: float
) -> None:
    # A coin's mean, whose tails are sums of binomial probabilities.
    above = bounds.bernstein(n, p * (1 - p), 1 - p, probability)
    below = bounds.bernstein(n, p * (1 - p), p, probability)
    assert stats.binom.sf(_floor(n * (p + above)), n, p) <= probability
    assert stats.binom.cdf(-_floor(-n * (p - below)) - 1, n, p) <= probability


def _floor(value: float) -> int:
    """Of a value that rounding may have put on either side of a whole number."""
    return round(value) if abs(value - round(value)) < 1e-9 else math.floor(value)


def test_bernsteins_bound_is_that_of_its_source() -> None:
    # exp(-n t**2 / (2 (variance + reach t / 3))) is the probability, to the last digits.
    for n, variance, reach in itertools.product((10, 10_000), (1e-3, 1.0, 50.0), (1.0, 20.0)):
        for probability in (0.1, 1e-9):
            t = bounds.bernstein(n, variance, reach, probability)
            exponent = n * t * t / (2 * (variance + reach * t / 3))
            assert exponent == pytest.approx(-math.log(probability), rel=1e-12)


def test_bernsteins_bound_is_near_the_normal_tail_where_many_are_averaged() -> None:
    t = bounds.bernstein(10**8, 1.0, 10.0, 1e-9)
    assert t * 10**4 == pytest.approx(stats.norm.isf(1e-9), rel=0.1)


# Exact ranges


@pytest.mark.parametrize("alarm", [Fraction(1, 3), Fraction(1, 100), Fraction(1, 10**9)])
@pytest.mark.parametrize("p", [Fraction(1, 2), Fraction(1, 7), Fraction(1, 128), Fraction(9, 10)])
@pytest.mark.parametrize("n", [1, 6, 60])
def test_the_range_of_a_count_is_the_narrowest_that_its_alarm_allows(
    n: int, p: Fraction, alarm: Fraction
) -> None:
    low, high = (int(one) for one in bounds.binomial_range(n, float(p), float(alarm)))
    chances = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    half = Fraction(float(alarm)) / 2
    assert sum(chances[:low]) <= half < sum(chances[: low + 1])
    assert sum(chances[high + 1 :]) <= half < sum(chances[high:])


def test_ranges_of_many_probabilities_are_those_of_each() -> None:
    several = np.array([[0.5, 0.1], [0.1, 0.9]])
    low, high = bounds.binomial_range(100, several, 1e-3)
    for index, p in np.ndenumerate(several):
        one = bounds.binomial_range(100, float(p), 1e-3)
        assert (low[index], high[index]) == one
    assert low.shape == high.shape == several.shape


@pytest.mark.parametrize("alarm", ALARMS)
@pytest.mark.parametrize("n", [1, 10, 1000, 10**6])
def test_the_range_of_a_chi_square_leaves_half_of_the_alarm_on_each_side(
    n: int, alarm: float
) -> None:
    low, high = bounds.chi_square_range(n, alarm)
    assert gammainc(n / 2, low * n / 2) == pytest.approx(alarm / 2, rel=1e-6)
    assert gammaincc(n / 2, high * n / 2) == pytest.approx(alarm / 2, rel=1e-6)


# What can be seen


@pytest.mark.parametrize(("above", "below"), [(0.01, 0.005), (0.3, 0.9), (0.0, 0.0)])
def test_a_scale_is_seen_where_its_smallest_second_moment_is_above_the_bound(
    above: float, below: float
) -> None:
    error = bounds.detectable_scale(above, below)
    assert (1 + error) ** 2 * (1 - below) == pytest.approx(1 + above, rel=1e-12)


def test_no_scale_is_seen_where_the_second_moment_may_be_zero() -> None:
    assert bounds.detectable_scale(0.1, 1.0) == math.inf


@pytest.mark.parametrize("high", [0, 1, 15, 200, 1e5])
def test_a_count_is_seen_as_often_as_it_says_and_is_not_far_more_than_is_needed(
    high: float,
) -> None:
    mean = float(bounds.seen_count(high))
    assert stats.poisson.sf(high, mean) >= bounds.POWER
    needed = stats.gamma.ppf(bounds.POWER, high + 1)  # sf(high, needed) == POWER
    assert mean - high <= 1.5 * (needed - high) + 5
    assert bounds.seen_count(np.array([high, 3.0])).tolist() == [mean, bounds.seen_count(3.0)]


def uniform_over(values: int) -> Discrete:
    return Discrete("jax", np.arange(values) / values, np.full(values, 1 / values))


@pytest.mark.parametrize("law", [uniform_over(128), uniform_over(1024)], ids=["128", "1024"])
@pytest.mark.parametrize("n", [2**19, 2**21])
@pytest.mark.parametrize("alarm", [1e-2, 1e-9])
def test_a_cells_detectable_error_is_seen_as_often_as_it_says(
    law: Discrete, n: int, alarm: float
) -> None:
    values = dict(zip(law.values.tolist(), [n // law.values.size] * law.values.size, strict=True))
    kept = Marginal(Continuous("uniform", 1.0), True, 2.0**-8, n=n, values=values)
    found = checks.lattice(kept, law, alarm)
    assert found.passed
    assert found.detectable is not None
    p = 1 / law.values.size
    _, high = bounds.binomial_range(n, p, alarm / law.values.size)
    seen = stats.binom.sf(high, n, p * (1 + found.detectable))
    assert bounds.POWER <= seen <= 1 - 1e-7  # and it is not far more than is needed


def test_ends_and_repeats_see_what_they_say_they_do() -> None:
    law = Continuous("uniform", 1.0)
    for n in (2**15, 2**18, 2**24):
        several = checks.ends(Marginal(law, False, 2.0**-23, n=n), 1e-9)
        repeats = checks.repeats(Repeats(n, n * (n - 1) / 2), 23, 1e-9)
        for found in (several, repeats):
            assert found.passed
            assert found.detectable is not None
            assert stats.poisson.sf(found.bound * n, found.detectable * n) >= bounds.POWER


# Verdicts: a statistic beyond its bound fails, on either side, and one within it does not


def kept_of(z: Array, law: Continuous) -> Marginal:
    kept = Marginal(law, False, 2.0**-52)
    kept.add(law.location + law.unit * z)
    return kept


@pytest.mark.parametrize("shape", ["normal", "truncated_normal"])
@pytest.mark.parametrize(("factor", "verdict"), [(1.0, True), (1.1, False), (0.9, False)])
def test_the_scale_fails_on_either_side(shape: Any, factor: float, verdict: bool) -> None:
    law = Continuous(shape, 0.3)
    z = law.ppf((np.arange(20_000) + 0.5) / 20_000) / law.unit
    found = checks.scale(kept_of(factor * z, law), None, 1e-6)
    assert found.passed is verdict
    assert found.statistic == pytest.approx(factor - 1, abs=1e-3)


@pytest.mark.parametrize(("check", "k"), [(checks.mean, 1), (checks.third_moment, 3)])
@pytest.mark.parametrize(("shift", "verdict"), [(0.0, True), (0.2, False), (-0.2, False)])
def test_odd_moments_fail_on_either_side(check: Any, k: int, shift: float, verdict: bool) -> None:
    law = Continuous("uniform", 2.0, 1.0)
    z = 2 * (np.arange(20_000) + 0.5) / 20_000 - 1 + shift
    found = check(kept_of(z, law), None, 1e-6)
    assert found.passed is verdict
    second = 1 / 3
    assert found.statistic == pytest.approx((z**k).mean() / second ** (k / 2), abs=1e-9)


@pytest.mark.parametrize("value", [-1.01, 1.01, np.inf, -np.inf, np.nan])
def test_one_sample_outside_of_the_support_fails(value: float) -> None:
    law = Continuous("uniform", 0.1, 0.5)
    inside = np.linspace(-1, 1, 1000)
    assert checks.support(kept_of(inside, law), None).passed
    assert not checks.support(kept_of(np.append(inside, value), law), None).passed


@pytest.mark.parametrize("where", [0, 1])
def test_a_sample_outside_of_the_support_fails_in_whichever_draw_it_is(where: int) -> None:
    law = Continuous("uniform", 1.0)
    for value in (-1.5, 1.5):
        kept = Marginal(law, False, 2.0**-23)
        for draw in range(2):
            kept.add(np.append(np.linspace(-1, 1, 100), value if draw == where else 0.0))
        assert not checks.support(kept, None).passed


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_sample_that_is_not_finite_fails_the_whole_law(value: float) -> None:
    law = Continuous("uniform", 1.0)
    z = np.linspace(-1, 1, 1000)
    assert checks.whole_law(kept_of(z, law), None, 1e-6).passed
    found = checks.whole_law(kept_of(np.append(z, value), law), None, 1e-6)
    assert not found.passed
    assert found.note.endswith("1 infinite or NaN")


@pytest.mark.parametrize("shape", ["uniform", "normal", "truncated_normal", "radius", "rayleigh2"])
def test_bounds_on_moments_are_hardly_wider_than_those_of_many_samples(shape: Any) -> None:
    law, n, alarm = Continuous(shape, 1.0), 10**7, 1e-6
    first, second, third, fourth, _, sixth = (law.moment(k) for k in range(1, 7))
    kept = Marginal(law, False, 2.0**-23, n=n, sums=n * np.array([first, second, third]))
    far = stats.norm.isf(alarm / 2) / math.sqrt(n)
    for check, deviation in (
        (checks.scale, math.sqrt(fourth - second**2) / second / 2),
        (checks.mean, math.sqrt(second - first**2) / math.sqrt(second)),
        (checks.third_moment, math.sqrt(sixth - third**2) / second**1.5),
    ):
        found = check(kept, None, alarm)
        assert found.passed
        assert deviation * far * 0.99 <= found.bound <= deviation * far * 1.35


@pytest.mark.parametrize("change", [-0.2, 0.2])
@pytest.mark.parametrize("cell", [0, 40, 127])
def test_a_cell_with_too_few_or_too_many_samples_fails(cell: int, change: float) -> None:
    law, each = uniform_over(128), 4000
    counts = np.full(128, each)
    counts[cell] += round(change * each)
    values = dict(zip(law.values.tolist(), counts.tolist(), strict=True))
    kept = Marginal(Continuous("uniform", 1.0), True, 2.0**-8, n=int(counts.sum()), values=values)
    found = checks.lattice(kept, law, 1e-9)
    assert not found.passed
    assert found.note == f"128 cells; largest at {law.values[cell]:.6g}"


def test_samples_at_the_ends_fail_when_there_are_too_many() -> None:
    law = Continuous("truncated_normal", 0.1)
    z = np.linspace(-1.9, 1.9, 10_000)
    assert checks.ends(kept_of(z, law), 1e-6).passed
    assert checks.ends(kept_of(np.append(z, [2.0, -2.0]), law), 1e-6).passed
    for end in (2.0, -2.0):
        assert not checks.ends(kept_of(np.append(z, [end] * 40), law), 1e-6).passed


@pytest.mark.parametrize("shape", ["uniform", "normal", "rayleigh2"])
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("change", [-0.35, 0.35])
def test_a_tail_that_is_too_thin_or_too_thick_fails(shape: Any, side: int, change: float) -> None:
    law, n = Continuous(shape, 0.1, 0.2), 2**17
    p = (np.arange(n) + 0.5) / n
    assert checks.tails(kept_of(standard(law, p), law), 1e-9).passed
    # The outermost 2**-7 have another share; the distance of the whole law hardly changes.
    edge = 2.0**-7
    share = edge * (1 + change)
    moved = np.where(p < share, p * edge / share, edge + (p - share) * (1 - edge) / (1 - share))
    kept = kept_of(standard(law, 1 - moved if side else moved), law)
    found = checks.tails(kept, 1e-9)
    assert not found.passed
    assert checks.whole_law(kept, None, 1e-9).passed
    where = float(law.ppf(np.array(1 - edge if side else edge)))
    assert found.note == f"largest {'above' if side else 'below'} {where:.6g}"
    assert np.sign(found.statistic) == np.sign(change)


def standard(law: Continuous, p: Array) -> Array:
    z: Array = (law.ppf(p) - law.location) / law.unit
    return z


def test_a_tails_detectable_error_is_seen_as_often_as_it_says() -> None:
    n, alarm = 2**18, 1e-9
    law = Continuous("normal", 1.0)
    kept = Marginal(law, False, 2.0**-23, n=n, bins=np.full(samples.BINS, n // samples.BINS))
    found = checks.tails(kept, alarm)
    assert found.passed
    assert found.statistic == 0  # every bin has what is expected of it
    assert found.detectable is not None
    levels = sum(n * 2.0**-k >= 200 for k in range(2, 17))
    _, high = bounds.binomial_range(n, 0.25, alarm / (2 * levels))
    seen = stats.binom.sf(high + n * 2.0**-20, n, 0.25 * (1 + found.detectable))
    assert bounds.POWER <= seen <= 1 - 1e-7


def test_repeats_are_found_in_a_draw_and_across_two() -> None:
    kept = Repeats()
    kept.add(np.array([[1.0, 2.0], [2.0, 2.0]]))
    kept.add(np.array([3.0, 1.0]))
    assert (kept.n, kept.pairs, kept.repeated) == (6, 15, 3)
    kept.add(np.array([1.0, 5.0]))  # of another pair of draws
    kept.add(np.array([4.0, 5.0]))
    assert (kept.n, kept.pairs, kept.repeated) == (10, 15 + 6, 4)


def test_the_place_of_the_largest_distance_is_named() -> None:
    law = Continuous("uniform", 1.0)
    z = 2 * (np.arange(4096) + 0.5) / 4096 - 1
    moved = np.where(z > 0.5, z, z - 0.4 * np.clip(0.5 - np.abs(z), 0, None))
    found = checks.whole_law(kept_of(moved, law), None, 1e-6)
    assert float(found.note.split()[-1]) == pytest.approx(0.0, abs=0.25)


def test_a_value_that_is_not_of_jaxs_lattice_fails() -> None:
    law = lattices(Spec("normal"), (4, 5), "bfloat16")[0]
    n = 128 * 1000
    values = {value: round(n * p) for value, p in zip(law.values, law.probabilities, strict=True)}
    kept = Marginal(Continuous("normal", 1.0), True, 2.0**-8, n=n, values=dict(values))
    assert checks.lattice(kept, law, 1e-6).passed
    stray = float(np.nextafter(np.float32(law.values[5]), np.float32(0)))
    kept.values[stray] = 1
    found = checks.lattice(kept, law, 1e-6)
    assert not found.passed
    assert "1 samples are none of the law's values" in found.note
