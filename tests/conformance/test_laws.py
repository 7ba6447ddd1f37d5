"""The laws against numerical integration, SciPy, brute-force rounding and JAX's own draws."""

from __future__ import annotations

import functools
import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from varscale.conformance import reference
from varscale.conformance.bits_case import distances
from varscale.conformance.bounds import bernstein
from varscale.conformance.cases import DTYPES
from varscale.conformance.laws import (
    COMPLEX_TRUNCATED_STDDEV,
    Continuous,
    Discrete,
    Shape,
    continuous,
    is_short,
    lattices,
    rounded,
)
from varscale.conformance.layers import LAYERS
from varscale.conformance.specs import TRUNCATED_STDDEV, Spec, of_layer
from varscale.dtypes import as_dtype
from varscale.initializers import Normal, Uniform, VarianceScaling
from varscale.keys import key
from varscale.numerics.numpy_ops import NUMPY
from varscale.numerics.samples import from_fraction

pytest.importorskip("scipy", reason="not installed: pip install varscale[conformance]")
from scipy import stats
from scipy.integrate import quad

Array = np.ndarray[Any, Any]

#: Each law as SciPy has it, with its ends.
ORACLES: dict[Shape, tuple[Any, float, float]] = {
    "uniform": (stats.uniform(-1, 2), -1, 1),
    "normal": (stats.norm(), -math.inf, math.inf),
    "truncated_normal": (stats.truncnorm(-2, 2), -2, 2),
    "radius": (stats.powerlaw(2), 0, 1),
    "rayleigh": (stats.weibull_min(2), 0, math.inf),
    "rayleigh2": (stats.truncweibull_min(2, 0, 2), 0, 2),
}
SHORT = ("float16", "bfloat16", "float8_e5m2")
SPECS = (
    *(Spec("normal", 0.02), Spec("truncated_normal", 0.02), Spec("uniform", 1.0)),
    *(of_layer("dense", "fan_in", one) for one in ("normal", "truncated_normal", "uniform")),
)
SHAPE = (37, 41)


def named(spec: Spec) -> str:
    return spec.name


# Continuous laws


