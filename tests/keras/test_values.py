"""What the classes and functions draw: the reference's values, on the backend, in every dtype."""

from __future__ import annotations

import random
from typing import Any

import ml_dtypes
import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")

import varscale  # noqa: E402
import varscale.keras as vk  # noqa: E402
import varscale.numpy as vn  # noqa: E402
from varscale.family import FACTORIES  # noqa: E402

#: The shape is a Keras kernel's; then the class of each name, and the reference of the same.
SHAPE = (3, 4, 6)
CASES: dict[str, tuple[Any, Any]] = {
    "VarianceScaling, normal, fan_geo_avg": (
        lambda **k: vk.VarianceScaling(2.0, "fan_geo_avg", "normal", **k),
        vn.variance_scaling(2.0, "fan_geo_avg", "normal"),
    ),
    "VarianceScaling, axes": (
        lambda **k: vk.VarianceScaling(
            0.5, "fan_out", "truncated_normal", in_axis=(0, 1), out_axis=2, **k
        ),
        vn.variance_scaling(0.5, "fan_out", "truncated_normal", (0, 1), 2),
    ),
    "VarianceScaling, one axis": (
        lambda **k: vk.VarianceScaling(0.5, "fan_avg", "uniform", in_axis=0, **k),
        vn.variance_scaling(0.5, "fan_avg", "uniform", 0),
    ),
    "VarianceScaling, batch": (
        lambda **k: vk.VarianceScaling(0.5, "fan_in", "uniform", batch_axis=0, **k),
        vn.variance_scaling(0.5, "fan_in", "uniform", batch_axis=0),
    ),
    "VarianceScaling, depthwise": (
        lambda **k: vk.VarianceScaling(in_axis=(), out_axis=-1, batch_axis=-2, **k),
        vn.variance_scaling(1.0, "fan_in", "truncated_normal", (), -1, -2),
    ),
    "VarianceScaling, input_axes": (
        lambda **k: vk.VarianceScaling(input_axes=[0], output_axes=[1, 2], **k),
        vn.variance_scaling(1.0, "fan_in", "truncated_normal", 0, (1, 2)),
    ),
    "VarianceScaling, in_axis before input_axes": (
        lambda **k: vk.VarianceScaling(in_axis=2, input_axes=[0], output_axes=[1], **k),
        vn.variance_scaling(1.0, "fan_in", "truncated_normal", 2, 1),
    ),
    "VarianceScaling, input_axes less batch_axis": (
        lambda **k: vk.VarianceScaling(
            mode="fan_out", batch_axis=-3, input_axes=[1], output_axes=[0, 2], **k
        ),
        vn.variance_scaling(1.0, "fan_out", "truncated_normal", 1, 2, 0),
    ),
    "VarianceScaling()": (
        vk.VarianceScaling,
        vn.variance_scaling(1.0, "fan_in", "truncated_normal"),
    ),
    "GlorotUniform": (vk.GlorotUniform, vn.glorot_uniform()),
    "GlorotNormal": (vk.GlorotNormal, vn.glorot_normal()),
    "LecunUniform": (vk.LecunUniform, vn.lecun_uniform()),
    "LecunNormal": (vk.LecunNormal, vn.lecun_normal()),
    "HeUniform": (vk.HeUniform, vn.he_uniform()),
    "HeNormal": (vk.HeNormal, vn.he_normal()),
    "XavierUniform": (vk.XavierUniform, vn.xavier_uniform()),
    "XavierNormal": (vk.XavierNormal, vn.xavier_normal()),
    "KaimingUniform": (vk.KaimingUniform, vn.kaiming_uniform()),
    "KaimingNormal": (vk.KaimingNormal, vn.kaiming_normal()),
    "Uniform": (lambda **k: vk.Uniform(0.3, **k), vn.uniform(0.3)),
    "Normal": (lambda **k: vk.Normal(0.3, **k), vn.normal(0.3)),
    "TruncatedNormal": (
        lambda **k: vk.TruncatedNormal(0.3, lower=-1.0, upper=2.5, **k),
        vn.truncated_normal(0.3, None, -1.0, 2.5),
    ),
    "Orthogonal": (
        lambda **k: vk.Orthogonal(0.5, column_axis=1, **k),
        vn.orthogonal(0.5, 1),
    ),
    "DeltaOrthogonal": (lambda **k: vk.DeltaOrthogonal(0.5, **k), vn.delta_orthogonal(0.5)),
}
CONSTANTS = {
    "Constant": (vk.Constant(0.3), vn.constant(0.3)),
    "Constant, array": (vk.Constant(np.arange(6.0)), vn.constant(np.arange(6.0))),
    "Zeros": (vk.Zeros(), vn.zeros),
    "Ones": (vk.Ones(), vn.ones),
}
NO_HALVES = ("Orthogonal", "DeltaOrthogonal")


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_a_class_draws_the_reference(
    case: str, dtype: str, assert_identical: Any, wide: Any
) -> None:
    make, reference = CASES[case]
    if case in NO_HALVES and dtype in ("float16", "bfloat16"):
        with pytest.raises(NotImplementedError, match="dtype must be one of"):
            make(key=11)(SHAPE, dtype)
        return
    with wide():
        assert_identical(make(key=11)(SHAPE, dtype), reference(11, SHAPE, dtype))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("case", CONSTANTS)
