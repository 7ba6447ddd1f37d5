"""Wrong initializers whose samples are too wide or too narrow: corrections, fans, modes, axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from varscale.conformance.layers import DEPTH_MULTIPLIER, GROUPS
from varscale.conformance.mutants.mutant import Entry, mutants
from varscale.conformance.mutants.right import RIGHT, Shape, Steps, deviation
from varscale.conformance.specs import TRUNCATED_STDDEV, Spec
from varscale.dtypes import as_dtype
from varscale.fans import compute_fans

__all__ = ["SCALES"]

Fans: TypeAlias = Callable[[Spec, Shape], tuple[float, float]]


def _times(factor: float) -> Steps:
    """Every sample times a factor."""
    return replace(RIGHT, arranged=lambda samples: factor * samples)


def _fans(wrong: Fans) -> Steps:
    """Other fans, and JAX's rule from there on."""

    def from_fans(spec: Spec, shape: Shape) -> float:
        fan_in, fan_out = wrong(spec, shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        return math.sqrt(spec.scale / fan.get(spec.mode, math.sqrt(fan_in * fan_out)))

    return replace(RIGHT, deviation=from_fans)


def _right_fans(spec: Spec, shape: Shape) -> tuple[float, float]:
    return compute_fans(shape, spec.in_axis, spec.out_axis, spec.batch_axis)


def _average(wrong: Callable[[float, float], float]) -> Steps:
    """Another fan_avg."""

    def of_average(spec: Spec, shape: Shape) -> float:
        return math.sqrt(spec.scale / wrong(*_right_fans(spec, shape)))

    return replace(RIGHT, deviation=of_average)


def _swapped(spec: Spec, shape: Shape) -> tuple[float, float]:
    fan_in, fan_out = _right_fans(spec, shape)
    return fan_out, fan_in


def _with_bias(spec: Spec, shape: Shape) -> tuple[float, float]:
    fan_in, fan_out = _right_fans(spec, shape)
    return fan_in + 1, fan_out


def _no_area(spec: Spec, shape: Shape) -> tuple[float, float]:
    return shape[-2], shape[-1]


def _torch(spec: Spec, shape: Shape) -> tuple[float, float]:
    area = math.prod(shape[2:])
    return shape[1] * area, shape[0] * area


def _keras_depthwise(spec: Spec, shape: Shape) -> tuple[float, float]:
    *window, one, channels = shape
    area = math.prod(window)
    return area * channels / DEPTH_MULTIPLIER, area * one * DEPTH_MULTIPLIER


def _of_all_groups(spec: Spec, shape: Shape) -> tuple[float, float]:
    fan_in, fan_out = _right_fans(spec, shape)
    return fan_in * GROUPS, fan_out


def _of_one_group(spec: Spec, shape: Shape) -> tuple[float, float]:
    fan_in, fan_out = _right_fans(spec, shape)
    return fan_in, fan_out / GROUPS


def _packed(spec: Spec, shape: Shape) -> tuple[float, float]:
    parts, width, heads = shape
    return width, parts * heads


def _bfloat16_deviation(spec: Spec, shape: Shape) -> float:
    return float(np.array(deviation(spec, shape), as_dtype("bfloat16")))


def _case(layer: str, name: str, dtype: str = "float32") -> str:
    return f"law/{layer}/{name}/{dtype}/cpu"


_TRUNCATED = _case("dense", "fan_in/truncated_normal")
_AVERAGE = _case("dense", "fan_avg/truncated_normal")

_ENTRIES: tuple[Entry, ...] = (
    (
        "the correction is missing",
        "Truncated at 2 and not divided by 0.8796: Haiku's default, and many ports.",
        _TRUNCATED, "scale", _times(TRUNCATED_STDDEV),
    ),
    (
        "the correction is made twice",
        "A caller divides by 0.8796, and so does the function that he calls.",
        _TRUNCATED, "scale", _times(1 / TRUNCATED_STDDEV),
    ),
    (
        "the real correction for complex samples",
        "0.8796 where a complex normal is truncated by its modulus; JAX has 0.9531 there.",
        _case("dense", "fan_in/truncated_normal", "complex64"), "scale",
        _times(0.95311164380491208 / TRUNCATED_STDDEV),
    ),
    (
        "a uniform law without sqrt(3)",
        "The standard deviation is taken for the upper end: torch's default of Linear.",
        _case("dense", "fan_in/uniform"), "scale", _times(1 / math.sqrt(3)),
    ),
    (
        "a uniform law's limit as the deviation",
        "sqrt(6 / (in + out)) is given to a normal: xavier_normal_ for xavier_uniform_, under "
        "a comment that says JAX's (baaivision/EVA#44).",
        _case("dense", "fan_avg/normal"), "scale", _times(math.sqrt(3)),
    ),
    (
        "the variance as the deviation",
        "scale / fan is given to a function that wants its square root.",
        _TRUNCATED, "scale",
        replace(RIGHT, deviation=lambda spec, shape: spec.variance(shape)),
    ),
    (
        "scale outside of the root",
        "The scale of the variance as a gain of the deviation, as in torch.nn.init.",
        _case("dense", "fan_in*2/normal"), "scale",
        replace(
            RIGHT,
            deviation=lambda spec, shape: math.sqrt(spec.scale) * deviation(spec, shape),
        ),
    ),
    (
        "the mode is not read",
        "fan_in whatever is asked: a default that an argument does not reach.",
        _AVERAGE, "scale", _average(lambda fan_in, fan_out: fan_in),
    ),
    (
        "fan_avg is a geometric mean",
        "sqrt(in * out) for their half sum.",
        _AVERAGE, "scale", _average(lambda fan_in, fan_out: math.sqrt(fan_in * fan_out)),
    ),
    (
        "fan_avg is a harmonic mean",
        "The mean of the two variances for the variance of the mean.",
        _AVERAGE, "scale", _average(lambda fan_in, fan_out: 2 / (1 / fan_in + 1 / fan_out)),
    ),
    (
        "fan_avg is a sum",
        "Glorot's 2 / (in + out) without its 2.",
        _AVERAGE, "scale", _average(lambda fan_in, fan_out: fan_in + fan_out),
    ),
    (
        "in and out are exchanged",
        "The fans of a (out, in) weight for a (in, out) kernel.",
        _case("dense", "fan_in/normal"), "scale", _fans(_swapped),
    ),
    (
        "the bias is counted",
        "fan_in + 1: the bias is one more input. No number of samples in reach would show it.",
        "scale/fan_in/normal/float32/cpu", "fans", _fans(_with_bias),
    ),
    (
        "the bias is counted in the average",
        "(in + 1 + out) / 2: as above, in another function than that of fan_in.",
        "scale/fan_avg/normal/float32/cpu", "fans",
        _average(lambda fan_in, fan_out: (fan_in + 1 + fan_out) / 2),
    ),
    (
        "the deviation is rounded to bfloat16",
        "The scale is computed in the dtype of the parameters of another layer.",
        "scale/fan_in/truncated_normal/float32/cpu", "fans",
        replace(RIGHT, deviation=_bfloat16_deviation),
    ),
    (
        "a convolution's fan without its window",
        "fan_in = shape[1], three times too wide for 3x3 (simclr-pytorch, models/ssl.py).",
        _case("conv", "fan_in/truncated_normal"), "scale", _fans(_no_area),
    ),
    (
        "torch's fans of a JAX kernel",
        "Axis 0 is taken for the outputs and axis 1 for the inputs (pytorch#7865).",
        _case("conv", "fan_in/truncated_normal"), "scale", _fans(_torch),
    ),
    (
        "Keras' fans of a depthwise kernel",
        "The input channels are in the fan, though each output sees one (keras#11773).",
        _case("depthwise", "fan_in/truncated_normal"), "scale", _fans(_keras_depthwise),
    ),
    (
        "fans of a transposed kernel",
        "Its (out, in) order is read as (in, out): torch's and Keras' ConvTranspose.",
        _case("conv_transpose", "fan_in/truncated_normal"), "scale", _fans(_swapped),
    ),
    (
        "fan_in of all groups",
        "A grouped convolution as if each output saw every input.",
        _case("grouped", "fan_in/truncated_normal"), "scale", _fans(_of_all_groups),
    ),
    (
        "fan_out of one group",
        "fan_out divided by the groups, which JAX does not do (pytorch#23854, timm#84).",
        _case("grouped", "fan_out/uniform"), "scale", _fans(_of_one_group),
    ),
    (
        "batch_axis is ignored",
        "Three stacked kernels as one whose window has three places.",
        _case("packed_qkv", "fan_in/truncated_normal"), "scale",
        _fans(lambda spec, shape: compute_fans(shape, spec.in_axis, spec.out_axis)),
    ),
    (
        "query, key and value packed",
        "Xavier's fan_out of the packed (in, 3 * out) weight (pytorch#166378).",
        _case("packed_qkv", "fan_avg/uniform"), "scale", _fans(_packed),
    ),
    (
        "an attention's kernel as a convolution's",
        "(D, heads, head) with the default axes: the fan is heads times too large (keras "
        "PR 22789).",
        _case("attention_query", "fan_in/truncated_normal"), "scale",
        _fans(lambda spec, shape: compute_fans(shape)),
    ),
    (
        "an embedding's fan is the vocabulary",
        "(V, D) as a Dense kernel, where Flax has the fan D.",
        _case("embedding", "fan_in/truncated_normal"), "scale",
        _fans(lambda spec, shape: compute_fans(shape)),
    ),
)  # fmt: skip

SCALES = mutants(_ENTRIES, right=RIGHT)
