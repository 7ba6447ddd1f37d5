"""Right samples, thousands of times: each check alarms as rarely as it says, and not never.

Every check is given an alarm of 1 %, and the alarms are counted. Wrong samples, whose error is what
a check calls detectable, are seen in 99.9 % of the runs. Seeds are fresh: a failing test names its
seed, and a right suite fails one of these tests less than once in a million runs.
"""

from __future__ import annotations

import secrets
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from varscale.conformance import checks_of_laws as checks
from varscale.conformance import dependence, samples
from varscale.conformance.bounds import POWER
from varscale.conformance.dependence import Dependence, Moments
from varscale.conformance.laws import Continuous, Discrete, Shape, lattices, rounded
from varscale.conformance.results import Finding
from varscale.conformance.samples import Marginal, Repeats
from varscale.conformance.specs import Spec

pytest.importorskip("scipy", reason="not installed: pip install varscale[conformance]")
from scipy import stats
from scipy.special import ndtri
from scipy.stats import binom

Array = np.ndarray[Any, Any]

SEED = secrets.randbelow(2**31)
ALARM = 0.01
#: That one of the counts below is out of its bound by chance; there are fewer than 100 of them.
UNLUCKY = 1e-8
SHAPES: tuple[Shape, ...] = (
    *("uniform", "normal", "truncated_normal", "radius", "rayleigh", "rayleigh2"),
)
LAWS = {shape: Continuous(shape, 0.0625, 0.5 if shape == "uniform" else 0.0) for shape in SHAPES}
#: The same laws, as SciPy has them.
ORACLES: dict[Shape, Any] = {
    "uniform": stats.uniform(-1, 2),
    "normal": stats.norm(),
    "truncated_normal": stats.truncnorm(-2, 2),
    "radius": stats.powerlaw(2),
    "rayleigh": stats.weibull_min(2),
    "rayleigh2": stats.truncweibull_min(2, 0, 2),
}
SHORT: dict[str, tuple[Continuous, Discrete]] = {
    "bfloat16, JAX's normal": (
        Continuous("normal", 0.02),
        lattices(Spec("normal", 0.02), (4, 5), "bfloat16")[0],
    ),
    "float8_e5m2, JAX's uniform": (
        Continuous("uniform", 0.5, 0.5),
        lattices(Spec("uniform", 1.0), (4, 5), "float8_e5m2")[0],
    ),
    "float8_e4m3fn, truncated, rounded": (
        Continuous("truncated_normal", 0.7),
        rounded(Continuous("truncated_normal", 0.7), "float8_e4m3fn"),
    ),
    "float8_e5m2, uniform, rounded": (
        Continuous("uniform", 0.3),
        rounded(Continuous("uniform", 0.3), "float8_e5m2"),
    ),
}
#: Checks whose probability of an alarm is what they are given, not only at most that.
EXACT = {"whole law": 0.5, "tails": 0.5, "scale": 0.7, "lattice": 0.6, "ends": 0.2}

Check = Callable[..., Finding]


@pytest.fixture(scope="module", autouse=True)
def fast_bounds() -> Iterator[None]:
    """Bounds are computed once for each n, and the law has 2**12 bins instead of 2**16."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("chi_square_range", "binomial_range"):
            patch.setattr(checks, name, _kept(getattr(checks, name)))
        patch.setattr(dependence, "bernstein", _kept(dependence.bernstein))
        for module in (samples, checks):
            patch.setattr(module, "BINS", 1 << 12)
        yield


def _kept(function: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[Any, Any] = {}

    def kept(*arguments: Any) -> Any:
        key = tuple(one.tobytes() if isinstance(one, np.ndarray) else one for one in arguments)
        if key not in known:
            known[key] = function(*arguments)
        return known[key]

    return kept


def generator(name: str = "") -> np.random.Generator:
    return np.random.default_rng([SEED, zlib.crc32(name.encode())])


def drawn(law: Continuous, shape: tuple[int, ...]) -> Array:
    """Exact samples in float64, by SciPy's own quantiles."""
    u = np.maximum(generator(law.shape).random(shape), 2.0**-54)
    return law.location + law.unit * ORACLES[law.shape].ppf(u)


def of_sums(law: Continuous, several: Array) -> Iterator[Marginal]:
    """What is kept of each row of samples, its sums only."""
    z = samples.standardized(law, several)
    sums = np.stack([(z**k).sum(axis=1) for k in (1, 2, 3)], axis=1)
    for row in sums:
        yield Marginal(law, False, 2.0**-52, n=several.shape[1], sums=row)


def in_bounds(name: str, runs: int, alarms: int, *, at_least: float = 0.0) -> None:
    high = binom.isf(UNLUCKY, runs, ALARM)
    low = binom.ppf(UNLUCKY, runs, ALARM * at_least) if at_least else 0
    assert low <= alarms <= high, (
        f"{name}: {alarms} alarms in {runs} runs of probability {ALARM}, "
        f"from {low:.0f} to {high:.0f} are allowed; seed {SEED}"
    )


