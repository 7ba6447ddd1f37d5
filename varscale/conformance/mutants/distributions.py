"""Wrong initializers whose samples have another law: truncation, tails, a middle beside zero."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from varscale.conformance.mutants.mutant import Entry, mutants
from varscale.conformance.mutants.right import RIGHT, Array, Shape, Steps, uniforms
from varscale.conformance.specs import TRUNCATED_STDDEV

__all__ = ["DISTRIBUTIONS"]

_TRUNCATED = "law/dense/fan_in/truncated_normal/float32/cpu"
_NORMAL = "law/dense/fan_in/normal/float32/cpu"
_UNIFORM = "law/dense/fan_in/uniform/float32/cpu"


def _truncated_at(bound: float, deviation: float) -> Steps:
    """A normal truncated at a bound, divided by a deviation."""

    def draw(numbers: np.random.Generator, shape: Shape) -> Array:
        from scipy.special import ndtr, ndtri

        below = ndtr(-bound)
        found: Array = ndtri(below + uniforms(numbers, shape) * (1 - 2 * below))
        return found / deviation

    return replace(RIGHT, truncated=draw)


def _clipped(numbers: np.random.Generator, shape: Shape) -> Array:
    return np.clip(RIGHT.normal(numbers, shape), -2, 2) / TRUNCATED_STDDEV


def _rejected_once(numbers: np.random.Generator, shape: Shape) -> Array:
    first, second = RIGHT.normal(numbers, shape), RIGHT.normal(numbers, shape)
    return np.clip(np.where(np.abs(first) > 2, second, first), -2, 2) / TRUNCATED_STDDEV


def _rejected_to_uniform(numbers: np.random.Generator, shape: Shape) -> Array:
    first, second = RIGHT.normal(numbers, shape), numbers.uniform(-2, 2, shape)
    return np.where(np.abs(first) > 2, second, first) / TRUNCATED_STDDEV


def _wrapped(numbers: np.random.Generator, shape: Shape) -> Array:
    return np.fmod(RIGHT.normal(numbers, shape), 2.0) / TRUNCATED_STDDEV


def _not_centred(numbers: np.random.Generator, shape: Shape) -> Array:
    return math.sqrt(3) * uniforms(numbers, shape)


def _sum_of_uniforms(number: int) -> Steps:
    """The central limit theorem, not taken far."""

    def draw(numbers: np.random.Generator, shape: Shape) -> Array:
        total = sum((numbers.random(shape) for _ in range(number)), np.zeros(shape))
        return (total - number / 2) / math.sqrt(number / 12)

    return replace(RIGHT, normal=draw)


def _sum_of_exponentials(numbers: np.random.Generator, shape: Shape) -> Array:
    return (numbers.standard_gamma(64.0, shape) - 64) / 8


def _logistic(numbers: np.random.Generator, shape: Shape) -> Array:
    u = uniforms(numbers, shape)
    found: Array = np.log(u / np.maximum(1 - u, 2.0**-53)) * math.sqrt(3) / math.pi
    return found


def _polar(numbers: np.random.Generator, shape: Shape) -> Array:
    x, y = (2 * uniforms(numbers, shape) - 1 for _ in range(2))
    s = x * x + y * y
    with np.errstate(invalid="ignore"):
        found: Array = x * np.sqrt(-2 * np.log(s) / s)
    return found


def _box_muller(numbers: np.random.Generator, shape: Shape, turn: Array) -> Array:
    found: Array = np.sqrt(-2 * np.log(uniforms(numbers, shape))) * np.sin(2 * np.pi * turn)
    return found


def _coarse_angle(numbers: np.random.Generator, shape: Shape) -> Array:
    return _box_muller(numbers, shape, numbers.integers(0, 2**7, shape) / 2**7)


def _half_a_turn(numbers: np.random.Generator, shape: Shape) -> Array:
    return _box_muller(numbers, shape, numbers.random(shape) / 2)


def _drawn_as(other: Steps, wanted: str) -> Steps:
    """What one distribution's name leads to in another's place."""
    return replace(RIGHT, normal=getattr(other, wanted))


_ENTRIES: tuple[Entry, ...] = (
    (
        "the correction without truncation",
        "A normal divided by 0.8796: sheeprl's dreamer_v3 and its copies, 1.137 times too wide "
        "with tails at 4.5 deviations.",
        _TRUNCATED, "support", replace(
            RIGHT, truncated=lambda numbers, shape: RIGHT.normal(numbers, shape) / 0.8796
        ),
    ),
    (
        "bounds in absolute units",
        "torch.nn.init.trunc_normal_ with its default bounds of +-2, where the deviation is "
        "0.06: nothing is truncated (algorithmic-efficiency#819, timm#1286).",
        _TRUNCATED, "support", replace(RIGHT, truncated=RIGHT.normal),
    ),
    (
        "truncated at 2 after scaling",
        "The bounds are twice the deviation that is wanted, not of the normal before.",
        _TRUNCATED, "scale", _truncated_at(2 * TRUNCATED_STDDEV, TRUNCATED_STDDEV),
    ),
    (
        "truncated at 3",
        "The bounds of another library, with the right deviation of its own.",
        _TRUNCATED, "support", _truncated_at(3.0, 0.98657839),
    ),
    (
        "clipped, not truncated",
        "normal_().clamp_(-2, 2): 4.6 % of the samples lie at the ends (a copy of HRM).",
        _TRUNCATED, "ends", replace(RIGHT, truncated=_clipped),
    ),
    (
        "rejected once, then clipped",
        "Samples beyond 2 are drawn again, but a single time.",
        _TRUNCATED, "ends", replace(RIGHT, truncated=_rejected_once),
    ),
    (
        "rejected samples are uniform",
        "What is beyond 2 is replaced by something that surely is not.",
        _TRUNCATED, "tails", replace(RIGHT, truncated=_rejected_to_uniform),
    ),
    (
        "wrapped into the bounds",
        "fmod(z, 2): the tails come back in the middle.",
        _TRUNCATED, "whole law", replace(RIGHT, truncated=_wrapped),
    ),
    (
        "one-sided",
        "The absolute values of the samples.",
        _NORMAL, "mean", replace(RIGHT, arranged=np.abs),
    ),
    (
        "the mean is not zero",
        "Shifted by a thirtieth of a deviation.",
        _NORMAL, "mean", replace(RIGHT, arranged=lambda samples: samples + 1 / 30),
    ),
    (
        "[0, 1) not centred",
        "limit * random(), without 2 * u - 1.",
        _UNIFORM, "mean", replace(RIGHT, uniform=_not_centred),
    ),
    (
        "normal for uniform",
        "The deviation is right, the distribution is the other one of the two.",
        _UNIFORM, "support", replace(RIGHT, uniform=RIGHT.normal),
    ),
    (
        "uniform for normal",
        "Likewise, the other way round.",
        _NORMAL, "whole law", replace(RIGHT, normal=RIGHT.uniform),
    ),
    (
        "a logit for a probit",
        "The logistic law's quantiles with a normal's deviation.",
        _NORMAL, "whole law", replace(RIGHT, normal=_logistic),
    ),
    (
        "the sum of 12 uniforms",
        "The old way to a normal without a logarithm: no sample beyond 6, too few beyond 3.",
        _NORMAL, "tails", _sum_of_uniforms(12),
    ),
    (
        "the sum of 3 uniforms",
        "The Irwin-Hall law, bell-shaped to the eye.",
        _NORMAL, "whole law", _sum_of_uniforms(3),
    ),
    (
        "the sum of 64 exponentials",
        "The central limit of a law that is not symmetric.",
        _NORMAL, "third moment", replace(RIGHT, normal=_sum_of_exponentials),
    ),
    (
        "the polar method without rejection",
        "Marsaglia's method with points outside of the disk: the root of a negative number.",
        _NORMAL, "support", replace(RIGHT, normal=_polar),
    ),
    (
        "Box-Muller with a coarse angle",
        "The angle has 7 bits: one sample in 64 is zero.",
        _NORMAL, "whole law", replace(RIGHT, normal=_coarse_angle),
    ),
    (
        "Box-Muller with half a turn",
        "sin(pi * v) of v in [0, 1): no sample is negative.",
        _NORMAL, "mean", replace(RIGHT, normal=_half_a_turn),
    ),
)  # fmt: skip

DISTRIBUTIONS = mutants(_ENTRIES, right=RIGHT)