def test_a_constant_needs_no_key(case: str, dtype: str, assert_identical: Any) -> None:
    initializer, reference = CONSTANTS[case]
    assert_identical(initializer(SHAPE, dtype), reference(0, SHAPE, dtype))


@pytest.mark.parametrize("name", FACTORIES)
def test_a_function_draws_the_reference(name: str, assert_identical: Any) -> None:
    arguments = {"variance_scaling": (2.0, "fan_out", "normal"), "constant": (0.3,)}.get(name, ())
    init, reference = (getattr(module, name)(*arguments) for module in (vk, vn))
    key = varscale.key(11)
    assert_identical(init(key, SHAPE), reference(key, SHAPE))
    assert_identical(init(key, SHAPE, "float32"), reference(key, SHAPE))


def test_zeros_and_ones_are_functions_as_in_jax(assert_identical: Any) -> None:
    assert_identical(vk.zeros(0, (2,)), np.zeros(2, np.float32))
    assert_identical(vk.ones(0, (2,), "int32"), np.ones(2, np.int32))


def test_the_result_is_a_tensor_of_the_backend() -> None:
    for tensor in (vk.LecunNormal(key=0)((2, 3)), vk.lecun_normal()(0, (2, 3))):
        assert type(tensor) is type(keras.ops.ones((2, 3)))
        assert getattr(tensor, "device", None) == getattr(keras.ops.ones(1), "device", None)


def test_the_dtype_is_the_calls_then_the_initializers_then_floatx(assert_identical: Any) -> None:
    plain, half = vk.Normal(key=0), vk.Normal(key=0, dtype="float16")
    assert_identical(plain((4,)), vn.normal()(0, (4,), "float32"))
    assert_identical(half((4,)), vn.normal()(0, (4,), "float16"))
    assert_identical(half((4,), "bfloat16"), vn.normal()(0, (4,), "bfloat16"))
    keras.config.set_floatx("float16")
    try:
        assert_identical(plain((4,)), vn.normal()(0, (4,), "float16"))
        assert_identical(vk.normal()(0, (4,)), vn.normal()(0, (4,), "float16"))
        assert_identical(vk.normal(dtype="float32")(0, (4,)), vn.normal()(0, (4,), "float32"))
    finally:
        keras.config.set_floatx("float32")


def test_a_dtype_may_be_the_backends_own(assert_identical: Any) -> None:
    own = keras.ops.ones(1, dtype="bfloat16").dtype
    for kind in (own, ml_dtypes.bfloat16):
        assert_identical(vk.Normal(key=0)((4,), kind), vn.normal()(0, (4,), "bfloat16"))
        assert_identical(vk.normal()(0, (4,), kind), vn.normal()(0, (4,), "bfloat16"))


def test_float64_is_float32_where_jax_has_no_64_bits(assert_identical: Any) -> None:
    if keras.backend.backend() != "jax":
        pytest.skip("not available: jax-backend")
    assert_identical(vk.Normal(key=0)((4,), "float64"), vn.normal()(0, (4,), "float32"))


def test_normal_is_not_truncated(as_numpy: Any) -> None:
    normal = as_numpy(vk.VarianceScaling(1.0, "fan_in", "normal", key=0)((1, 10000)))
    truncated = as_numpy(vk.VarianceScaling(key=0)((1, 10000)))
    assert np.abs(normal).max() > 3
    assert np.abs(truncated).max() < 2 / 0.879


def test_an_empty_shape_and_a_zero_sized_one_draw(assert_identical: Any) -> None:
    assert_identical(vk.Normal(key=5)(()), vn.normal()(5, ()))
    assert_identical(vk.Normal(key=5)(7), vn.normal()(5, (7,)))
    assert_identical(vk.LecunNormal(key=5)((0, 4)), np.zeros((0, 4), np.float32))


def test_no_global_generator_is_used(as_numpy: Any) -> None:
    def following(draw: bool) -> tuple[Any, ...]:
        keras.utils.set_random_seed(5)
        if draw:
            keras.layers.Dense(3, kernel_initializer=vk.LecunNormal(key=0)).build((None, 2))
            vk.Normal(seed=3)((4,))
            vk.orthogonal()(1, (3, 3))
        backends = as_numpy(keras.random.normal((4,))).tolist()
        return backends, np.random.rand(), random.random()

    assert following(True) == following(False)