def seen(name: str, runs: int, alarms: int) -> None:
    missed, allowed = runs - alarms, binom.isf(UNLUCKY, runs, 1 - POWER)
    assert missed <= allowed, (
        f"{name}: missed in {missed} of {runs} runs, {allowed:.0f} are allowed; seed {SEED}"
    )


# Right samples: the law


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_moments_of_right_samples_alarm_as_rarely_as_they_say(law: Continuous) -> None:
    runs, alarms = 4000, Counter[str]()
    for kept in of_sums(law, drawn(law, (runs, 200))):
        for check in (checks.scale, checks.mean, checks.third_moment):
            found = check(kept, None, ALARM)
            alarms[found.check] += not found.passed
    exact = EXACT["scale"] if law.shape == "normal" else 0.0
    in_bounds("scale", runs, alarms["scale"], at_least=exact)
    in_bounds("mean", runs, alarms["mean"])
    in_bounds("third moment", runs, alarms["third moment"])


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_places_of_right_samples_alarm_as_rarely_as_they_say(law: Continuous) -> None:
    exact = law.shape == "uniform"
    runs, alarms = 5000 if exact else 800, Counter[str]()
    # Enough that three tails are counted.
    for row in drawn(law, (runs, 1700)).astype(np.float32):
        kept = Marginal(law, False, 2.0**-23)
        kept.add(row)
        found = [
            checks.whole_law(kept, None, ALARM),
            checks.tails(kept, ALARM),
            checks.ends(kept, ALARM),
            checks.support(kept, None),
        ]
        for one in found:
            alarms[one.check] += not one.passed
    least = EXACT["whole law"] if exact else 0.0
    in_bounds("whole law", runs, alarms["whole law"], at_least=least)
    least = EXACT["tails"] if exact else 0.0
    in_bounds("tails", runs, alarms["tails"], at_least=least)
    in_bounds("ends", runs, alarms["ends"])
    assert alarms["support"] == 0, f"seed {SEED}"


@pytest.mark.parametrize(("law", "discrete"), SHORT.values(), ids=SHORT)
def test_right_samples_of_short_dtypes_alarm_as_rarely_as_they_say(
    law: Continuous, discrete: Discrete
) -> None:
    exact = discrete is SHORT["bfloat16, JAX's normal"][1]
    runs, n, alarms = 4000 if exact else 700, 30_000, Counter[str]()
    z = samples.standardized(law, discrete.values)
    cells = 0
    for counts in generator().multinomial(n, discrete.probabilities, runs):
        values = dict(zip(discrete.values.tolist(), counts.tolist(), strict=True))
        present = {value: count for value, count in values.items() if count}
        sums = np.array([(counts * z**k).sum() for k in (1, 2, 3)])
        kept = Marginal(law, True, 2.0**-8, n=n, values=present, sums=sums)
        for check in (
            *(checks.whole_law, checks.scale, checks.mean, checks.third_moment, checks.lattice),
        ):
            found = check(kept, discrete, ALARM)
            alarms[found.check] += not found.passed
            cells += found.check == "lattice"
    assert cells == runs
    for name in ("whole law", "scale", "mean", "third moment"):
        in_bounds(name, runs, alarms[name])
    in_bounds("lattice", runs, alarms["lattice"], at_least=EXACT["lattice"] if exact else 0.0)


def test_repeats_of_a_lattice_alarm_as_rarely_as_they_say() -> None:
    runs, mantissa, alarms = 4000, 13, 0
    for row in generator().integers(0, 2 ** (mantissa - 1), (runs, 400)):
        kept = Repeats()
        kept.add(row[:150])
        kept.add(row[150:])
        alarms += not checks.repeats(kept, mantissa, ALARM).passed
    in_bounds("repeats", runs, alarms)


def test_ends_alarm_as_rarely_as_they_say_where_samples_are_at_them() -> None:
    runs, n, alarms = 20_000, 2**19, 0
    for count in generator().binomial(n, 2.0**-19, runs):
        kept = Marginal(LAWS["uniform"], False, 2.0**-23, n=n, at_ends=int(count))
        alarms += not checks.ends(kept, ALARM).passed
    in_bounds("ends", runs, alarms, at_least=EXACT["ends"])


# Right samples: their places


