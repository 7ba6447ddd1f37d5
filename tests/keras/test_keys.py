"""Where an initializer's key comes from: key=, seed= of each kind, or Keras; what is refused."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")

import varscale  # noqa: E402
import varscale.keras as vk  # noqa: E402
import varscale.numpy as vn  # noqa: E402

SHAPE = (5, 7)


def reference(key: Any) -> np.ndarray[Any, Any]:
    return vn.lecun_normal()(key, SHAPE)


def test_a_seed_is_the_key_of_that_seed(assert_identical: Any) -> None:
    for given in ({"seed": 7}, {"seed": np.int64(7)}, {"key": 7}, {"key": varscale.key(7)}):
        assert_identical(vk.LecunNormal(**given)(SHAPE), reference(varscale.key(7)))


def test_every_call_gives_the_same_values(assert_identical: Any) -> None:
    for given in ({"seed": 7}, {"key": 7}, {}):
        init = vk.LecunNormal(**given)
        assert_identical(init(SHAPE), vn.lecun_normal()(init.key or init.seed, SHAPE))
        assert_identical(init(SHAPE), vn.lecun_normal()(init.key or init.seed, SHAPE))


def test_a_seed_generator_gives_a_new_key_to_every_call(assert_identical: Any) -> None:
    init = vk.LecunNormal(seed=keras.random.SeedGenerator(7))
    for count in range(3):  # the generator's state: its seed, and how often it was asked
        assert_identical(init(SHAPE), reference(varscale.Key((7, count))))


def test_a_seed_generator_beyond_31_bits_keeps_its_32(assert_identical: Any) -> None:
    generator = keras.random.SeedGenerator(1)
    if keras.backend.backend() == "torch":
        generator.state.assign(np.array([-2, 1], np.int32))  # torch has no uint32
    else:
        generator.state.assign(np.array([2**32 - 2, 1], np.uint32))
    assert_identical(vk.LecunNormal(seed=generator)(SHAPE), reference(varscale.Key((2**32 - 2, 1))))


def test_without_key_and_seed_keras_draws_a_seed(as_numpy: Any) -> None:
    def drawn() -> list[Any]:
        keras.utils.set_random_seed(3)
        return [as_numpy(vk.LecunNormal()(SHAPE)) for _ in range(2)]

    (first, second), again = drawn(), drawn()
    assert not np.array_equal(first, second)
    assert np.array_equal([first, second], again)


def test_key_and_seed_together_are_refused() -> None:
    with pytest.raises(ValueError, match="key and seed must not be given together, got key=1 and"):
        vk.Normal(key=1, seed=2)


@pytest.mark.parametrize("make", [vk.VarianceScaling, vk.HeNormal, vk.Uniform, vk.Orthogonal])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"key": 1.0}, TypeError, "key must be a varscale key, an integer seed"),
        ({"key": "a"}, TypeError, "key must be a varscale key, an integer seed"),
        ({"seed": 1.0}, TypeError, r"seed must be an integer or a keras.random.SeedGenerator"),
        ({"seed": varscale.key(1)}, TypeError, "a key is given as key="),
        ({"seed": 2**64}, OverflowError, r"seed must be in \[-2\*\*63, 2\*\*63\)"),
        ({"dtype": "float31"}, ValueError, "float31"),
    ],
)
def test_a_wrong_argument_is_refused(
    make: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make(**arguments)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: vk.VarianceScaling(1, "fan_inn"),
            ValueError,
            "mode must be 'fan_in', .*'fan_inn'",
        ),
        (
            lambda: vk.VarianceScaling(1, "fan_in", "untruncated_normal"),
            ValueError,
            "distribution must be 'truncated_normal', 'normal' or 'uniform', got 'untruncated",
        ),
        (lambda: vk.VarianceScaling(-1.0), ValueError, "scale must be >= 0, got -1.0"),
        (lambda: vk.VarianceScaling("1"), TypeError, "scale must be a real number, got '1'"),
        (lambda: vk.HeNormal(in_axis="a"), TypeError, "in_axis must be an integer or several"),
        (lambda: vk.HeNormal(in_axis=2, key=0)((3, 4)), IndexError, "in_axis 2 is out of range"),
        (lambda: vk.HeNormal(key=0)((3,)), ValueError, "in_axis must be given .* rank 1"),
        (lambda: vk.HeNormal(key=0)(()), ValueError, "in_axis must be given .* rank 0"),
        (lambda: vk.Normal(key=0)((2.5,)), TypeError, "shape must be a sequence of integers"),
        (lambda: vk.Normal(key=0)((2,), "int32"), ValueError, "dtype must be one of .* int32"),
        (lambda: vk.TruncatedNormal(lower=2.0), ValueError, "lower must be below upper"),
        (lambda: vk.Orthogonal(key=0)((3,)), ValueError, "at least 2-D for orthogonal"),
        (lambda: vk.DeltaOrthogonal(key=0)((3, 4)), ValueError, "3-D, 4-D or 5-D"),
        (lambda: vk.Constant("a"), TypeError, "value must be a number or an array, got 'a'"),
        (lambda: vk.normal()((2, 3)), TypeError, "as varscale.keras.LecunNormal"),
        (lambda: vk.normal()(None, (2, 3)), TypeError, "key must be given, got None"),
    ],
)
def test_an_error_names_the_argument(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_function_as_a_layers_initializer_is_explained() -> None:
    layer = keras.layers.Dense(3, kernel_initializer=vk.lecun_normal())
    with pytest.raises(TypeError, match="where Keras calls the initializer, give it one that"):
        layer.build((None, 2))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: roundtrip(one)])
def test_a_copy_draws_the_same(copied: Any, assert_identical: Any) -> None:
    for init in (vk.LecunNormal(key=3), vk.LecunNormal(seed=3), vk.LecunNormal()):
        want = vn.lecun_normal()(init.key or init.seed, SHAPE)
        assert_identical(copied(init)(SHAPE), want)
    assert_identical(copied(vk.lecun_normal())(3, SHAPE), reference(3))


def roundtrip(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))
