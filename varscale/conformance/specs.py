"""What a subject is asked to draw, as plain data in JAX's terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from varscale import initializers
from varscale.conformance.layers import LAYERS
from varscale.fans import Axes
from varscale.initializers import Distribution, Mode

__all__ = ["Name", "Spec", "of_layer"]

#: The functions of `jax.nn.initializers` whose laws are tested.
Name: TypeAlias = Literal["variance_scaling", "normal", "truncated_normal", "uniform"]


@dataclass(frozen=True, slots=True)
class Spec:
    """An initializer of `jax.nn.initializers` and its arguments.

    Attributes:
        initializer: the function's name.
        scale: its first argument: of `variance_scaling` the scale of the variance, of `uniform` the
            upper end, of `normal` and `truncated_normal` the standard deviation.
        mode: of `variance_scaling`.
        distribution: of `variance_scaling`.
        in_axis: of `variance_scaling`, for JAX's shape.
        out_axis: likewise.
        batch_axis: likewise.
        layer: what the array is the weight of, one of `LAYERS`; a subject whose framework keeps
            such weights in another layout draws in that, and gives the array back in JAX's.
        compiled: which of JAX's roundings is wanted (see `varscale.initializers.VarianceScaling`);
            for subjects that claim bits. No law depends on it.

    Example:
        >>> Spec("variance_scaling", 2.0, "fan_in", "truncated_normal").variance((64, 10))
        0.03125
    """

    initializer: Name
    scale: float = 1.0
    mode: Mode = "fan_in"
    distribution: Distribution = "truncated_normal"
    in_axis: Axes = -2
    out_axis: Axes = -1
    batch_axis: Axes = ()
    layer: str = "dense"
    compiled: bool | None = None

    @property
    def data(self) -> initializers.Initializer:
        """The same as varscale's plain data."""
        if self.initializer == "variance_scaling":
            return initializers.VarianceScaling(
                self.scale, self.mode, self.distribution, self.in_axis, self.out_axis,
                self.batch_axis, compiled=self.compiled,
            )  # fmt: skip
        if self.initializer == "normal":
            return initializers.Normal(self.scale, compiled=self.compiled)
        if self.initializer == "truncated_normal":
            return initializers.TruncatedNormal(self.scale, compiled=self.compiled)
        return initializers.Uniform(self.scale)

    def variance(self, shape: Sequence[int]) -> float:
        """Of the samples before rounding, E abs(x)**2; of `uniform` about the middle.

        Source: jax/_src/nn/initializers.py, `variance_scaling`, whose samples have variance
        scale / fan; the truncated normal function leaves out the correction.
        """
        data = self.data
        if isinstance(data, initializers.VarianceScaling):
            return data.variance(shape)
        if self.initializer == "truncated_normal":
            return (self.scale * TRUNCATED_STDDEV) ** 2
        return self.scale**2 / (12 if self.initializer == "uniform" else 1)

    @property
    def samples(self) -> Distribution:
        """How the samples are distributed."""
        return self.distribution if self.initializer == "variance_scaling" else self.initializer

    @property
    def name(self) -> str:
        """A short name: what differs from one spec of a layer to another."""
        if self.initializer != "variance_scaling":
            return self.initializer
        times = "" if self.scale == 1 else f"*{self.scale:g}"
        return f"{self.mode}{times}/{self.distribution}"


#: Standard deviation of a standard normal truncated to (-2, 2), scipy.stats.truncnorm.std(-2, 2).
TRUNCATED_STDDEV = 0.87962566103423978


def of_layer(layer: str, mode: Mode, distribution: Distribution, scale: float = 1.0) -> Spec:
    """`variance_scaling` with the axes of a layer's kernel.

    Example:
        >>> of_layer("attention_query", "fan_in", "normal").out_axis
        (1, 2)
    """
    kind = LAYERS[layer]
    return Spec(
        "variance_scaling", scale, mode, distribution, kind.in_axis, kind.out_axis,
        kind.batch_axis, layer,
    )  # fmt: skip
