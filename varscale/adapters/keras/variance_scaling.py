"""`VarianceScaling` and its specialisations (Glorot, LeCun, He) as Keras classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from varscale import initializers
from varscale.adapters.keras.backends import dtype_name
from varscale.adapters.keras.keyed import Keyed, plain_number
from varscale.dtypes import DTypeLike
from varscale.fans import Axes
from varscale.initializers import Distribution, Mode
from varscale.keys import KeyLike

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "VarianceScaling",
]

_register = keras.saving.register_keras_serializable(package="varscale")


@_register
class VarianceScaling(Keyed, keras.initializers.VarianceScaling):  # type: ignore[misc]
    """Samples whose variance is scale / n, n given by the fans of the shape.

    The values are those of `jax.nn.initializers.variance_scaling` for the same key and shape, on
    every backend. The names are JAX's: "normal" is not truncated, unlike in Keras.

    One initializer gives the same values to every weight of the same shape, as with an integer
    seed in Keras: in two layers, or in both directions of Bidirectional. Give each layer a key of
    its own: `k1, k2 = varscale.split(key)`. Attention layers are the exception:
    MultiHeadAttention and GroupQueryAttention draw their projections with the keys that Flax Linen
    gives to "query", "key", "value" and "out" when `key` is the attention module's own, so that
    the kernels equal those of `flax.linen.MultiHeadDotProductAttention`.

    In EinsumDense (Keras >= 3.15), and so in attention layers, the axes that are not given come
    from the equation. Everywhere else they are JAX's: the last two, whatever the layer. For layers
    that keep them elsewhere:

    - Conv1DTranspose to Conv3DTranspose, kernel (*kernel, out, in): in_axis=-1, out_axis=-2. The
      default is what Flax's `nn.ConvTranspose(transpose_kernel=True)` draws.
    - DepthwiseConv, kernel (*kernel, in, multiplier), each input on its own: batch_axis=-2,
      in_axis=(), out_axis=-1.

    A saved model loads without custom_objects after `import varscale.keras`.

    Args:
        scale: a number >= 0.
        mode: n is "fan_in", "fan_out", their arithmetic ("fan_avg") or geometric ("fan_geo_avg")
            mean.
        distribution: "truncated_normal" (at two standard deviations before scaling), "normal" or
            "uniform".
        in_axis: axis or axes of the inputs; default -2, but see above.
        out_axis: axis or axes of the outputs; default -1, but see above.
        batch_axis: axis or axes that the fans leave out.
        dtype: the dtype where a call names none; Keras' layers name one.
        key: a `varscale.Key`, an integer, or a JAX key.
        seed: an integer, `seed=7` being `key=varscale.key(7)`; or a `keras.random.SeedGenerator`,
            for other values at every call. Without key and seed, Keras draws a seed now
            (`keras.utils.set_random_seed` decides which).
        compiled: which of JAX's own roundings (see `varscale.initializers.VarianceScaling`).
        input_axes: how EinsumDense gives in_axis.
        output_axes: how EinsumDense gives out_axis.

    Raises:
        ValueError: an unknown mode or distribution, a negative scale, both key and seed; when
            called, a shape of rank <= 1 with the default in_axis.
        TypeError: a key, seed, scale or axis of another type.

    Example:
        >>> import keras, varscale.keras
        >>> init = varscale.keras.VarianceScaling(2.0, "fan_out", "truncated_normal", key=0)
        >>> layer = keras.layers.Conv2D(8, 3, kernel_initializer=init)

    Source: jax.nn.initializers.variance_scaling.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: Mode = "fan_in",
        distribution: Distribution = "truncated_normal",
        *,
        in_axis: Axes | None = None,
        out_axis: Axes | None = None,
        batch_axis: Axes = (),
        dtype: DTypeLike | None = None,
        key: KeyLike | None = None,
        seed: Any = None,
        compiled: bool | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        if input_axes is not None and output_axes is not None:
            input_axes, output_axes = _without(batch_axis, input_axes, output_axes)
        self.in_axis = in_axis if in_axis is not None else input_axes
        self.out_axis = out_axis if out_axis is not None else output_axes
        data = initializers.VarianceScaling(
            plain_number(scale),
            mode,
            distribution,
            -2 if self.in_axis is None else self.in_axis,
            -1 if self.out_axis is None else self.out_axis,
            batch_axis,
            dtype_name(dtype),
            compiled,
        )
        super().__init__(data, key, seed)
        # What Keras' own class has; EinsumDense gives axes where one of the two is None.
        self.scale, self.mode, self.distribution = data.scale, mode, distribution
        self.input_axes = None if self.in_axis is None else _as_list(self.in_axis)
        self.output_axes = None if self.out_axis is None else _as_list(self.out_axis)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as values that JSON has."""
        config = super().get_config()
        config["batch_axis"] = _as_list(config["batch_axis"])
        return {**config, "in_axis": self.input_axes, "out_axis": self.output_axes}


class _Rule(VarianceScaling):
    """A variance scaling whose scale, mode and distribution have a name together."""

    _rule: ClassVar[tuple[float, Mode, Distribution]]

    def __init__(
        self,
        *,
        in_axis: Axes | None = None,
        out_axis: Axes | None = None,
        batch_axis: Axes = (),
        dtype: DTypeLike | None = None,
        key: KeyLike | None = None,
        seed: Any = None,
        compiled: bool | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(
            *self._rule,
            in_axis=in_axis,
            out_axis=out_axis,
            batch_axis=batch_axis,
            dtype=dtype,
            key=key,
            seed=seed,
            compiled=compiled,
            input_axes=input_axes,
            output_axes=output_axes,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as values that JSON has."""
        fixed = ("scale", "mode", "distribution")
        return {name: value for name, value in super().get_config().items() if name not in fixed}


