"""The parameter that PyTorch has for each layer, and its way back to JAX's kernel.

Written out by permutations: `varscale.Layout` is among the things that are tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["as_kernel", "weight_shape"]


def weight_shape(layer: str, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of torch's parameter.

    Args:
        layer: one of `varscale.conformance.layers.LAYERS`.
        shape: of JAX's kernel of that layer.

    Returns:
        (out, in, *spatial) of Linear and Conv, (in, out, *spatial) of ConvTranspose, (heads * head
        size, in) and (out, heads * head size) of the projections, (3 * out, in) of
        MultiheadAttention's in_proj_weight, (rows, columns) of Embedding.

    Example:
        >>> weight_shape("conv", (3, 3, 16, 32)), weight_shape("packed_qkv", (3, 8, 10))
        ((32, 16, 3, 3), (30, 8))
    """
    if layer == "embedding":
        return tuple(shape)
    if layer == "attention_query":
        inputs, heads, size = shape
        return heads * size, inputs
    if layer == "attention_out":
        heads, size, outputs = shape
        return outputs, heads * size
    if layer == "packed_qkv":
        parts, inputs, outputs = shape
        return parts * outputs, inputs
    *spatial, inputs, outputs = shape
    first = (inputs, outputs) if layer == "conv_transpose" else (outputs, inputs)
    return (*first, *spatial)


def as_kernel(layer: str, weight: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Torch's parameter as JAX's kernel, a view where that can be.

    Args:
        layer: one of `varscale.conformance.layers.LAYERS`.
        weight: the parameter, of shape `weight_shape(layer, shape)`.
        shape: of JAX's kernel.
    """
    if layer == "embedding":
        return weight
    if layer == "attention_query":
        inputs, heads, size = shape
        return weight.view(heads, size, inputs).permute(2, 0, 1)
    if layer == "attention_out":
        heads, size, outputs = shape
        return weight.view(outputs, heads, size).permute(1, 2, 0)
    if layer == "packed_qkv":
        parts, inputs, outputs = shape
        return weight.view(parts, outputs, inputs).permute(0, 2, 1)
    spatial = range(2, weight.ndim)
    if layer == "conv_transpose":  # torch's runs backwards
        return weight.permute(*spatial, 0, 1).flip(*(axis - 2 for axis in spatial))
    return weight.permute(*spatial, 1, 0)
