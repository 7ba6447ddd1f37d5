"""`init(key, shape, dtype)` outside tf.function against the installed JAX, and what it leaves."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import numpy as np
import pytest

from tests.core.cases import random_cases
from tests.core.compare import agree, assert_identical
from tests.core.oracle import jax
from tests.numpy.calls import Call, calls
from tests.tensorflow.tensors import tf

from hypothesis import given  # isort: skip

import varscale
from varscale import numpy as reference
from varscale import tensorflow as door
from varscale.family import FACTORIES


@random_cases(max_examples=25)
@given(call=calls())
def test_what_is_drawn_is_what_jax_draws(call: Call) -> None:
    got = call.of(door)
    assert isinstance(got, tf.Tensor)
    assert got.dtype.name == call.dtype
    agree(got.numpy(), call.of_jax(), str(call), exact=call.exact)


@pytest.mark.parametrize("name", FACTORIES)
def test_signatures_are_those_of_jax(name: str) -> None:
    def parameters(factory: Any) -> list[tuple[str, Any]]:
        listed = inspect.signature(factory).parameters.values()
        own = {"compiled": inspect.Parameter.KEYWORD_ONLY}
        return [(one.name, one.default) for one in listed if own.get(one.name) is not one.kind]

    assert parameters(getattr(door, name)) == parameters(getattr(jax.nn.initializers, name))


@pytest.mark.parametrize("name", ["orthogonal", "delta_orthogonal"])
def test_orthogonal_matrices_are_those_of_the_reference(name: str) -> None:
    got = getattr(door, name)(2.0)(3, (2, 3, 4))
    assert_identical(got.numpy(), getattr(reference, name)(2.0)(3, (2, 3, 4)), name)


@pytest.mark.parametrize("name", ["zeros", "ones"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32", "bool", "uint8"])
def test_zeros_and_ones_are_initializers_themselves(name: str, dtype: str) -> None:
    got = getattr(door, name)(0, (2, 3), dtype)
    assert got.dtype.name == dtype
    assert_identical(got.numpy(), getattr(reference, name)(0, (2, 3), dtype), name)


def test_a_dtype_is_tensorflows_or_numpys_or_a_name() -> None:
    init = door.normal()
    for dtype in (tf.bfloat16, "bfloat16", tf.bfloat16.as_numpy_dtype):
        assert init(0, (3,), dtype).dtype == tf.bfloat16
    assert init(0, (3,)).dtype == tf.float32
    assert door.normal(dtype=tf.float64)(0, (3,)).dtype == tf.float64


@pytest.mark.parametrize(
    "key",
    [
        7,
        varscale.key(7),
        np.array([0, 7], np.uint32),
        tf.constant([0, 7], tf.uint32),
        tf.constant(7),
        jax.random.key(7),
    ],
    ids=lambda key: f"{type(key).__module__}.{type(key).__name__}",
)
def test_a_key_is_a_seed_or_words_of_any_framework(key: Any) -> None:
    assert_identical(door.uniform()(key, (3,)).numpy(), reference.uniform()(7, (3,)), repr(key))


def test_a_new_tensor_has_the_shape_of_the_layout() -> None:
    got = door.lecun_normal()(0, (3, 3, 4, 5), layout=varscale.Layout("OIHW", of="HWIO"))
    want = reference.lecun_normal()(0, (3, 3, 4, 5)).transpose(3, 2, 0, 1)
    assert_identical(got.numpy(), want, "OIHW of HWIO")


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)])
def test_scalars_and_empty_tensors_are_drawn(shape: tuple[int, ...]) -> None:
    assert_identical(door.normal()(0, shape).numpy(), reference.normal()(0, shape), f"{shape}")


def test_a_tensor_shape_is_a_shape() -> None:
    got = door.lecun_normal()(0, tf.TensorShape((3, 4)))
    assert_identical(got.numpy(), reference.lecun_normal()(0, (3, 4)), "tf.TensorShape")


def test_no_global_random_state_is_touched() -> None:
    tf.random.set_seed(5)
    want = [tf.random.uniform((3,)).numpy() for _ in range(2)]
    tf.random.set_seed(5)
    state = tf.random.get_global_generator().state.numpy()
    first = tf.random.uniform((3,)).numpy()
    for make in (door.lecun_normal, door.uniform, door.orthogonal):
        make()(0, (3, 4))
    assert np.array_equal(np.stack([first, tf.random.uniform((3,)).numpy()]), np.stack(want))
    assert np.array_equal(tf.random.get_global_generator().state.numpy(), state)


def test_set_seed_has_no_effect() -> None:
    drawn = []
    for seed in (1, 2):
        tf.random.set_seed(seed)
        drawn.append(door.normal()(0, (20,)).numpy())
    assert_identical(drawn[1], drawn[0], "another seed")


@pytest.mark.parametrize("how", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copied_initializer_draws_the_same(how: Any) -> None:
    init = door.he_normal(in_axis=0, out_axis=1)
    assert how(init) == init
    assert_identical(how(init)(0, (3, 4)).numpy(), init(0, (3, 4)).numpy(), "copy")


def test_a_variable_starts_with_a_draw() -> None:
    variable = tf.Variable(door.lecun_normal()(0, (3, 4)))
    assert_identical(variable.numpy(), reference.lecun_normal()(0, (3, 4)), "tf.Variable")


def test_a_gradient_does_not_see_a_draw() -> None:
    x = tf.Variable(tf.ones((3, 4)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(x * door.lecun_normal()(0, (3, 4)))
    assert_identical(
        tape.gradient(loss, x).numpy(), reference.lecun_normal()(0, (3, 4)), "gradient"
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: door.normal()(None, (3,)), TypeError,
         "key must be given, got None: varscale keeps no global state to draw from; pass an "
         "integer seed or varscale.key(seed)"),
        (lambda: door.normal()(0.5, (3,)), TypeError,
         "key must be a varscale key, an integer seed, a uint32 array of shape (2,) or a jax key, "
         "got float 0.5"),
        (lambda: door.normal()(tf.constant([0, 7]), (3,)), TypeError,
         "key data must be a uint32 array"),
        (lambda: door.variance_scaling(1.0, "fan", "normal"), ValueError,
         "mode must be 'fan_in', 'fan_out', 'fan_avg' or 'fan_geo_avg', got 'fan'"),
        (lambda: door.lecun_normal()(0, (3,)), ValueError,
         "in_axis must be given for a weights array of rank 1"),
        (lambda: door.normal()(0, (3.0,)), TypeError,
         "shape must be a sequence of integers, got (3.0,)"),
        (lambda: door.normal()(0, (3,), tf.int32), ValueError,
         "dtype must be one of float16, float32"),
        (lambda: door.normal()(0, (3,), tf.string), (TypeError, ValueError), "dtype"),
        (lambda: door.normal()(0, (3, 4), layout=varscale.Layout("abc")), ValueError,
         "Layout('abc', of='abc') is a layout of 3 axes, got shape (3, 4)"),
        (lambda: door.orthogonal()(0, (3, 4), tf.bfloat16), NotImplementedError,
         "dtype must be one of float32, float64"),
    ],
)  # fmt: skip
def test_the_message_names_the_argument(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value).startswith(message)
