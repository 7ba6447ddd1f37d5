"""`compiled=True` against the installed JAX under jit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from .compare import agree, command, steps
from .factories import DISTRIBUTIONS, own_factory
from .oracle import EXACT, VERSION, configured, is_reference, jax


def jitted(name: str, args: tuple[Any, ...], kwargs: Any, seed: int, *call: Any) -> Any:
    init = getattr(jax.nn.initializers, name)(*args, **kwargs)
    with configured(x64="float64" in map(str, call)):
        key = jax.random.key(seed, impl="threefry2x32")
        return np.asarray(jax.jit(lambda key: init(key, *call))(key))


def form_under_jit(distribution: str, dtype: str) -> bool:
    """What `compiled=` must be for the values that this JAX has under jit."""
    if VERSION >= (0, 11) or distribution == "uniform":
        return True
    if dtype == "float64":
        if distribution == "normal":
            # Folded, but with the old log1p: a form that varscale has not.
            pytest.skip("not available: jax>=0.11")
        return False
    # XLA does not fold constants in what it computes in a wider dtype.
    return dtype != "bfloat16" or distribution != "normal"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_compiled_variance_scaling_is_that_of_jit(distribution: Any, dtype: str) -> None:
    compiled = form_under_jit(distribution, dtype)
    for scale, mode, shape in ((1.0, "fan_in", (33, 64)), (0.37, "fan_avg", (3, 3, 4, 8))):
        args = (scale, mode, distribution)
        got = own_factory("variance_scaling", compiled)(*args)(9, shape, dtype)
        want = jitted("variance_scaling", args, {}, 9, shape, dtype)
        agree(got, want, f"{args}, jit", exact=is_reference(shape, dtype, distribution))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize("name", ["normal", "truncated_normal"])
def test_compiled_normals_are_those_of_jit(name: str, dtype: str) -> None:
    compiled = form_under_jit(name, dtype)
    for stddev in (1.0, 0.02):
        got = own_factory(name, compiled)(stddev)(10, (33, 64), dtype)
        want = jitted(name, (stddev,), {}, 10, (33, 64), dtype)
        agree(got, want, f"{name}({stddev}), jit", exact=EXACT)


def test_compiled_bounds_are_mostly_those_of_jit() -> None:
    if not EXACT:
        pytest.skip("not available: jax>=0.10")
    # XLA folds the bounds with a libm of its own: a bound may be one float32 away.
    equal, ulp = [], []
    for lower, upper in ((-1.0, 1.0), (-3.0, 3.0), (-0.5, 2.5), (0.0, math.inf), (-1.7, 0.3)):
        kwargs = {"lower": lower, "upper": upper}
        want = jitted("truncated_normal", (1.0,), kwargs, 11, (64, 64), "float32")
        got = own_factory("truncated_normal", True)(1.0, **kwargs)(11, (64, 64), "float32")
        middle = np.abs(want) > 0.01  # near zero one step of a bound is many of a sample
        distance = steps(got, want)[middle]
        equal.append(float((distance == 0).mean()))
        ulp.append(int(distance.max()))
    text = f"equal {equal}, ulp {ulp}; repeat with {command()}"
    print(text)
    assert np.mean(equal) > 0.7, text
    assert max(ulp) <= 64, text
