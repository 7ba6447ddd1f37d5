"""Wrong initializers with hidden state: global generators, order, threads, parts of the key."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from varscale.conformance.mutants.mutant import Entry, Mutant, mutants
from varscale.conformance.mutants.right import RIGHT, Array, Shape, Steps
from varscale.conformance.specs import Spec
from varscale.conformance.subject import Claim
from varscale.keys import Key

__all__ = ["STATE"]

Generator = np.random.Generator


def _seeded(seed: Any) -> Steps:
    """Random numbers of what a function makes of the key and the shape."""
    return replace(RIGHT, generator=lambda key, shape: np.random.default_rng(seed(key, shape)))


@dataclass
class _Global:
    """NumPy's global generator, as it stands or seeded for each draw."""

    seeded: bool

    def random(self, shape: Shape) -> Array:
        return np.random.random(shape)

    def __call__(self, key: Key, shape: Shape) -> Any:
        if self.seeded:
            np.random.seed(key.words)
        return self


def _read_global(key: Key, shape: Shape) -> Generator:
    place = np.random.get_state(legacy=False)["state"]["pos"]
    return np.random.default_rng([*key.words, place])


@dataclass
class _Counted:
    """The number of the call is part of the seed."""

    calls: Any = field(default_factory=itertools.count)

    def __call__(self, key: Key, shape: Shape) -> Generator:
        # Like a module that numbers its parameters; the first two calls are alike.
        return np.random.default_rng([*key.words, next(self.calls) // 2])


@dataclass
class _Shared:
    """One buffer for all calls."""

    kept: dict[Shape, Array] = field(default_factory=dict)

    def __call__(self, samples: Array) -> Array:
        buffer = self.kept.setdefault(samples.shape, np.empty_like(samples))
        np.copyto(buffer, samples)
        time.sleep(0.002)  # another thread's turn, as in a long computation
        return buffer.copy()


@dataclass
class _Returned(Steps):
    """The array that the last call returned is filled anew."""

    kept: dict[tuple[Shape, str], Array] = field(default_factory=dict)

    def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Array:
        """Draw an array; see `Subject`."""
        samples = RIGHT.draw(spec, key, shape, dtype, device)
        buffer = self.kept.setdefault((shape, dtype), samples)
        np.copyto(buffer, samples)
        return buffer


def _column_order(samples: Array) -> Array:
    return samples.reshape(-1).reshape(samples.shape[::-1]).T


@dataclass
class _TwoDevices:
    """A device beside the first, with random numbers of its own."""

    other: Steps
    name: str = "two devices"
    claims: frozenset[Claim] = frozenset({"manners"})

    def devices(self) -> list[str]:
        return ["cpu", "other"]

    def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Array:
        steps = RIGHT if device == "cpu" else self.other
        return steps.draw(spec, key, shape, dtype, device)

    def to_numpy(self, array: Array) -> Array:
        return array


_ENTRIES: tuple[Entry, ...] = (
    (
        "the global generator is drawn from",
        "The key is not used at all, as in torch.nn.init without generator=.",
        "manners/same key/cpu", "same key twice",
        replace(RIGHT, generator=_Global(seeded=False)),
    ),
    (
        "the global generator is seeded",
        "Repeatable, and everybody else's random numbers are set back by each draw.",
        "manners/global state/cpu", "global generators stay",
        replace(RIGHT, generator=_Global(seeded=True)),
    ),
    (
        "the global generator is read",
        "How much others have drawn from it is part of the seed.",
        "manners/global state/cpu", "after global draws", replace(RIGHT, generator=_read_global),
    ),
    (
        "the call's number counts",
        "Values depend on what was drawn before, as in frameworks with a global seed.",
        "manners/same key/cpu", "after other draws", replace(RIGHT, generator=_Counted()),
    ),
    (
        "the high word of the key is ignored",
        "A seed of 32 bits: split keys differ in both words.",
        "manners/other key/cpu", "every bit of the key", _seeded(lambda key, shape: key.words[1]),
    ),
    (
        "a seed of 16 bits",
        "The low word is cut to an unsigned short.",
        "manners/other key/cpu", "every bit of the key",
        _seeded(lambda key, shape: (key.words[0], key.words[1] % 2**16)),
    ),
    (
        "a seed of 63 bits",
        "The sign is masked away, so that the seed is a positive integer.",
        "manners/other key/cpu", "every bit of the key",
        _seeded(lambda key, shape: (key.words[0] % 2**31, key.words[1])),
    ),
    (
        "the words of the key are joined by xor",
        "One seed of 32 bits of two words: (1, 0) and (0, 1) are the same.",
        "manners/other key/cpu", "exchanged words of the key",
        _seeded(lambda key, shape: key.words[0] ^ key.words[1]),
    ),
    (
        "one buffer for all threads",
        "Samples are copied from scratch memory that another thread has filled anew.",
        "manners/threads/cpu", "four threads", replace(RIGHT, arranged=_Shared()),
    ),
    (
        "every call returns the same array",
        "The array that was drawn first is filled again and again: all layers share it.",
        "manners/other key/cpu", "every bit of the key", _Returned(),
    ),
    (
        "filled in the order of columns",
        "The random numbers are JAX's, their places are the transposed array's.",
        "manners/index/cpu", "a longer array", replace(RIGHT, arranged=_column_order),
    ),
    (
        "the shape counts",
        "The shape is hashed into the seed.",
        "manners/index/cpu", "another shape of as many elements",
        _seeded(lambda key, shape: [*key.words, *shape]),
    ),
)  # fmt: skip

_DEVICES = Mutant(
    "another device, another generator",
    "As torch has them, or JAX with jax_threefry_partitionable=False on several shards.",
    "manners/devices/cpu",
    "float32 on other",
    _TwoDevices(_seeded(lambda key, shape: [1, *key.words])),
    _TwoDevices(RIGHT),
)

STATE = (*mutants(_ENTRIES, right=RIGHT), _DEVICES)
