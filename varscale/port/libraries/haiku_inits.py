"""Haiku's own initializers, whose constants are rounded otherwise than those of jax.nn.

Haiku's `TruncatedNormal(stddev)`, `RandomNormal(stddev)` and `RandomUniform(minval, maxval)` draw
what `varscale.initializers.TruncatedNormal`, `Normal` and `UniformBetween` do. A mean other than 0
is not built.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from varscale.arguments import as_compiled, as_shape, check_choice, check_number
from varscale.distributions import TRUNCATED_STDDEV, Distribution
from varscale.draws import AnyDraw
from varscale.dtypes import DTypeLike, as_dtype
from varscale.initializers import Normal, TruncatedNormal, UniformBetween
from varscale.keys import KeyLike

__all__ = ["HaikuVarianceScaling"]

Mode: TypeAlias = Literal["fan_in", "fan_out", "fan_avg"]


@dataclass(frozen=True, slots=True)
class HaikuVarianceScaling:
    """`hk.initializers.VarianceScaling`: computed in float64 until the samples are scaled.

    Attributes:
        scale: a number >= 0.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal", "normal" or "uniform".
        fan_in_axes: the axes of the inputs, of an array of 3 axes or more; None: all but the last.
        dtype: the default dtype.
        compiled: see `varscale.initializers.VarianceScaling`.

    Raises:
        ValueError: an unknown mode or distribution, or a scale that is negative or NaN.

    Source: haiku/_src/initializers.py (0.0.17), `VarianceScaling`.
    """

    scale: float = 1.0
    mode: Mode = "fan_in"
    distribution: Distribution = "truncated_normal"
    fan_in_axes: Sequence[int] | None = None
    dtype: DTypeLike | None = None
    compiled: bool | None = None

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, get_args(Mode))
        check_choice("distribution", self.distribution, get_args(Distribution))
        check_number("scale", self.scale)
        if not self.scale >= 0:
            raise ValueError(f"scale must be >= 0, got {self.scale!r}")
        object.__setattr__(self, "compiled", as_compiled(self.compiled))

    def draw(self, key: KeyLike, shape: Sequence[int], dtype: DTypeLike) -> AnyDraw:
        """What is drawn with this key for an array of this shape and dtype."""
        fan_in, fan_out = self._fans(as_shape(shape))
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return UniformBetween(-limit, limit).draw(key, shape, dtype)
        stddev = math.sqrt(variance)
        if self.distribution == "normal":
            return Normal(stddev, compiled=self.compiled).draw(key, shape, dtype)
        # The correction alone is of the array's dtype.
        stddev /= float(np.asarray(TRUNCATED_STDDEV).astype(as_dtype(dtype)))
        return TruncatedNormal(stddev, compiled=self.compiled).draw(key, shape, dtype)

    def _fans(self, shape: tuple[int, ...]) -> tuple[float, float]:
        if len(shape) < 2:
            return (float(math.prod(shape)),) * 2
        if len(shape) > 2 and self.fan_in_axes is not None:
            inputs = {axis % len(shape) for axis in self.fan_in_axes}
            sizes = [shape[axis] for axis in sorted(inputs)]
            others = [size for axis, size in enumerate(shape) if axis not in inputs]
            return float(math.prod(sizes)), float(math.prod(others))
        receptive_field = math.prod(shape[:-2])
        return float(shape[-2] * receptive_field), float(shape[-1] * receptive_field)
