"""Keys against the installed JAX: seeds, splits, folds, their errors; and what keys promise."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

import varscale

from .cases import SEEDS, WORDS, random_cases
from .compare import assert_identical, command
from .oracle import VERSION, configured, jax, outcome

from hypothesis import example, given  # isort: skip
from hypothesis import strategies as st  # isort: skip

INTEGER_TYPES = (
    np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64,
)  # fmt: skip
NUMPY_INTEGERS = st.sampled_from(INTEGER_TYPES).flatmap(
    lambda kind: st.integers(int(np.iinfo(kind).min), int(np.iinfo(kind).max)).map(kind)
)
ORDERS = pytest.mark.parametrize("partitionable", [True, False], ids=["partitionable", "legacy"])
WIDTHS = pytest.mark.parametrize("x64", [False, True], ids=["x32", "x64"])


def words(key: Any) -> Any:
    """Words of a key, or of nested tuples of keys, as a uint32 array."""
    if isinstance(key, varscale.Key):
        return np.array(key.words, np.uint32)
    return np.stack([words(one) for one in key]) if key else np.zeros((0, 2), np.uint32)


def jax_key(pair: tuple[int, int]) -> Any:
    return jax.random.wrap_key_data(np.array(pair, np.uint32), impl="threefry2x32")


# Seeds


@WIDTHS
@random_cases(max_examples=150)
@given(seed=SEEDS | NUMPY_INTEGERS | st.booleans())
@example(seed=np.int64(-1))
@example(seed=np.uint64(2**64 - 1))
@example(seed=np.array(2**40 + 5))
@example(seed=np.array(7, np.int8))
def test_a_seed_makes_the_key_that_jax_makes(seed: Any, x64: bool) -> None:
    with configured(x64=x64):
        want = outcome(lambda: jax.random.key(seed))
    assert_identical(words(varscale.key(seed, x64=x64)), want, f"key({seed!r}, x64={x64})")


@pytest.mark.parametrize(
    "seed",
    [
        2**63, -(2**63) - 1, 2**64, 1.0, 1j, np.float32(2), np.bool_(True), [1], (1, 2),
        np.array([3]), np.array(1.5), np.array(5, object),
    ],
    ids=repr,
)  # fmt: skip
@WIDTHS
def test_a_wrong_seed_is_refused_with_the_type_of_jax(seed: Any, x64: bool) -> None:
    with configured(x64=x64):
        want = outcome(lambda: jax.random.key(seed))
    got = outcome(lambda: varscale.key(seed, x64=x64).words)
    assert got is want, f"key({seed!r}): {got}, JAX {want}; repeat with {command()}"


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        (2**63, r"^seed must be in \[-2\*\*63, 2\*\*63\), got 9223372036854775808$"),
        (1.5, r"^seed must be an integer scalar, got float 1\.5$"),
        (np.zeros(2, np.int32), r"^seed must be an integer scalar, got ndarray of dtype int32 "),
        (varscale.key(0), "^seed must be an integer, got a key$"),
    ],
    ids=["too large", "float", "array", "key"],
)
def test_a_wrong_seed_is_named(seed: Any, message: str) -> None:
    with pytest.raises((TypeError, OverflowError), match=message):
        varscale.key(seed)


def test_a_jax_key_is_no_seed_for_either() -> None:
    key = jax.random.key(0)
    assert outcome(lambda: jax.random.key(key)) is TypeError
    assert outcome(lambda: varscale.key(key)) is TypeError


# Splits


@ORDERS
@random_cases(max_examples=40)
@given(
    pair=WORDS,
    num=st.sampled_from(
        (
            0,
            1,
            2,
            3,
            5,
            16,
            33,
            True,
            np.int64(3),
            (),
            (2,),
            (3,),
            (2, 3),
            [2, 2],
            (0, 3),
            (1, 2, 3),
        )
    ),
)
def test_split_gives_the_keys_of_jax(pair: Any, num: Any, partitionable: bool) -> None:
    with configured(partitionable=partitionable):
        want = outcome(lambda: jax.random.split(jax_key(pair), num))
    got = varscale.split(varscale.Key(pair, partitionable=partitionable), num)
    case = f"split({pair}, {num!r}), partitionable={partitionable}"
    if want.size:
        assert_identical(words(got), want, case)
    else:
        assert got == (), case


@pytest.mark.parametrize("num", [(2, 0), (2, 0, 3), (2, 3, 0), (0, 0)], ids=repr)
def test_split_into_an_empty_shape_keeps_the_shape(num: tuple[int, ...]) -> None:
    want = outcome(lambda: jax.random.split(jax_key((0, 0)), num)).shape[:-1]
    shape, inner = [], varscale.split(0, num)
    while isinstance(inner, tuple):
        shape.append(len(inner))
        inner = inner[0] if inner else None
    assert tuple(shape) == want[: len(shape)]
    assert len(shape) == min(want.index(0) + 1, len(want)), f"{num}: {shape}; {command()}"


@pytest.mark.parametrize("num", [2.0, None, "a", np.array([2]), np.array([2, 2]), (2.0,)], ids=repr)
def test_a_wrong_number_of_keys_is_refused_with_the_type_of_jax(num: Any) -> None:
    want = outcome(lambda: jax.random.split(jax_key((0, 0)), num))
    assert outcome(lambda: varscale.split(0, num)) is want is TypeError


@pytest.mark.parametrize("num", [-1, (2, -1)])
def test_a_negative_number_of_keys_is_refused_as_in_jax(num: Any) -> None:
    # JAX's own type has changed over its versions: TypeError, then MLIRError.
    assert isinstance(outcome(lambda: jax.random.split(jax_key((0, 0)), num)), type)
    with pytest.raises(ValueError, match=r"^num must not be negative, got "):
        varscale.split(0, num)


# Folds


@ORDERS
@random_cases(max_examples=100)
@given(pair=WORDS, data=st.integers(0, 2**32 - 1) | NUMPY_INTEGERS | st.booleans())
@example(pair=(0, 0), data=np.int64(2**40 + 5))
@example(pair=(0, 0), data=np.int8(-1))
@example(pair=(0, 0), data=np.array(7))
def test_fold_in_gives_the_key_of_jax(pair: Any, data: Any, partitionable: bool) -> None:
    with configured(partitionable=partitionable):
        want = outcome(lambda: jax.random.fold_in(jax_key(pair), data))
    got = varscale.fold_in(varscale.Key(pair, partitionable=partitionable), data)
    assert_identical(words(got), want, f"fold_in({pair}, {data!r})")
    assert got.partitionable is partitionable


@pytest.mark.parametrize("data", [-1, 2**32, 2**70, [1], np.array([1])], ids=repr)
def test_wrong_data_are_refused_with_the_type_of_jax(data: Any) -> None:
    want = outcome(lambda: jax.random.fold_in(jax_key((0, 0)), data))
    got = outcome(lambda: varscale.fold_in(0, data))
    assert got is want, f"fold_in(0, {data!r}): {got}, JAX {want}; repeat with {command()}"


@pytest.mark.parametrize("data", [1.0, None, "a"], ids=repr)
def test_data_that_are_not_an_integer_are_refused(data: Any) -> None:
    # On purpose: JAX takes 1.5 for 1.
    with pytest.raises(TypeError, match=r"^data must be an integer scalar, got "):
        varscale.fold_in(0, data)


@random_cases(max_examples=20)
@given(pair=WORDS, steps=st.lists(st.integers(0, 2**32 - 1) | st.none(), max_size=4))
def test_a_chain_of_splits_and_folds_gives_the_key_of_jax(pair: Any, steps: Any) -> None:
    with configured():
        want, got = jax_key(pair), varscale.Key(pair)
        for step in steps:
            if step is None:
                want, got = jax.random.split(want)[1], varscale.split(got)[1]
            else:
                want, got = jax.random.fold_in(want, step), varscale.fold_in(got, step)
        want = outcome(lambda: want)
    assert_identical(words(got), want, f"{pair}: {steps} (None is split(key)[1])")


# Key data


@random_cases(max_examples=30)
@given(pair=WORDS)
def test_key_data_are_those_of_jax_and_wrap_to_the_same_key(pair: Any) -> None:
    key = varscale.Key(pair)
    data = varscale.key_data(key)
    assert_identical(data, outcome(lambda: jax_key(pair)), f"key_data({pair})")
    assert varscale.wrap_key_data(data) == key


@pytest.mark.parametrize(
    "data",
    [
        np.zeros(2, np.int32), np.zeros(2, np.uint64), np.zeros(3, np.uint32),
        np.zeros(4, np.uint32), np.zeros((), np.uint32), np.zeros(0, np.uint32), [0, 7], None,
    ],
    ids=lambda data: f"{getattr(data, 'dtype', data)}-{np.shape(data)}",
)  # fmt: skip
def test_wrong_key_data_are_refused_with_the_type_of_jax(data: Any) -> None:
    want = outcome(lambda: jax.random.wrap_key_data(data, impl="threefry2x32"))
    got = outcome(lambda: varscale.wrap_key_data(data).words)
    assert got is want, f"wrap_key_data({data!r}): {got}, JAX {want}; repeat with {command()}"


# What stands for a key


def forms() -> dict[str, Any]:
    return {
        "seed": 42,
        "NumPy seed": np.int64(42),
        "0-d array seed": np.array(42, np.uint32),
        "words": np.array([0, 42], np.uint32),
        "varscale key": varscale.key(42),
        "jax.random.key": jax.random.key(42, impl="threefry2x32"),
        "jax.random.PRNGKey": jax.random.PRNGKey(42, impl="threefry2x32"),
        "jax.random.split": jax.random.split(jax.random.key(42, impl="threefry2x32"), 1)[0],
    }


@pytest.mark.parametrize("form", list(forms()))
def test_every_form_of_a_key_is_accepted(form: str) -> None:
    want = varscale.split(42, 1)[0] if "split" in form else varscale.key(42)
    with configured():
        given_key = forms()[form]
    assert words(want).tolist() == varscale.key_data(given_key).tolist()


@pytest.mark.parametrize("form", ["jax.random.key", "jax.random.PRNGKey"])
@ORDERS
def test_a_jax_key_is_drawn_in_the_order_that_jax_is_set_to(form: str, partitionable: bool) -> None:
    with configured(partitionable=partitionable):
        key = forms()[form]
        want = outcome(lambda: jax.nn.initializers.uniform()(key, (3, 5)))
        got = varscale.numpy.uniform()(key, (3, 5))
    assert_identical(got, want, f"uniform()({form}, (3, 5)), partitionable={partitionable}")


def test_words_of_torch_are_accepted() -> None:
    torch = pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
    assert varscale.key_data(torch.tensor([0, 42], dtype=torch.uint32)).tolist() == [0, 42]
    assert varscale.key_data(torch.tensor(42)).tolist() == [0, 42]


def test_words_of_tensorflow_are_accepted() -> None:
    tf = pytest.importorskip("tensorflow", reason="not installed: pip install varscale[tensorflow]")
    assert varscale.key_data(tf.constant([0, 42], tf.uint32)).tolist() == [0, 42]
    assert varscale.key_data(tf.constant(42)).tolist() == [0, 42]


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        (
            None,
            TypeError,
            "key must be given, got None: varscale keeps no global state to draw from; "
            "pass an integer seed or varscale.key(seed)",
        ),
        (
            1.5,
            TypeError,
            "key must be a varscale key, an integer seed, a uint32 array of shape (2,) or a jax "
            "key, got float 1.5",
        ),
        (
            "0",
            TypeError,
            "key must be a varscale key, an integer seed, a uint32 array of shape (2,) or a jax "
            "key, got str '0'",
        ),
        (
            np.zeros(2, np.float32),
            TypeError,
            "key data must be a uint32 array, got ndarray of dtype float32 and shape (2,)",
        ),
        (
            np.zeros((3, 2), np.uint32),
            ValueError,
            "one key of shape (2,) is wanted, got an array of shape (3, 2)",
        ),
    ],
    ids=["None", "float", "string", "float array", "several"],
)
def test_what_is_no_key_is_refused_in_these_words(key: Any, error: Any, message: str) -> None:
    with pytest.raises(error) as raised:
        varscale.split(key)
    assert str(raised.value) == message


def test_several_jax_keys_are_refused_as_in_jax() -> None:
    keys = jax.random.split(jax.random.key(0))
    init = jax.nn.initializers.lecun_normal()
    assert outcome(lambda: init(keys, (2, 2))) is ValueError
    with pytest.raises(
        ValueError, match=r"^one key is wanted, got an array of keys of shape \(2,\)"
    ):
        varscale.numpy.lecun_normal()(keys, (2, 2))


# Other generators


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg", "philox2x32", "philox4x32", "threefry4x32"])
def test_a_generator_that_is_not_built_is_refused_by_name(impl: str) -> None:
    calls = {
        "key": lambda: varscale.key(0, impl=impl),
        "wrap_key_data": lambda: varscale.wrap_key_data(np.zeros(4, np.uint32), impl=impl),
        "Key": lambda: varscale.Key((0, 0), impl=impl),
    }
    for name, call in calls.items():
        with pytest.raises(NotImplementedError, match=rf"^impl '{impl}' is not built"):
            pytest.fail(f"{name} gave {call()!r}")


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg", "philox2x32", "philox4x32", "threefry4x32"])
def test_a_jax_key_of_another_generator_is_refused_by_name(impl: str) -> None:
    if VERSION < (0, 10) and "rbg" not in impl:
        pytest.skip("not available: jax>=0.10")
    key = jax.random.key(0, impl=impl)
    with pytest.raises(NotImplementedError, match=rf"^impl '{impl}' is not built"):
        varscale.fold_in(key, 1)


def test_the_words_of_an_rbg_key_are_refused_for_their_shape() -> None:
    data = jax.random.key_data(jax.random.key(0, impl="rbg"))
    with pytest.raises(TypeError, match="keys of four words belong to rbg, unsafe_rbg, philox4x32"):
        varscale.split(data)


def test_an_unknown_generator_is_refused_with_the_type_of_jax() -> None:
    assert outcome(lambda: jax.random.key(0, impl="nope")) is ValueError
    with pytest.raises(ValueError, match=r"^impl must be 'threefry2x32', got 'nope'$"):
        varscale.key(0, impl="nope")


# Promises


def test_a_key_is_immutable() -> None:
    key = varscale.key(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        key.words = (0, 0)  # type: ignore[misc]
    with pytest.raises((AttributeError, TypeError)):
        key.other = 1  # type: ignore[attr-defined]


def test_equal_keys_hash_equally_and_the_order_of_bits_tells_keys_apart() -> None:
    assert {varscale.key(1), varscale.key(1), varscale.key(2)} == {varscale.key(1), varscale.key(2)}
    assert varscale.key(1) != varscale.key(1, partitionable=False)


def test_a_key_survives_pickling() -> None:
    key = varscale.key(-3, x64=True, partitionable=False)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(key, protocol)) == key


@pytest.mark.parametrize("wrong", [(0,), (0, 0, 0), (-1, 0), (0, 2**32)], ids=repr)
def test_words_out_of_range_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"^words must be two integers in \[0, 2\*\*32\), got"):
        varscale.Key(wrong)


def test_the_order_of_bits_is_inherited_by_every_child() -> None:
    key = varscale.key(0, partitionable=False)
    children = (*varscale.split(key, 3), varscale.fold_in(key, 1), varscale.split(key, ()))
    assert not any(child.partitionable for child in children)
