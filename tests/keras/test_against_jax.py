"""The Keras adapter against the installed jax.nn.initializers, on whatever backend Keras has."""

from __future__ import annotations

from typing import Any

import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")
jax = pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")

import varscale.keras as vk  # noqa: E402

if jax.__version_info__ < (0, 10):
    pytest.skip("not available: jax>=0.10", allow_module_level=True)

#: Gives this JAX's eager values.
EAGER = {"compiled": None if jax.__version_info__ >= (0, 11) else False}
#: No last axis of 3 to 6 elements: there the newest JAX has no one value (docs/exactness.md), and
#: tests/core bounds the distance.
AXES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "dense": ((5, 7), {}),
    "conv": ((3, 3, 4, 8), {}),
    "conv transpose": ((3, 3, 8, 7), {"in_axis": -1, "out_axis": -2}),
    "depthwise": ((3, 3, 4, 2), {"in_axis": (), "out_axis": -1, "batch_axis": -2}),
    "query": ((6, 2, 7), {"in_axis": 0, "out_axis": (1, 2)}),
    "output": ((2, 3, 8), {"in_axis": (0, 1), "out_axis": 2}),
}
RULES = (
    ("fan_in", "truncated_normal"),
    ("fan_out", "normal"),
    ("fan_avg", "uniform"),
    ("fan_geo_avg", "normal"),
)
NAMED = (
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("axes", AXES)
def test_variance_scaling_is_identical_to_jax(
    axes: str, rule: tuple[Any, Any], assert_identical: Any
) -> None:
    shape, named = AXES[axes]
    oracle = jax.nn.initializers.variance_scaling(1.7, *rule, **named)
    want = oracle(jax.random.key(9), shape, "float32")
    init = vk.VarianceScaling(1.7, *rule, **named, key=9, **EAGER)
    assert_identical(init(shape), want)
    function = vk.variance_scaling(1.7, *rule, **named, **EAGER)
    assert_identical(function(9, shape), want)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("distribution", ["truncated_normal", "normal", "uniform"])
def test_every_dtype_is_identical_to_jax(
    distribution: Any, dtype: str, assert_identical: Any, wide: Any
) -> None:
    with jax.enable_x64(dtype == "float64"):
        oracle = jax.nn.initializers.variance_scaling(1.7, "fan_geo_avg", distribution)
        want = oracle(jax.random.key(9), (5, 7), dtype)
    with wide():
        init = vk.VarianceScaling(1.7, "fan_geo_avg", distribution, key=9, **EAGER)
        assert_identical(init((5, 7), dtype), want)


@pytest.mark.parametrize("name", NAMED)
def test_a_name_means_what_it_means_in_jax(name: str, assert_identical: Any) -> None:
    want = getattr(jax.nn.initializers, name)()(jax.random.key(9), (5, 7), "float32")
    title = "".join(part.title() for part in name.split("_"))
    assert_identical(getattr(vk, title)(key=9)((5, 7)), want)
    assert_identical(getattr(vk, name)()(9, (5, 7)), want)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (vk.Uniform(0.3, key=9), jax.nn.initializers.uniform(0.3)),
        (vk.Normal(0.3, key=9, **EAGER), jax.nn.initializers.normal(0.3)),
        (
            vk.TruncatedNormal(0.3, lower=-1.0, upper=2.5, key=9, **EAGER),
            jax.nn.initializers.truncated_normal(0.3, lower=-1.0, upper=2.5),
        ),
        (
            vk.Orthogonal(0.5, column_axis=1, key=9, **EAGER),
            jax.nn.initializers.orthogonal(0.5, 1),
        ),
        (vk.DeltaOrthogonal(0.5, key=9, **EAGER), jax.nn.initializers.delta_orthogonal(0.5)),
        (vk.Constant(0.3), jax.nn.initializers.constant(0.3)),
        (vk.Zeros(), jax.nn.initializers.zeros),
        (vk.Ones(), jax.nn.initializers.ones),
    ],
    ids=lambda one: type(one).__name__,
)
def test_an_initializer_without_fans_is_identical_to_jax(
    ours: Any, theirs: Any, assert_identical: Any
) -> None:
    assert_identical(ours((3, 4, 8)), theirs(jax.random.key(9), (3, 4, 8), "float32"))


def test_a_key_of_jax_is_a_key(assert_identical: Any) -> None:
    for key in (jax.random.key(9), jax.random.PRNGKey(9), jax.random.split(jax.random.key(9))[1]):
        want = jax.nn.initializers.lecun_normal()(key, (5, 7), "float32")
        assert_identical(vk.LecunNormal(key=key)((5, 7)), want)
        assert_identical(vk.lecun_normal()(key, (5, 7)), want)


@pytest.mark.parametrize("shape", [(), (7,)])
def test_a_shape_that_jax_refuses_is_refused_with_the_same_type(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 2D"):
        jax.nn.initializers.lecun_normal()(jax.random.key(0), shape, "float32")
    with pytest.raises(ValueError, match="the shape must be at least 2-D, got"):
        vk.LecunNormal(key=0)(shape)
