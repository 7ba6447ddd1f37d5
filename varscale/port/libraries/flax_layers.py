"""Layers that Flax Linen and Flax NNX both have, with parameters in the same order.

Source: flax/linen/linear.py, attention.py, normalization.py, recurrent.py; flax/nnx/nn (0.12.8).
"""

from __future__ import annotations

from typing import Any

from varscale.port.layers import JaxLayer, Param, plain_axes, projections, spatial_axes
from varscale.port.libraries.flax_inits import EMBED, LECUN, ONES, ORTHOGONAL, ZEROS

__all__ = [
    "attention",
    "bias_params",
    "conv",
    "conv_transpose",
    "dense",
    "embedding",
    "linear_params",
    "lstm",
    "norm",
]


def dense(*, inputs: int, outputs: int, bias: bool = True) -> JaxLayer:
    """`nn.Dense`."""
    return JaxLayer("Dense", linear_params("", inputs, outputs, bias=bias))


def conv(
    *,
    kernel_size: tuple[int, ...],
    inputs: int,
    outputs: int,
    groups: int = 1,
    bias: bool = True,
) -> JaxLayer:
    """`nn.Conv`, also grouped and depthwise."""
    axes = spatial_axes(len(kernel_size)) + "IO"
    kernel = Param("kernel", (*kernel_size, inputs // groups, outputs), LECUN, axes)
    return JaxLayer("Conv", (kernel, *bias_params("bias", outputs, bias=bias)))


def conv_transpose(
    *,
    kernel_size: tuple[int, ...],
    inputs: int,
    outputs: int,
    bias: bool = True,
    transpose_kernel: bool = False,
) -> JaxLayer:
    """`nn.ConvTranspose`: without `transpose_kernel`, its kernel runs backwards in space."""
    space = spatial_axes(len(kernel_size))
    if transpose_kernel:
        kernel = Param("kernel", (*kernel_size, outputs, inputs), LECUN, space + "OI")
    else:
        kernel = Param("kernel", (*kernel_size, inputs, outputs), LECUN, space + "IO", flip=space)
    return JaxLayer("ConvTranspose", (kernel, *bias_params("bias", outputs, bias=bias)))


def embedding(*, vocabulary: int, features: int) -> JaxLayer:
    """`nn.Embed`."""
    return JaxLayer("Embed", (Param("embedding", (vocabulary, features), EMBED, "VF"),))


def norm(name: str) -> Any:
    """The normalisations, which differ by name."""

    def make(
        *, shape: tuple[int, ...], scale: bool = True, bias: bool = True, rank: int | None = None
    ) -> JaxLayer:
        del rank
        axes = plain_axes(len(shape))
        params = []
        if scale:
            params.append(Param("scale", shape, ONES, axes))
        if bias:
            params.append(Param("bias", shape, ZEROS, axes))
        return JaxLayer(name, tuple(params))

    return make


def attention(
    *,
    inputs: int,
    heads: int,
    head_size: int,
    outputs: int,
    key_inputs: int | None = None,
    value_inputs: int | None = None,
    key_heads: int | None = None,
    bias: bool = True,
    dropout: float = 0.0,
) -> JaxLayer:
    """`nn.MultiHeadDotProductAttention`: kernels are drawn flattened, with the fans of that.

    Linen has none with fewer heads of keys and values: that is a module of one's own, of a
    `nn.DenseGeneral` each for "query", "key", "value" and "out".
    """
    del dropout  # draws nothing in Linen, whose stream for it is another
    params: list[Param] = []
    size, grouped = heads * head_size, key_heads not in (None, heads)
    for name, width, wide in projections(inputs, size, outputs, key_inputs, value_inputs):
        many = key_heads if key_heads and name in ("key", "value") else heads
        kernel: tuple[int, ...] = (heads, head_size, wide)
        split: tuple[int, ...] = (wide,)
        if name != "out":
            kernel, split, wide = (width, many, head_size), (many, head_size), many * head_size
        params.append(Param(f"{name}/kernel", kernel, LECUN, "IO", drawn=(width, wide)))
        if bias:
            params.append(Param(f"{name}/bias", split, ZEROS, "O", drawn=(wide,)))
    kind = "GroupQueryAttention" if grouped else "MultiHeadDotProductAttention"
    return JaxLayer(kind, tuple(params))


def lstm(*, inputs: int, hidden: int, bias: bool = True) -> JaxLayer:
    """`nn.LSTMCell` and `nn.OptimizedLSTMCell`: one matrix for each gate i, f, g, o."""
    if not bias:
        raise ValueError("Flax's LSTM cells have a bias; give a rule")
    params = [
        Param(f"i{gate}/kernel", (inputs, hidden), LECUN, "IO", piece=f"ih.{gate}")
        for gate in "ifgo"
    ]
    for gate in "ifgo":
        recurrent = (hidden, hidden)
        params.append(Param(f"h{gate}/kernel", recurrent, ORTHOGONAL, "IO", piece=f"hh.{gate}"))
        params.append(Param(f"h{gate}/bias", (hidden,), ZEROS, "O", piece=f"bias.{gate}"))
    return JaxLayer("LSTMCell", tuple(params))


def linear_params(prefix: str, inputs: int, outputs: int, *, bias: bool) -> tuple[Param, ...]:
    """A matrix and, perhaps, a bias."""
    kernel = Param(f"{prefix}kernel", (inputs, outputs), LECUN, "IO")
    return (kernel, *bias_params(f"{prefix}bias", outputs, bias=bias))


def bias_params(path: str, outputs: int, *, bias: bool, piece: str = "") -> tuple[Param, ...]:
    """The bias, or nothing."""
    return (Param(path, (outputs,), ZEROS, "O", piece=piece),) if bias else ()
