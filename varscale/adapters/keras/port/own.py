"""How Keras itself starts a variable: by the initializer that its layer was made with.

Source: keras/src/initializers (3.15): `compute_fans` reads fan_in from the last axis but one, where
a layer does not say which axes are its inputs'.
"""

from __future__ import annotations

from typing import Any

from keras import initializers, layers

from varscale.initializers import (
    Constant,
    Initializer,
    Normal,
    Orthogonal,
    TruncatedNormal,
    UniformBetween,
    VarianceScaling,
)
from varscale.port.own import Own

__all__ = ["own_law"]

#: What Keras calls the distributions.
_DISTRIBUTIONS: dict[str, Any] = {
    "truncated_normal": "truncated_normal",
    "untruncated_normal": "normal",
    "uniform": "uniform",
}


def own_law(layer: Any, name: str, shape: tuple[int, ...]) -> Own:
    """The law of a layer's variable, as far as it is known.

    Args:
        layer: what the variable belongs to.
        name: the variable's in the layer: "recurrent_kernel".
        shape: the variable's.
    """
    words = (name, name.removesuffix("_kernel"), "depthwise" if name == "kernel" else name)
    made_with = (getattr(layer, f"{word}_initializer", None) for word in words)
    own = next((one for one in made_with if one is not None), None)
    if own is None:
        return Own(shape)
    said = type(own).__name__
    if name == "bias" and getattr(layer, "unit_forget_bias", False):
        return Own(shape, f"{said}, of the forget gate Ones")
    # Keras has fans of vectors, JAX has none; and EinsumDense gives axes of its own to a copy.
    scaled = isinstance(own, initializers.VarianceScaling)
    unknown = scaled and (len(shape) < 2 or isinstance(layer, layers.EinsumDense))
    return Own(shape, said, None if unknown else _law(own))


def _law(own: Any) -> Initializer | None:
    """The law of an initializer of Keras; None where it is not known."""
    scaling = initializers.VarianceScaling
    if isinstance(own, scaling):
        if type(own).__call__ is not scaling.__call__:
            return None
        distribution = _DISTRIBUTIONS[own.distribution]
        inputs, outputs = getattr(own, "input_axes", None), getattr(own, "output_axes", None)
        if inputs is None or outputs is None:
            return VarianceScaling(own.scale, own.mode, distribution)
        return VarianceScaling(own.scale, own.mode, distribution, tuple(inputs), tuple(outputs))
    kind = type(own)
    if kind in (initializers.Zeros, initializers.Ones):
        return Constant(float(kind is initializers.Ones))
    if kind is initializers.Constant and isinstance(own.value, int | float):
        return Constant(own.value)
    if kind is initializers.RandomUniform:
        return UniformBetween(own.minval, own.maxval)
    if kind is initializers.RandomNormal and own.mean == 0:
        return Normal(own.stddev)
    if kind is initializers.TruncatedNormal and own.mean == 0:
        return TruncatedNormal(own.stddev)
    return Orthogonal(own.gain) if kind is initializers.Orthogonal else None
