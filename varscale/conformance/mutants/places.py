"""Wrong initializers whose samples depend on each other: along axes, far apart, between keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from varscale.conformance.mutants.mutant import Entry, mutants
from varscale.conformance.mutants.right import RIGHT, Array, Shape, Steps
from varscale.keys import Key

__all__ = ["PLACES"]

_CASE = "law/dense/fan_in/normal/float32/cpu"


def _arranged(change: Callable[[Array], Array]) -> Steps:
    return replace(RIGHT, arranged=change)


def _seeded(seed: Callable[[Key, Shape], Any]) -> Steps:
    """Random numbers of another seed than the key."""
    return replace(RIGHT, generator=lambda key, shape: np.random.default_rng(seed(key, shape)))


def _period(length: int) -> Callable[[Array], Array]:
    def repeated(samples: Array) -> Array:
        return np.resize(samples.reshape(-1)[:length], samples.shape)

    return repeated


def _one_wide_row(samples: Array) -> Array:
    return np.concatenate([1.5 * samples[:1], samples[1:]])


def _slope(samples: Array) -> Array:
    return samples * np.linspace(0.95, 1.05, samples.shape[-1])


def _smoothed(samples: Array) -> Array:
    found = samples.copy()
    found[:, 1:] = (samples[:, 1:] + 0.1 * samples[:, :-1]) / np.sqrt(1.01)
    return found


def _opposites(samples: Array) -> Array:
    found = samples.copy()
    found[:, 1::2] = -found[:, ::2]
    return found


def _weyl(numbers: np.random.Generator, shape: Shape) -> Array:
    from scipy.special import ndtri

    golden = (np.sqrt(5) - 1) / 2
    steps = np.arange(int(np.prod(shape)))
    found: Array = ndtri(np.clip((numbers.random() + golden * steps) % 1, 2.0**-54, 1 - 2.0**-53))
    return found.reshape(shape)


def _both_sines(numbers: np.random.Generator, shape: Shape) -> Array:
    return np.repeat(RIGHT.normal(numbers, (*shape[:-1], shape[-1] // 2)), 2, axis=-1)


def _shifted_stream(key: Key, shape: Shape) -> np.random.Generator:
    high, low = key.words
    return np.random.Generator(np.random.PCG64(high).advance(low))


_ENTRIES: tuple[Entry, ...] = (
    (
        "each row twice",
        "A loop of too few draws, its result repeated to the size that is wanted.",
        _CASE, "lags", _arranged(lambda samples: np.repeat(samples[::2], 2, axis=0)),
    ),
    (
        "both halves of Box-Muller are the sine",
        "Two neighbours are one sample.",
        _CASE, "lags", replace(RIGHT, normal=_both_sines),
    ),
    (
        "samples in opposite pairs",
        "Antithetic draws: z, -z, z, -z.",
        _CASE, "lags", _arranged(_opposites),
    ),
    (
        "smoothed along an axis",
        "A tenth of the neighbour is added.",
        _CASE, "lags", _arranged(_smoothed),
    ),
    (
        "a low-discrepancy sequence",
        "Multiples of the golden ratio for random numbers: a right law, and nothing random.",
        _CASE, "lags", replace(RIGHT, normal=_weyl),
    ),
    (
        "a period of 2**16",
        "A counter of 16 bits.",
        _CASE, "periods", _arranged(_period(2**16)),
    ),
    (
        "a block of 4096 samples, tiled",
        "One buffer of a fixed size is copied until the array is full.",
        _CASE, "periods", _arranged(_period(2**12)),
    ),
    (
        "a block of 4099 samples, tiled",
        "Likewise; its length is a prime, and no lag that is looked at.",
        _CASE, "repeats", _arranged(_period(4099)),
    ),
    (
        "one row is too wide",
        "The first row is scaled by another fan.",
        _CASE, "slices", _arranged(_one_wide_row),
    ),
    (
        "the scale has a slope",
        "It grows by a tenth from the first column to the last.",
        _CASE, "slices", _arranged(_slope),
    ),
    (
        "the key is ignored",
        "A seed that was fixed for a test: all layers start equal (pytorch#72253).",
        _CASE, "keys", _seeded(lambda key, shape: 0),
    ),
    (
        "one key for every array of a shape",
        "A cache by shape and dtype, to save time (pytorch#86274 shows the effect).",
        _CASE, "keys", _seeded(lambda key, shape: list(shape)),
    ),
    (
        "the low word is ignored",
        "Two seeds in a row are one.",
        _CASE, "keys", _seeded(lambda key, shape: key.words[0]),
    ),
    (
        "the next seed's stream is this one's, moved by one",
        "The seed is where the stream starts, not which stream it is.",
        _CASE, "repeats", replace(RIGHT, generator=_shifted_stream),
    ),
)  # fmt: skip

PLACES = mutants(_ENTRIES, right=RIGHT)