@pytest.mark.parametrize("k", range(1, 7))
@pytest.mark.parametrize("shape", ORACLES)
def test_a_moment_is_its_integral(shape: Shape, k: int) -> None:
    oracle, low, high = ORACLES[shape]
    middle = quad(lambda x: x**k * oracle.pdf(x), max(low, -9), min(high, 9), epsabs=1e-13)[0]
    assert Continuous(shape, 0.3, 5.0).moment(k) == pytest.approx(middle, rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("shape", ORACLES)
def test_probabilities_and_quantiles_are_scipys_and_each_others_inverse(shape: Shape) -> None:
    oracle, *_ = ORACLES[shape]
    law = Continuous(shape, 0.3, 5.0)
    p = np.array([1e-12, 1e-6, 0.01, 0.3, 0.5, 0.77, 0.999, 1 - 1e-9])
    x = law.ppf(p)
    np.testing.assert_allclose(x, 5.0 + 0.3 * oracle.ppf(p), rtol=1e-9)
    np.testing.assert_allclose(law.cdf(x), p, rtol=1e-3)
    np.testing.assert_allclose(law.cdf(x[1:]), p[1:], rtol=1e-8)
    at = np.linspace(3, 7, 101)
    np.testing.assert_allclose(law.cdf(at), oracle.cdf((at - 5.0) / 0.3), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("shape", ORACLES)
def test_no_sample_is_outside_of_the_support_or_beyond_the_reach(shape: Shape) -> None:
    oracle, low, high = ORACLES[shape]
    law = Continuous(shape, 0.5, 1.0)
    assert law.support == (1 + 0.5 * low, 1 + 0.5 * high)
    if math.isfinite(high):
        assert law.reach == high
        assert law.cdf(np.array(law.support)).tolist() == [0, 1]
    else:
        assert oracle.sf(law.reach) + oracle.cdf(-law.reach) < 1e-22


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("distribution", ["uniform", "normal", "truncated_normal"])
def test_the_law_of_variance_scaling_has_its_variance(
    layer: str, distribution: Any, dtype: str
) -> None:
    for mode in ("fan_in", "fan_out", "fan_avg", "fan_geo_avg"):
        spec, shape = of_layer(layer, mode, distribution, 2.0), LAYERS[layer].shape
        law = continuous(spec, shape, dtype)
        complex_truncated = dtype.startswith("complex") and distribution == "truncated_normal"
        excess = 1.0093**2 if complex_truncated else 1.0
        variance = law.unit**2 * law.moment(2)
        assert variance == pytest.approx(excess * spec.variance(shape), rel=1e-4)
        assert law.location == 0


def test_the_law_of_the_plain_functions_is_that_of_their_argument() -> None:
    law = continuous(Spec("uniform", 3.0), (5,), "float32")
    np.testing.assert_allclose(law.support, (0.0, 3.0), rtol=0, atol=1e-15)
    law = continuous(Spec("normal", 0.02), (5,), "float32")
    assert (law.shape, law.location) == ("normal", 0)
    assert law.unit == pytest.approx(0.02, rel=1e-15)
    law = continuous(Spec("truncated_normal", 0.02), (5,), "float32")
    np.testing.assert_allclose(law.support, (-0.04, 0.04), rtol=1e-15)
    # The deviation that truncation leaves is not put right.
    assert law.unit**2 * law.moment(2) == pytest.approx((0.02 * TRUNCATED_STDDEV) ** 2)


# JAX's constant of complex truncated samples


def test_jaxs_constant_for_complex_samples_is_not_the_deviation_that_truncation_leaves() -> None:
    within = quad(lambda r: 2 * r * math.exp(-r * r), 0, 2)[0]
    second = quad(lambda r: r * r * 2 * r * math.exp(-r * r) / within, 0, 2)[0]
    assert math.sqrt(second) == pytest.approx(math.sqrt(1 - 4 / math.expm1(4)), rel=1e-12)
    assert math.sqrt(second) / COMPLEX_TRUNCATED_STDDEV == pytest.approx(1.0093, abs=1e-4)


def test_jaxs_complex_samples_are_wider_than_was_asked_for() -> None:
    pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
    spec, shape, n = of_layer("dense", "fan_in", "truncated_normal"), (256, 1024), 2**18
    drawn = reference.native(spec, key(20), shape, "complex64", compiled=False)
    law = continuous(spec, shape, "complex64")
    ratio = float((np.abs(drawn.astype(np.complex128)) ** 2).mean()) / spec.variance(shape)
    spread = law.moment(4) / law.moment(2) ** 2 - 1
    far = bernstein(n, spread, law.reach**2 / law.moment(2), 1e-9)
    assert abs(ratio / 1.0093**2 - 1) <= far + 1e-4
    assert ratio - 1 > far


# Laws of short dtypes


@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize("spec", SPECS, ids=named)
def test_probabilities_of_a_discrete_law_are_positive_and_have_the_sum_one(
    spec: Spec, dtype: str
) -> None:
    law = continuous(spec, SHAPE, dtype)
    for discrete in (*lattices(spec, SHAPE, dtype), rounded(law, dtype)):
        assert (np.diff(discrete.values) > 0).all()
        assert (discrete.probabilities > 0).all()
        assert discrete.probabilities.sum() == pytest.approx(1, abs=1e-12)
        same = discrete.values.astype(as_dtype(dtype)).astype(np.float64)
        assert (same == discrete.values).all()


@pytest.mark.parametrize("dtype", [*SHORT, "float8_e4m3fn"])
@pytest.mark.parametrize("shape", ["uniform", "normal", "truncated_normal"])
def test_the_rounded_law_is_that_of_an_exact_grid_rounded_one_by_one(
    shape: Shape, dtype: str
) -> None:
    law, points = Continuous(shape, 0.07), 2**20
    exact = law.ppf((np.arange(points) + 0.5) / points)
    values, counts = np.unique(
        exact.astype(as_dtype(dtype)).astype(float) + 0.0, return_counts=True
    )
    discrete = rounded(law, dtype)
    at = np.searchsorted(discrete.values, values)
    assert (discrete.values[at] == values).all()
    found = np.zeros(discrete.values.size)
    found[at] = counts / points
    # An interval has as many points of the grid as fit in, or one more.
    assert np.abs(found - discrete.probabilities).max() <= 1.01 / points


def test_the_rounded_law_is_exact_in_both_tails() -> None:
    discrete = rounded(Continuous("normal", 1.0), "bfloat16")
    assert discrete.values[0] == -discrete.values[-1] < -30
    np.testing.assert_allclose(discrete.probabilities, discrete.probabilities[::-1], rtol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_moments_of_a_discrete_law_are_its_sums(k: int) -> None:
    law = Continuous("uniform", 0.5, 0.5)
    discrete = Discrete("jax", np.array([0.0, 0.25, 1.0]), np.array([0.5, 0.25, 0.25]))
    by_hand = 0.5 * (-1) ** k + 0.25 * (-0.5) ** k + 0.25
    assert discrete.moment(k, law) == pytest.approx(by_hand)
    assert discrete.reach(law) == 1.0


def same_laws(first: Discrete, second: Discrete) -> bool:
    return (
        first.values.tolist() == second.values.tolist()
        and first.probabilities.tolist() == second.probabilities.tolist()
    )


@pytest.mark.parametrize("dtype", SHORT)
@pytest.mark.parametrize("spec", SPECS, ids=named)
def test_a_lattice_law_is_that_of_jaxs_own_draws(spec: Spec, dtype: str) -> None:
    jax = pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
    found = 0
    for compiled in (False, True):
        if compiled and jax.__version_info__ < (0, 11):
            continue  # roundings that `compiled` has no name for
        law = of_jax(spec, dtype, compiled=compiled)
        assert any(same_laws(law, one) for one in lattices(spec, SHAPE, dtype))
        found += 1
    assert found


def of_jax(spec: Spec, dtype: str, *, compiled: bool) -> Discrete:
    """Each uniform of JAX's lattice, by a draw of uniforms with the same random bits.

    Every value is in the draw, but for a probability below 1e-50; each uniform gives one sample,
    and all are equally likely.
    """
    shape, u, first = uniforms_of_jax(dtype)
    # Rows and columns only decide the scale of the law.
    fan_in = of_layer("dense", "fan_in", spec.samples, shape[0] / SHAPE[0])
    wanted = fan_in if spec.initializer == "variance_scaling" else spec
    drawn = reference.native(wanted, key(3), shape, dtype, compiled=compiled)
    wide = drawn.astype(np.float64).reshape(-1) + 0.0
    of_each = wide[first]
    assert (of_each[u] == wide).all()
    values, counts = np.unique(of_each, return_counts=True)
    return Discrete("jax", values, counts / of_each.size)


@functools.cache
def uniforms_of_jax(dtype: str) -> tuple[tuple[int, int], Array, Array]:
    """A shape; which uniform each place of it has; and where each uniform is for the first time."""
    shape = (512, 256)
    drawn = reference.native(Spec("uniform", 1.0), key(3), shape, dtype, compiled=False)
    values, first, which = np.unique(
        drawn.astype(np.float64).reshape(-1), return_index=True, return_inverse=True
    )
    assert values.size == 2 ** ml_dtypes.finfo(as_dtype(dtype)).nmant
    return shape, which, first


@pytest.mark.parametrize("name", reference.VECTORS)
def test_recorded_draws_of_short_dtypes_lie_on_their_lattice(name: str) -> None:
    seen = 0
    for spec, _, shape, dtype, drawn in reference.recorded(name):
        if is_short(dtype) and drawn.size:
            laws = lattices(spec, shape, dtype)
            allowed = np.concatenate([law.values for law in laws])
            wide = drawn.astype(np.float64).reshape(-1) + 0.0
            place = wide[:, None] == allowed
            if np.isnan(allowed).any():  # float8 where the interval's width is infinite
                place |= np.isnan(wide)[:, None] & np.isnan(allowed)
            assert place.any(axis=1).all()
            seen += 1
    assert seen > 10


# What the bound on repeats takes for granted


@pytest.mark.parametrize(
    "data",
    [
        Uniform(1.0),
        Normal(0.02),
        VarianceScaling(1.0, "fan_in", "truncated_normal"),
    ],
    ids=["uniform", "normal", "truncated_normal"],
)
def test_no_more_than_two_uniforms_of_float32_make_one_value(data: Any) -> None:
    law = data.draw(0, SHAPE, "float32").law
    step = 2**18
    several = []
    with np.errstate(invalid="ignore"):
        for start in range(0, 2**23, step):
            fractions = np.arange(start, start + step).astype(np.float32) * np.float32(2.0**-23)
            several.append(np.asarray(from_fraction(NUMPY, law, fractions)))
    ordered = np.sort(np.concatenate(several))
    assert ordered.size == 2**23
    # P(a value) <= 2 * 2**-23 = 2**(1 - mantissa): no three in a row are equal.
    assert not (ordered[2:] == ordered[:-2]).any()


# Distances in ulp


def test_distances_of_float16_are_those_of_the_ordered_list_of_all_its_values() -> None:
    patterns = np.arange(2**16, dtype=np.uint16)
    values = patterns.view(np.float16)
    # Infinities included; -0.0 comes before 0.0.
    finite = values[~np.isnan(values)]
    wide = finite.astype(np.float64)
    ordered = finite[np.lexsort((~np.signbit(finite), wide))]
    rank = {int(one): place for place, one in enumerate(ordered.view(np.uint16))}
    pairs = np.random.default_rng(0).integers(0, finite.size, (2, 100_000))
    near = np.arange(ordered.size - 1)
    for first, second in (
        (finite[pairs[0]], finite[pairs[1]]),
        (ordered[near], ordered[near + 1]),
    ):
        wanted = [
            abs(rank[int(a)] - rank[int(b)])
            for a, b in zip(first.view(np.uint16), second.view(np.uint16), strict=True)
        ]
        assert distances(first, second).tolist() == wanted
    assert (distances(ordered[near], ordered[near + 1]) == 1).all()


def test_nan_is_far_from_every_number_and_at_no_distance_from_nan() -> None:
    first = np.array([np.nan, np.nan, 1.0, -np.nan], np.float32)
    second = np.array([np.nan, 1.0, np.nan, np.nan], np.float32)
    assert distances(first, second).tolist() == [0, 2**62, 2**62, 0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float8_e5m2"])
def test_the_next_value_is_one_away_in_every_dtype(dtype: str) -> None:
    kind = as_dtype(dtype)
    values = np.array([-2.0, -0.5, 0.25, 1.0, 1.75, 0.0], kind)
    above = np.nextafter(values, np.array(np.inf, kind))
    assert distances(values, above).tolist() == [1] * 6
    assert distances(above, values).tolist() == [1] * 6
    assert distances(values[-1:], -values[-1:]).tolist() == [1]


def test_far_values_of_float64_do_not_overflow() -> None:
    first, second = np.array([-np.inf, -1e308]), np.array([np.inf, 1e308])
    assert (distances(first, second) == 2**62).all()


def test_a_complex_number_counts_by_its_farther_part() -> None:
    first = np.array([1 + 2j], np.complex64)
    second = np.array([1 + 2.0000005j], np.complex64)
    assert distances(first, second).tolist() == [2]
    assert distances(second.imag + 1j * first.real, first.imag + 1j * first.real).tolist() == [2]
