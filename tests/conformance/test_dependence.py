"""What is said of samples' places: which slice is odd, which draws are alike, about which mean.

How rarely these checks alarm for nothing is in test_calibration.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from varscale.conformance import dependence
from varscale.conformance.dependence import Moments


@pytest.mark.parametrize("factor", [0.6, 1.6])
@pytest.mark.parametrize(("axis", "where"), [(0, 3), (1, 0), (1, 63)])
def test_one_slice_that_is_too_wide_or_too_narrow_is_named(
    axis: int, where: int, factor: float
) -> None:
    kept = dependence.Dependence("IO")
    scales = np.ones((64, 4096) if axis == 0 else (4096, 64))
    np.moveaxis(scales, axis, 0)[where] = factor
    for name in ("a", "b"):
        kept.add(scales * np.random.default_rng(5).standard_normal(scales.shape), name)
    found = dependence.slices(kept, Moments(0.0, 1.0, 3.0, 10.0), 1e-6)
    assert not found.passed
    assert abs(found.statistic) > 1
    assert found.note.startswith(f"largest at {'IO'[axis]}[{where}:{where + 1}]: ")


def test_every_draw_is_compared_with_the_one_before_it() -> None:
    numbers = np.random.default_rng(5)
    first, second, third = numbers.standard_normal((3, 64, 256))
    for draws, verdict in (
        ((first, second, third), True),
        ((first, first, third), False),
        ((first, second, second), False),
    ):
        kept = dependence.Dependence("IO")
        for name, draw in zip("abc", draws, strict=True):
            kept.add(draw, name)
        found = dependence.keys(kept, Moments(0.0, 1.0, 3.0, 10.0), 1e-9)
        assert found.passed is verdict
        assert verdict or found.note == f"largest: {'a and b' if draws[1] is first else 'b and c'}"


@pytest.mark.parametrize("check", [dependence.lags, dependence.periods, dependence.keys])
def test_correlation_is_about_the_laws_mean(check: Any) -> None:
    # Two values with a mean of a half, as on a coarse lattice; nothing depends on anything.
    numbers = np.random.default_rng(5)
    kept = dependence.Dependence("IO")
    for name in ("a", "b"):
        kept.add(0.5 + numbers.choice([-1.0, 1.0], (256, 256)), name)
    right = check(kept, Moments(0.5, 1.25, 0.5**4 + 6 * 0.25 + 1, 1.5), 1e-9)
    assert right.passed
    assert abs(right.statistic) < 0.05
    about_zero = check(kept, Moments(0.0, 1.25, 0.5**4 + 6 * 0.25 + 1, 1.5), 1e-9)
    assert not about_zero.passed
    assert about_zero.statistic == pytest.approx(0.25 / 1.25, abs=0.05)
