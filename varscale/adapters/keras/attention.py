"""Which projection of an attention layer an initializer draws for, and Flax Linen's key for it.

Keras' attention layers clone one initializer for their query, key, value and output projections,
so that a key must become four. Flax has a rule for that, which depends on names only, and so can
be followed in any order.
"""

from __future__ import annotations

import sys
import weakref
from dataclasses import dataclass
from typing import Any

import keras

from varscale.adapters.keras.scopes import callers, sublayers
from varscale.keys import Key
from varscale.linen import param_key

__all__ = ["Place", "current_place", "projection_key"]

_ATTENTION = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)
#: Flax Linen's names of the projections that Keras calls otherwise.
_LINEN_NAMES = {"attention_output": "out"}


@dataclass(frozen=True, slots=True)
class Place:
    """A place within an attention layer that is being built.

    Attributes:
        attention: the attention layer.
        projection: the sublayer of it that is being built, or None.
    """

    attention: weakref.ref[Any]
    projection: weakref.ref[Any] | None

    def projection_of(self, initializer: Any) -> Any:
        """The sublayer that `initializer` draws for, or None."""
        if self.projection is not None:
            return self.projection()
        attention = self.attention()
        for layer in () if attention is None else sublayers(attention):
            if any(one is initializer for one in _initializers(layer)):
                return layer
        return None


def projection_key(key: Key, initializer: Any, made_at: Place | None) -> Key:
    """The key for a weight: Linen's where it belongs to an attention layer, else `key` itself.

    `key` plays the part of the key that the attention module is given in Linen; there, a
    projection draws its kernel first and its bias second.

    Args:
        key: the initializer's key.
        initializer: the initializer, while it is called.
        made_at: `current_place()` at the time when the initializer was made. Where Keras traces a
            model first, weights are drawn after their layers are built, and this is all that is
            left to know.
    """
    for place in (made_at, current_place()):
        layer = None if place is None else place.projection_of(initializer)
        if layer is not None:
            name = _LINEN_NAMES.get(layer.name, layer.name)
            kernel, bias = _initializers(layer)
            is_bias = bias is initializer and kernel is not initializer
            return param_key(key, (name,), 2 if is_bias else 1)
    return key


def current_place() -> Place | None:
    """The nearest attention layer that is being built, and its sublayer that is; or None.

    Raises:
        RuntimeError: an attention layer is being built, and Keras does not tell which sublayer.
    """
    building = [one for one in callers() if isinstance(one, keras.Layer)]
    for depth in reversed(range(len(building))):
        attention = building[depth]
        if isinstance(attention, _ATTENTION):
            within = [one for one in building[depth + 1 :] if one is not attention]
            return Place(weakref.ref(attention), weakref.ref(within[0]) if within else None)
    if _is_building_attention():
        raise RuntimeError(
            f"Keras {keras.__version__} does not tell varscale which projection of an attention "
            "layer is being initialised, so that query, key and value would be equal; assign the "
            "kernels after build instead, and please report this version"
        )
    return None


def _is_building_attention() -> bool:
    """Whether the `build` of an attention layer is running, by Python's own call stack."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        is_build = frame.f_code.co_name == "build"
        if is_build and isinstance(frame.f_locals.get("self"), _ATTENTION):
            return True
    return False


def _initializers(layer: Any) -> tuple[Any, Any]:
    kernel = getattr(layer, "kernel_initializer", None)
    return kernel, getattr(layer, "bias_initializer", None)
