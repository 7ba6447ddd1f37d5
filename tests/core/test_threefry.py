"""The block cipher against Random123's published answers; no counters, no floats."""

from __future__ import annotations

import numpy as np
import pytest

from varscale.numerics.numpy_ops import NUMPY
from varscale.threefry import INTEGERS, threefry2x32

from .compare import command

#: (key, counter, answer). Source: Random123 1.14.0, tests/kat_vectors, "threefry 2 20"; D. E. Shaw
#: Research, https://github.com/DEShawResearch/random123.
PUBLISHED = {
    "zeros": ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    "ones": (2 * (0xFFFFFFFF,), 2 * (0xFFFFFFFF,), (0x1CB996FC, 0xBB002BE7)),
    "digits of pi": (
        (0x13198A2E, 0x03707344),
        (0x243F6A88, 0x85A308D3),
        (0xC4923A9C, 0x483DF7A0),
    ),
}

vectors = pytest.mark.parametrize(("key", "counter", "answer"), PUBLISHED.values(), ids=PUBLISHED)


def words(pair: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.full(3, pair[0], np.uint32), np.full(3, pair[1], np.uint32)


@vectors
def test_python_integers_give_the_published_answers(key, counter, answer) -> None:
    got = threefry2x32(INTEGERS, key, counter)
    assert got == answer, f"got {got}, expected {answer}; repeat with {command()}"


@vectors
def test_numpy_words_under_a_known_key_give_the_published_answers(key, counter, answer) -> None:
    got = threefry2x32(NUMPY, key, words(counter))
    for one, expected in zip(got, answer, strict=True):
        assert one.dtype == np.uint32
        assert one.tolist() == 3 * [expected], f"{one} is not {expected}; repeat with {command()}"


@vectors
def test_numpy_words_under_numpy_keys_give_the_published_answers(key, counter, answer) -> None:
    got = threefry2x32(NUMPY, words(key), words(counter))
    for one, expected in zip(got, answer, strict=True):
        assert one.tolist() == 3 * [expected], f"{one} is not {expected}; repeat with {command()}"


@vectors
def test_jax_gives_the_published_answers(key, counter, answer) -> None:
    from . import oracle

    got = oracle.threefry(key, *words(counter))
    for one, expected in zip(got, answer, strict=True):
        assert one.tolist() == 3 * [expected]


def test_python_integers_and_numpy_words_agree_on_random_blocks() -> None:
    random = np.random.default_rng()
    blocks = random.integers(0, 2**32, (4, 257), np.uint32)
    together = threefry2x32(NUMPY, (blocks[0], blocks[1]), (blocks[2], blocks[3]))
    for column in range(blocks.shape[1]):
        k0, k1, c0, c1 = (int(word) for word in blocks[:, column])
        one = threefry2x32(INTEGERS, (k0, k1), (c0, c1))
        both = tuple(int(word[column]) for word in together)
        assert one == both, f"key {(k0, k1)}, counter {(c0, c1)}: {one} and {both}"


def test_jax_agrees_on_random_blocks() -> None:
    from . import oracle

    random = np.random.default_rng()
    key = tuple(int(word) for word in random.integers(0, 2**32, 2))
    counters = random.integers(0, 2**32, (2, 1024), np.uint32)
    got = threefry2x32(NUMPY, key, (counters[0], counters[1]))
    want = oracle.threefry(key, counters[0], counters[1])
    for one, expected in zip(got, want, strict=True):
        assert (one == expected).all(), f"key {key}"
