"""exp and log of drawn values, as in the initializers of state-space models: JAX's, bit for bit."""

from __future__ import annotations

import re
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.core.oracle import configured, jax
from tests.recipe.oracle import EVERY_BIT, compare, recorded
from varscale import recipe
from varscale.recipe.arithmetic import elementwise

numpy, random = jax.numpy, jax.random

#: As many values of each sign and size as of every other, and those at which the result changes.
BITS = np.random.default_rng(0).integers(0, 2**32, 1 << 16, np.uint32).view(np.float32)
NEAR = np.random.default_rng(1).uniform(-90, 90, 1 << 16).astype(np.float32)
EDGES = [0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 88.38, 88.72283, 88.7229, 88.8, 89, -87.33,
         -87.34, -87.8, -104, 1e-40, -1e-40, 1.1754944e-38, 3e38]  # fmt: skip
VALUES = np.concatenate([BITS, NEAR, np.array(EDGES, np.float32)])


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("name", ["exp", "log"])
def test_every_kind_of_value_is_as_in_jax(name: str, dtype: Any) -> None:
    with np.errstate(all="ignore"):
        values = VALUES.astype(dtype)
    got = elementwise(name, values)
    want = np.asarray(getattr(numpy, name)(values))
    assert got.dtype == want.dtype
    got, want = got.astype(np.float32), want.astype(np.float32)
    wrong = (got.view(np.int32) != want.view(np.int32)) & ~(np.isnan(got) & np.isnan(want))
    if EVERY_BIT:
        cases = [(float(values[i]), float(got[i]), float(want[i])) for i in np.flatnonzero(wrong)]
        assert not cases, f"{name}: (value, computed, expected) {cases[:5]} of {len(cases)}"
    assert wrong.sum() < values.size // 100


#: Of these, some are computed in another way (varscale/recipe/recording/products.py).
SHAPES = [*((size,) for size in range(18)), (), (24,), (31,), (64,), (1, 1), (1, 3), (3, 1), (1, 7),
          (2, 3), (3, 5), (4, 4), (3, 7), (2, 1, 3), (2, 2, 2), (3, 3, 3)]  # fmt: skip


def is_recorded(function: Any, **options: Any) -> bool:
    """Whether a function is; where it is not, its exponentials are the reason."""
    try:
        recorded(function, **options)
    except NotImplementedError as error:
        if not re.search("XLA may round it in another way for [0-9]+ elements;", str(error)):
            raise
        return False
    return True


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_shape_is_as_in_jax_or_refused(shape: tuple[int, ...]) -> None:
    size = int(np.prod(shape))
    values = np.random.default_rng(2).uniform(0, 9, (max(20, 60 // max(1, size)), *shape))
    for name in ("exp", "log"):
        function = getattr(numpy, name)
        known = is_recorded(lambda key, f=function: f(random.uniform(key, shape)))
        assert known == (size < 2 or size > 15 or size % 4 == 0)
        for one in values.astype(np.float32) if known and EVERY_BIT else ():
            assert (elementwise(name, one) == np.asarray(function(one))).all(), name


def s4d(key: Any) -> Any:
    """The step sizes of S4D and Mamba, between 0.001 and 0.1 on a logarithmic scale."""
    low, high = np.log(0.001), np.log(0.1)
    return {"dt": numpy.exp(random.uniform(key, (12,)) * (high - low) + low)}


def lru(key: Any) -> Any:
    """The radii and angles of Linear Recurrent Units, as their logarithms."""
    one, two = random.split(key)
    squares = random.uniform(one, (12,)) * (0.99**2 - 0.9**2) + 0.9**2
    return {"nu": numpy.log(-0.5 * numpy.log(squares)),
            "theta": numpy.log(6.28 * random.uniform(two, (12,)))}  # fmt: skip


def gumbel(key: Any) -> Any:
    """Gumbel's law, written out: `jax.random.gumbel` draws bits of its own."""
    return {"g": -numpy.log(-numpy.log(random.uniform(key, (12,), minval=1e-30))),
            "h": numpy.exp(random.normal(key, (12,), numpy.bfloat16))}  # fmt: skip


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("function", [s4d, lru, gumbel])
def test_an_init_with_exponentials_is_replayed_bit_for_bit(function: Any, compiled: bool) -> None:
    compare(function, compiled=compiled)


def test_other_dtypes_and_accuracies_are_refused_by_name() -> None:
    with (
        configured(x64=True),
        pytest.raises(NotImplementedError, match=r"exp\(float64\[2\]\) cannot .* only of"),
    ):
        recipe.record(lambda key: numpy.exp(random.normal(key, (2,), numpy.float64)))
    exact = jax.lax.AccuracyMode.HIGHEST if hasattr(jax.lax, "AccuracyMode") else None
    if exact is not None:
        with pytest.raises(NotImplementedError, match="another accuracy"):
            recipe.record(lambda key: jax.lax.exp(random.normal(key, (2,)), accuracy=exact))
