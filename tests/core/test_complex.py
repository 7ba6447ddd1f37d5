"""Complex draws against the installed JAX: disks, normals, normals with a truncated modulus."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import varscale
from varscale import Layout

from .cases import SEEDS, random_cases
from .compare import assert_identical, command, steps
from .oracle import EAGER, VERSION, configured, jax

from hypothesis import given  # isort: skip
from hypothesis import strategies as st  # isort: skip

DTYPES = ("complex64", "complex128")
DISTRIBUTIONS = ("normal", "uniform", "truncated_normal")
# Before 0.10 JAX refuses rank <= 1, and before 0.12 fans of zero-sized arrays.
SHAPES = ((3, 4), (7, 31, 3), (257, 257))
if VERSION >= (0, 10):
    SHAPES += ((), (5,))
if VERSION >= (0, 12):
    SHAPES += ((0, 4),)
AXES: dict[str, Any] = {"in_axis": (), "out_axis": ()}
#: Whether this JAX computes complex draws as the reference does, to the last bit.
EXACT = VERSION >= (0, 10)


def parts(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(values).view(values.real.dtype)


def check(got: Any, want: Any, case: str) -> None:
    """Identical; for an older JAX, each part within 2**-20 of the modulus or 2**-45."""
    if EXACT:
        assert_identical(got, want, case)
        return
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    bound = 2.0**-20 if got.dtype == np.complex64 else 2.0**-45
    excess = np.abs(got - want) - bound * np.abs(want)
    assert not got.size or excess.max() <= 0, f"{case}; repeat with {command()}"


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_complex_variance_scaling_is_that_of_jax(dtype: str, distribution: Any) -> None:
    @random_cases(max_examples=12)
    @given(seed=SEEDS, shape=st.sampled_from(SHAPES), scale=st.floats(1e-3, 1e3) | st.just(0.0))
    def run(seed: int, shape: tuple[int, ...], scale: float) -> None:
        args = (scale, "fan_avg", distribution)
        with configured(x64=dtype == "complex128"):
            key = jax.random.key(seed)
            want = np.asarray(
                jax.nn.initializers.variance_scaling(*args, **AXES)(key, shape, dtype)
            )
        init = varscale.numpy.variance_scaling(*args, **AXES, compiled=EAGER)
        key = varscale.key(seed, x64=dtype == "complex128")
        check(init(key, shape, dtype), want, f"{args}, {seed}, {shape}, {dtype}")

    run()


@pytest.mark.parametrize("dtype", DTYPES)
def test_complex_normal_is_that_of_jax(dtype: str) -> None:
    for stddev in (1.0, 0.3, 1e-40):
        with configured(x64=dtype == "complex128"):
            want = np.asarray(jax.nn.initializers.normal(stddev)(jax.random.key(3), (99,), dtype))
        got = varscale.numpy.normal(stddev, compiled=EAGER)(3, (99,), dtype)
        check(got, want, f"normal({stddev}), {dtype}")


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_complex_draws_are_those_of_jit(dtype: str, distribution: Any) -> None:
    if VERSION < (0, 12):
        pytest.skip("not available: jax>=0.12")  # older jits fold, and have another log1p
    args = (1.7, "fan_in", distribution)
    init = jax.nn.initializers.variance_scaling(*args)
    with configured(x64=dtype == "complex128"):
        draw = jax.jit(lambda key: init(key, (300, 1001), dtype))
        want = np.asarray(draw(jax.random.key(5)))
    got = varscale.numpy.variance_scaling(*args, compiled=True)(5, (300, 1001), dtype)
    # XLA's code for some inner dimensions fuses the two products of its logarithm the other way
    # round, by position: at most 3 ulp, in at most 3 of 10**4 values.
    distance = steps(parts(got), parts(want))
    assert distance.max() <= 3
    assert (distance != 0).mean() <= 3e-4


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_angle_and_every_modulus_of_a_disk_keeps_to_it(dtype: str) -> None:
    init = varscale.numpy.variance_scaling(1.0, "fan_in", "uniform", **AXES)
    values = init(0, (4, 1 << 14), dtype)
    radius = np.sqrt(2.0 / values.size)  # of a disk of variance 1 / fan_in
    assert np.abs(values).max() <= radius * 1.000001
    assert np.abs(np.mean(np.abs(values) ** 2) * values.size - 1.0) < 0.02


@pytest.mark.parametrize("dtype", DTYPES)
def test_complex_layouts_permute_the_whole(dtype: str) -> None:
    init = varscale.numpy.variance_scaling(1.0, "fan_in", "truncated_normal")
    whole = init(1, (3, 5, 7), dtype)
    got = init(1, (3, 5, 7), dtype, layout=Layout("cab", of="abc", flip="b"))
    assert_identical(got, np.ascontiguousarray(whole[:, ::-1].transpose(2, 0, 1)), dtype)


@pytest.mark.parametrize("name", ["uniform", "truncated_normal"])
def test_real_distributions_refuse_complex_dtypes_as_jax_does(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        getattr(jax.nn.initializers, name)()(jax.random.key(0), (3,), "complex64")
    with pytest.raises(ValueError, match=r"^dtype must be one of .*; got complex64$"):
        getattr(varscale.numpy, name)()(0, (3,), "complex64")


def test_legacy_complex_draws_are_those_of_jax() -> None:
    with configured(partitionable=False):
        init = jax.nn.initializers.variance_scaling(1.0, "fan_in", "uniform")
        want = np.asarray(init(jax.random.key(3), (33, 7), "complex64"))
    key = varscale.key(3, partitionable=False)
    got = varscale.numpy.variance_scaling(1.0, "fan_in", "uniform")(key, (33, 7), "complex64")
    check(got, want, "legacy")
