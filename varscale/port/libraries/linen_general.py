"""Flax Linen's layers that torch.nn has no twin of: DenseGeneral, Einsum, ConvLSTMCell.

Source: flax/linen/linear.py, recurrent.py (0.12.8).
"""

from __future__ import annotations

import math

from varscale.port.layers import JaxLayer, Param, Part, spatial_axes, stacked
from varscale.port.libraries.flax_inits import LECUN, ZEROS

__all__ = ["conv_lstm", "dense_general", "einsum"]


def dense_general(
    *,
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    bias: bool = True,
    einsum: bool = False,
) -> JaxLayer:
    """`nn.DenseGeneral`, whose kernel and bias are drawn flattened; or `nn.Einsum`, raw.

    Args:
        inputs: the sizes of the axes that are summed over.
        outputs: the sizes of the new axes.
        bias: whether there is one.
        einsum: whether it is `nn.Einsum`, whose fans are those of the unflattened kernel.
    """
    shape, flat = (*inputs, *outputs), (math.prod(inputs), math.prod(outputs))
    kernel = Param("kernel", shape, LECUN, "IO", shape if einsum else flat, seen=flat)
    drawn = outputs if einsum else flat[1:]
    biases = (Param("bias", outputs, ZEROS, "O", drawn, seen=flat[1:]),) if bias else ()
    return JaxLayer("Einsum" if einsum else "DenseGeneral", (kernel, *biases))


def einsum(*, inputs: tuple[int, ...], outputs: tuple[int, ...], bias: bool = True) -> JaxLayer:
    """`nn.Einsum`, of an equation that is a `DenseGeneral`."""
    return dense_general(inputs=inputs, outputs=outputs, bias=bias, einsum=True)


def conv_lstm(
    *, kernel_size: tuple[int, ...], inputs: int, hidden: int, bias: bool = True
) -> JaxLayer:
    """`nn.ConvLSTMCell`: the gates i, g, f, o are channels of two convolutions with a bias each.

    Its forward pass adds 1 to f, whether there is a bias or not.
    """
    if not bias:
        raise ValueError("a twin of Flax's ConvLSTMCell needs a bias, for f has 1 added to it")
    axes, rank = spatial_axes(len(kernel_size)) + "IO", len(kernel_size)
    params = []
    for name, width, plus in (("ih", inputs, 1.0), ("hh", hidden, 0.0)):
        parts = stacked([f"{name}.{gate}" for gate in "igfo"], hidden, rank + 1)
        kernel = (*kernel_size, width, 4 * hidden)
        params.append(Param(f"{name}/kernel", kernel, LECUN, axes, parts=parts))
        biases = stacked([f"bias_{name}.{gate}" for gate in "igfo"], hidden, 0)
        f = Part(biases[2].piece, biases[2].index, plus)
        parts = (*biases[:2], f, *biases[3:])
        params.append(Param(f"{name}/bias", (4 * hidden,), ZEROS, "O", parts=parts))
    return JaxLayer("ConvLSTMCell", tuple(params))
