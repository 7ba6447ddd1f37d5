"""Haiku's initializers against varscale's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.compare import assert_identical
from tests.core.oracle import EAGER, jax
from tests.porting.haiku_params import hk, jnp
from varscale.port.libraries import HaikuVarianceScaling


@pytest.mark.parametrize(
    ("dtype", "compiled"),
    [
        ("float16", False),
        ("bfloat16", False),
        ("float32", False),
        ("float64", False),
        ("float32", True),
    ],
)
@pytest.mark.parametrize(
    "initializers",
    [
        (hk.initializers.VarianceScaling(s, m, d, axes), HaikuVarianceScaling(s, m, d, axes))
        for s, m, d, axes in (
            (1.0, "fan_in", "truncated_normal", None),
            (0.3, "fan_out", "truncated_normal", (0, 1)),
            (2.0, "fan_avg", "normal", None),
            (3.0, "fan_in", "uniform", (0,)),
            (0.0, "fan_in", "uniform", None),
        )
    ]
    + [
        (hk.initializers.TruncatedNormal(0.37), varscale.initializers.TruncatedNormal(0.37)),
        (hk.initializers.RandomNormal(0.37), varscale.initializers.Normal(0.37)),
        (
            hk.initializers.RandomUniform(-0.2, 0.37),
            varscale.initializers.UniformBetween(-0.2, 0.37),
        ),
    ],
    ids=lambda pair: type(pair[0]).__name__,
)
def test_initializers_of_haiku(initializers: Any, dtype: str, compiled: bool) -> None:
    theirs, ours = initializers
    with jax.enable_x64(dtype == "float64"):
        for shape in ((30, 20), (40,), (3, 10, 8), (), (0, 5)):
            init = hk.transform(lambda shape=shape: theirs(shape, jnp.dtype(dtype))).apply
            call = jax.jit(lambda key, init=init: init({}, key)) if compiled else None
            key = jax.random.PRNGKey(3)
            want = np.asarray(call(key) if call else init({}, key))
            rounding = True if compiled else EAGER
            data = ours
            if hasattr(data, "compiled"):
                data = type(data)(**{
                    **{name: getattr(data, name) for name in data.__slots__}, "compiled": rounding
                })  # fmt: skip
            drawn = data.draw(next(varscale.haiku.PRNGSequence(3)), shape, dtype)
            got = np.empty(shape, drawn.dtype)
            varscale.fill(drawn, got)
            assert_identical(got, want, f"{theirs} {shape} {dtype}")