def dependences(kind: str) -> tuple[Moments, Callable[[np.random.Generator], Array]]:
    """Moments of a standardized law, and its samples."""
    if kind == "complex normal":
        law = Continuous("rayleigh", 1.0)

        def draw(numbers: np.random.Generator) -> Array:
            x, y = numbers.standard_normal((2, 16, 32))
            return (x + 1j * y) / np.sqrt(2)

        return Moments(0.0, law.moment(2), law.moment(4), law.reach), draw
    if kind == "a lattice that is not symmetric":
        law, discrete = SHORT["bfloat16, JAX's normal"]
        first, second, fourth = (discrete.moment(k, law) for k in (1, 2, 4))
        z = samples.standardized(law, discrete.values)
        return (
            Moments(first, second, fourth, discrete.reach(law)),
            lambda numbers: numbers.choice(z, (16, 32), p=discrete.probabilities),
        )
    shape: Shape = "normal" if kind == "normal" else "uniform"
    law = Continuous(shape, 1.0)
    return (
        Moments(0.0, law.moment(2), law.moment(4), law.reach),
        lambda numbers: ORACLES[shape].ppf(np.maximum(numbers.random((16, 32)), 2.0**-54)),
    )


@pytest.mark.parametrize(
    "kind", ["normal", "uniform", "complex normal", "a lattice that is not symmetric"]
)
def test_independent_samples_alarm_as_rarely_as_they_say(kind: str) -> None:
    runs, alarms = 700, Counter[str]()
    moments, draw = dependences(kind)
    numbers = generator()
    for _ in range(runs):
        kept = Dependence("IO")
        kept.add(draw(numbers), "a")
        kept.add(draw(numbers), "b")
        several = [dependence.slices, dependence.lags, dependence.periods, dependence.keys]
        several += [dependence.circular] if kind == "complex normal" else []
        for check in several:
            found = check(kept, moments, ALARM)
            alarms[found.check] += not found.passed
    for name in ("slices", "lags", "periods", "keys", "circular"):
        in_bounds(name, runs, alarms[name])


# Wrong samples, as wrong as a check calls detectable


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("inverse", [False, True], ids=["too wide", "too narrow"])
def test_a_detectable_error_of_the_scale_is_seen(law: Continuous, inverse: bool) -> None:
    runs, n = 2000, 300
    error = checks.scale(next(of_sums(law, drawn(law, (1, n)))), None, ALARM).detectable
    assert error is not None
    wrong = (1 - error) if inverse else (1 + error)
    several = law.location + wrong * (drawn(law, (runs, n)) - law.location)
    alarms = sum(not checks.scale(kept, None, ALARM).passed for kept in of_sums(law, several))
    seen("scale", runs, alarms)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_detectable_shift_of_the_mean_is_seen(law: Continuous) -> None:
    runs, n = 2000, 300
    shift = checks.mean(next(of_sums(law, drawn(law, (1, n)))), None, ALARM).detectable
    assert shift is not None
    for sign in (1, -1):
        unit = np.sqrt(law.moment(2)) * law.unit
        several = drawn(law, (runs, n)) + sign * shift * unit
        alarms = sum(not checks.mean(kept, None, ALARM).passed for kept in of_sums(law, several))
        seen("mean", runs, alarms)


def test_a_detectable_distance_of_the_whole_law_is_seen() -> None:
    runs, n = 1000, 300
    law = Continuous("normal", 1.0)
    kept = Marginal(law, False, 2.0**-52)
    kept.add(drawn(law, (n,)))
    distance = checks.whole_law(kept, None, ALARM).detectable
    assert distance is not None
    shift = 2 * ndtri((1 + distance) / 2)
    alarms = 0
    for row in drawn(law, (runs, n)) + shift:
        kept = Marginal(law, False, 2.0**-52)
        kept.add(row)
        alarms += not checks.whole_law(kept, None, ALARM).passed
    seen("whole law", runs, alarms)


def test_a_detectable_change_along_an_axis_is_seen() -> None:
    runs, alarms = 300, 0
    moments, draw = dependences("normal")
    numbers = generator()
    kept = Dependence("IO")
    kept.add(draw(numbers), "a")
    error = dependence.slices(kept, moments, ALARM).detectable
    assert error is not None
    for _ in range(runs):
        kept = Dependence("IO")
        kept.add(draw(numbers) * np.where(np.arange(32) < 16, 1 + error, 1.0), "a")
        alarms += not dependence.slices(kept, moments, ALARM).passed
    seen("slices", runs, alarms)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_detectable_correlation_of_two_keys_is_seen(sign: int) -> None:
    runs, alarms = 500, 0
    moments, _ = dependences("normal")
    numbers = generator()

    def finding(correlation: float) -> Finding:
        first, second = numbers.standard_normal((2, 64, 256))
        kept = Dependence("IO")
        kept.add(first, "a")
        kept.add(correlation * first + np.sqrt(1 - correlation**2) * second, "b")
        return dependence.keys(kept, moments, ALARM)

    correlation = finding(0.0).detectable
    assert correlation is not None
    for _ in range(runs):
        alarms += not finding(sign * correlation).passed
    seen("keys", runs, alarms)
