"""What arrays are weights of: JAX's shape and axes of each kind of layer, by name.

A subject turns these into its own framework's layout, and its draw back into JAX's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from varscale.fans import Axes

__all__ = ["DEPTH_MULTIPLIER", "GROUPS", "LAYERS", "Layer"]

#: Output channels per input channel of the layer "depthwise", whose kernel does not show it.
DEPTH_MULTIPLIER = 2
#: Groups of the layer "grouped".
GROUPS = 4


@dataclass(frozen=True, slots=True)
class Layer:
    """The kernel of a layer in JAX.

    Attributes:
        name: of the kind of layer.
        axes: a letter for each axis, as in `lax.conv_general_dilated` where it has one.
        in_axis: as `jax.nn.initializers.variance_scaling` is to be called.
        out_axis: likewise.
        batch_axis: likewise.
        shape: the shape that is tested: axes of unlike sizes, so that no two can be mistaken.
        about: whose kernel it is.
    """

    name: str
    axes: str
    in_axis: Axes
    out_axis: Axes
    batch_axis: Axes
    shape: tuple[int, ...]
    about: str


#: By name; the shapes have 2**17 to 2**19 elements.
LAYERS: Mapping[str, Layer] = MappingProxyType(
    {
        layer.name: layer
        for layer in (
            Layer("dense", "IO", -2, -1, (), (256, 1024), "Dense, Linear"),
            Layer("conv1d", "WIO", -2, -1, (), (5, 96, 512), "Conv of one spatial axis"),
            Layer("conv", "HWIO", -2, -1, (), (3, 3, 96, 320), "Conv of two spatial axes"),
            Layer(
                *("grouped", "HWIO", -2, -1, (), (3, 3, 24, 1280)),
                f"Conv with groups: I is the input channels of one of {GROUPS} groups",
            ),
            Layer(
                *("depthwise", "HWIO", -2, -1, (), (3, 3, 1, 24576)),
                f"Conv with a group for each input channel, {DEPTH_MULTIPLIER} outputs each",
            ),
            Layer("conv_transpose", "HWIO", -2, -1, (), (3, 3, 96, 320), "ConvTranspose"),
            Layer(
                *("attention_query", "DHK", 0, (1, 2), (), (192, 8, 160)),
                "query, key or value projection of a multi-head attention",
            ),
            Layer(
                *("attention_out", "HKD", (0, 1), 2, (), (8, 160, 192)),
                "output projection of a multi-head attention",
            ),
            Layer(
                *("packed_qkv", "3IO", -2, -1, 0, (3, 256, 384)),
                "three projections in one parameter: each has its own fans",
            ),
            Layer(
                *("embedding", "VD", -2, 0, (), (1536, 192)),
                "Embed, whose in and out axis are one and the same in Flax",
            ),
        )
    }
)