@_register
class GlorotUniform(_Rule):
    """`VarianceScaling(1.0, "fan_avg", "uniform")`; the other arguments are its.

    Source: Glorot, Bengio (AISTATS 2010); jax.nn.initializers.glorot_uniform.
    """

    _rule = (1.0, "fan_avg", "uniform")


@_register
class GlorotNormal(_Rule):
    """`VarianceScaling(1.0, "fan_avg", "truncated_normal")`; the other arguments are its.

    Source: Glorot, Bengio (AISTATS 2010); jax.nn.initializers.glorot_normal.
    """

    _rule = (1.0, "fan_avg", "truncated_normal")


@_register
class LecunUniform(_Rule):
    """`VarianceScaling(1.0, "fan_in", "uniform")`; the other arguments are its.

    Source: LeCun et al., "Efficient BackProp" (1998); jax.nn.initializers.lecun_uniform.
    """

    _rule = (1.0, "fan_in", "uniform")


@_register
class LecunNormal(_Rule):
    """`VarianceScaling(1.0, "fan_in", "truncated_normal")`; the other arguments are its.

    Example:
        >>> import keras, varscale.keras
        >>> init = varscale.keras.LecunNormal(key=varscale.key(0))
        >>> attention = keras.layers.MultiHeadAttention(2, 4, kernel_initializer=init)

    Source: LeCun et al., "Efficient BackProp" (1998); jax.nn.initializers.lecun_normal.
    """

    _rule = (1.0, "fan_in", "truncated_normal")


@_register
class HeUniform(_Rule):
    """`VarianceScaling(2.0, "fan_in", "uniform")`; the other arguments are its.

    Source: He et al. (arXiv:1502.01852); jax.nn.initializers.he_uniform.
    """

    _rule = (2.0, "fan_in", "uniform")


@_register
class HeNormal(_Rule):
    """`VarianceScaling(2.0, "fan_in", "truncated_normal")`; the other arguments are its.

    Source: He et al. (arXiv:1502.01852); jax.nn.initializers.he_normal.
    """

    _rule = (2.0, "fan_in", "truncated_normal")


def _without(
    batch_axis: Axes, input_axes: Sequence[int], output_axes: Sequence[int]
) -> tuple[list[int], list[int]]:
    """EinsumDense's axes without the batch's: it counts every axis as an input or an output."""
    rank = len(input_axes) + len(output_axes)
    batch = [axis % rank for axis in _as_list(batch_axis)]
    inputs, outputs = ([n for n in axes if n not in batch] for axes in (input_axes, output_axes))
    return inputs, outputs


def _as_list(axes: Axes) -> list[int]:
    return list(axes) if isinstance(axes, Sequence) else [axes]
