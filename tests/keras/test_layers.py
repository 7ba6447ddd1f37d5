"""The classes in Keras' layers: axes from EinsumDense, dtypes from policies, tracing."""

from __future__ import annotations

from typing import Any

import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")

import varscale.keras as vk  # noqa: E402
import varscale.numpy as vn  # noqa: E402

BACKEND = keras.backend.backend()


def test_a_dense_kernel_and_bias_are_the_reference(assert_identical: Any) -> None:
    dense = keras.layers.Dense(
        7, kernel_initializer=vk.LecunNormal(key=3), bias_initializer=vk.Normal(0.1, key=4)
    )
    dense.build((None, 5))
    assert_identical(dense.kernel, vn.lecun_normal()(3, (5, 7)))
    assert_identical(dense.bias, vn.normal(0.1)(4, (7,)))


@pytest.mark.parametrize(
    ("layer", "shape", "axes"),
    [
        (keras.layers.Conv1D(6, 3), (3, 4, 6), ()),
        (keras.layers.Conv2D(6, 3, groups=2), (3, 3, 2, 6), ()),
        (keras.layers.Conv2DTranspose(6, 3), (3, 3, 6, 4), ()),
        (keras.layers.Conv2DTranspose(6, 3), (3, 3, 6, 4), (-1, -2)),
    ],
)
def test_a_convolution_kernel_follows_jaxs_rule_on_keras_shape(
    layer: Any, shape: tuple[int, ...], axes: tuple[int, ...], assert_identical: Any
) -> None:
    named = dict(zip(("in_axis", "out_axis"), axes, strict=False))
    config = {**layer.get_config(), "kernel_initializer": vk.GlorotNormal(key=3, **named)}
    layer = type(layer).from_config(config)
    layer.build((None,) + (8,) * (len(shape) - 2) + (4,))
    assert_identical(layer.kernel, vn.glorot_normal(*axes)(3, shape))


def test_a_depthwise_kernel_takes_the_documented_axes(assert_identical: Any) -> None:
    rule = vk.HeNormal(batch_axis=-2, in_axis=(), out_axis=-1, key=3)
    layer = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, depthwise_initializer=rule)
    layer.build((None, 8, 8, 4))
    # The fans of Flax's kernel of the same layer, (3, 3, 1, 8): fan_in is 9.
    want = vn.variance_scaling(2.0 / 9, "fan_in", "truncated_normal", (), (0, 1, 2, 3))
    assert_identical(layer.kernel, want(3, (3, 3, 4, 2)))


@pytest.mark.parametrize(
    ("equation", "output", "axes", "shape"),
    [
        ("abc,cde->abde", (None, 2, 4), (0, (1, 2)), (8, 2, 4)),
        ("abcd,cde->abe", (None, 8), ((0, 1), 2), (2, 4, 8)),
        ("ab,bc->ac", (7,), (0, 1), (5, 7)),
    ],
)
@pytest.mark.parametrize("given", [{"key": 3}, {"seed": 3}])
def test_einsum_dense_gives_its_axes(
    equation: str,
    output: Any,
    axes: Any,
    shape: tuple[int, ...],
    given: dict[str, int],
    assert_identical: Any,
) -> None:
    init = vk.VarianceScaling(1.0, "fan_avg", "uniform", **given)
    layer = keras.layers.EinsumDense(equation, output, kernel_initializer=init)
    fan_in_shape = {8: (None, 3, 8), 2: (None, 3, 2, 4), 5: (None, 5)}[shape[0]]
    layer.build(fan_in_shape)
    assert_identical(layer.kernel, vn.glorot_uniform(*axes)(3, shape))
    assert init.in_axis is None  # Keras gave the axes to a clone


def test_einsum_dense_keeps_axes_that_were_given(assert_identical: Any) -> None:
    init = vk.HeUniform(in_axis=1, out_axis=2, key=3)
    layer = keras.layers.EinsumDense("abc,cde->abde", (None, 2, 4), kernel_initializer=init)
    layer.build((None, 3, 8))
    assert_identical(layer.kernel, vn.he_uniform(1, 2)(3, (8, 2, 4)))


def test_a_batch_axis_of_einsum_dense_can_be_named(assert_identical: Any) -> None:
    init = vk.HeUniform(batch_axis=0, key=3)
    layer = keras.layers.EinsumDense("bi,bio->bo", (4,), kernel_initializer=init)
    layer.build((3, 5))
    assert_identical(layer.kernel, vn.he_uniform(1, 2, 0)(3, (3, 5, 4)))


def test_an_unseeded_initializer_in_einsum_dense_keeps_its_seed(assert_identical: Any) -> None:
    init = vk.HeUniform()
    layer = keras.layers.EinsumDense("ab,bc->ac", (7,), kernel_initializer=init)
    layer.build((None, 5))
    assert_identical(layer.kernel, vn.he_uniform()(init.seed, (5, 7)))


def test_one_object_in_two_layers_gives_equal_kernels_as_a_seed_does(assert_identical: Any) -> None:
    init = vk.LecunNormal(key=3)
    first, second = (keras.layers.Dense(5, kernel_initializer=init) for _ in range(2))
    for layer in (first, second):
        layer.build((None, 5))
        assert_identical(layer.kernel, vn.lecun_normal()(3, (5, 5)))


@pytest.mark.parametrize(
    ("policy", "dtype"),
    [
        ("mixed_bfloat16", "float32"),
        ("mixed_float16", "float32"),
        ("float16", "float16"),
        ("bfloat16", "bfloat16"),
    ],
)
def test_the_policys_variable_dtype_is_drawn(
    policy: str, dtype: str, assert_identical: Any
) -> None:
    dense = keras.layers.Dense(7, kernel_initializer=vk.LecunNormal(key=3), dtype=policy)
    dense.build((None, 5))
    assert_identical(dense.kernel, vn.lecun_normal()(3, (5, 7), dtype))


def test_a_seed_generator_serves_a_model_that_keras_traces(assert_identical: Any) -> None:
    class Model(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            init = vk.LecunNormal(seed=keras.random.SeedGenerator(7))
            self.one = keras.layers.Dense(5, kernel_initializer=init)
            self.two = keras.layers.Dense(5, kernel_initializer=init)

        def call(self, x: Any) -> Any:
            return self.two(self.one(x))

    import varscale

    model = Model()
    model(keras.Input((5,)))
    assert_identical(model.one.kernel, vn.lecun_normal()(varscale.Key((7, 0)), (5, 5)))
    assert_identical(model.two.kernel, vn.lecun_normal()(varscale.Key((7, 1)), (5, 5)))


def test_a_call_inside_a_traced_function_gives_the_same_values(assert_identical: Any) -> None:
    def drawn() -> Any:
        return vk.LecunNormal(key=3)((5, 7))

    if BACKEND == "tensorflow":
        import tensorflow as tf

        traced = tf.function(drawn)
    elif BACKEND == "jax":
        import jax

        traced = jax.jit(drawn)
    else:
        pytest.skip("not available: tracing")
    assert_identical(traced(), vn.lecun_normal()(3, (5, 7)))


def test_a_fitted_model_starts_from_the_reference(assert_identical: Any) -> None:
    import numpy as np

    dense = keras.layers.Dense(1, kernel_initializer=vk.LecunNormal(key=3))
    model = keras.Sequential([dense])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    model.fit(np.ones((4, 5), np.float32), np.ones((4, 1), np.float32), verbose=0)
    assert_identical(dense.kernel, vn.lecun_normal()(3, (5, 1)))
