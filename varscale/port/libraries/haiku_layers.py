"""The layers of Haiku, by kind: their parameters, in the order in which they are asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from varscale.draws import AnyDraw
from varscale.dtypes import DTypeLike
from varscale.initializers import Constant, Initializer, TruncatedNormal
from varscale.keys import KeyLike
from varscale.port.layers import (
    Fork,
    JaxLayer,
    Param,
    Part,
    plain_axes,
    projections,
    spatial_axes,
    stacked,
)
from varscale.port.libraries.haiku_inits import HaikuVarianceScaling
from varscale.port.libraries.table import Table

__all__ = ["MANDATORY", "TABLE"]

ZEROS: Initializer = Constant(0.0)
ONES: Initializer = Constant(1.0)


@dataclass(frozen=True)
class _Mandatory:
    """Stands where Haiku wants its user to say the initializer."""

    dtype: DTypeLike | None = None

    def draw(self, key: KeyLike, shape: Sequence[int], dtype: DTypeLike) -> AnyDraw:
        """There is none."""
        raise ValueError("Haiku has no default here; say the initializer")


MANDATORY: Initializer = _Mandatory()


def linear(*, inputs: int, outputs: int, bias: bool = True) -> JaxLayer:
    """`hk.Linear`."""
    return JaxLayer("Linear", _linear("", inputs, outputs, bias=bias))


def conv(
    *,
    kernel_size: tuple[int, ...],
    inputs: int,
    outputs: int,
    groups: int = 1,
    bias: bool = True,
) -> JaxLayer:
    """`hk.Conv1D` to `hk.Conv3D`, also grouped."""
    shape = (*kernel_size, inputs // groups, outputs)
    axes = spatial_axes(len(kernel_size)) + "IO"
    w = Param("w", shape, _for_fan(math.prod(shape[:-1])), axes, piece="kernel")
    return JaxLayer(f"Conv{len(kernel_size)}D", (w, *_bias("b", outputs, bias=bias)))


def depthwise_conv(
    *, kernel_size: tuple[int, ...], inputs: int, outputs: int, groups: int = 1, bias: bool = True
) -> JaxLayer:
    """`hk.DepthwiseConv1D` to `hk.DepthwiseConv3D`: a conv with a group for each input."""
    if groups != inputs:
        raise ValueError(f"a depthwise conv has a group for each input, got {groups} of {inputs}")
    layer = conv(kernel_size=kernel_size, inputs=inputs, outputs=outputs, groups=groups, bias=bias)
    return JaxLayer(f"Depthwise{layer.name}", layer.draws)


def conv_transpose(
    *, kernel_size: tuple[int, ...], inputs: int, outputs: int, bias: bool = True
) -> JaxLayer:
    """`hk.Conv1DTranspose` to `hk.Conv3DTranspose`: the kernel runs backwards in space."""
    space = spatial_axes(len(kernel_size))
    init = _for_fan(math.prod(kernel_size) * inputs)
    shape = (*kernel_size, outputs, inputs)
    w = Param("w", shape, init, space + "OI", flip=space, piece="kernel")
    name = f"Conv{len(kernel_size)}DTranspose"
    return JaxLayer(name, (w, *_bias("b", outputs, bias=bias)))


def embedding(*, vocabulary: int, features: int) -> JaxLayer:
    """`hk.Embed`."""
    shape = (vocabulary, features)
    embeddings = Param("embeddings", shape, TruncatedNormal(1.0), "VF", piece="embedding")
    return JaxLayer("Embed", (embeddings,))


def norm(name: str) -> Any:
    """The normalisations, which differ by name."""

    def make(
        *, shape: tuple[int, ...], scale: bool = True, bias: bool = True, rank: int | None = None
    ) -> JaxLayer:
        axes = plain_axes(len(shape))
        # Of BatchNorm the parameters have as many axes as the inputs.
        whole = (1,) * ((rank or 0) - len(shape)) + shape
        params = []
        for there, path, init, piece in (
            (scale, "scale", ONES, "scale"),
            (bias, "offset", ZEROS, "bias"),
        ):
            if there:
                params.append(Param(path, whole, init, axes, piece=piece, seen=shape))
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
    bias: bool = True,
    dropout: float = 0.0,
) -> JaxLayer:
    """`hk.MultiHeadAttention`, whose w_init must be said; it has no dropout."""
    del dropout
    size, params = heads * head_size, []
    for name, width, wide in projections(inputs, size, outputs, key_inputs, value_inputs):
        path = "linear" if name == "out" else name
        params.append(Param(f"{path}/w", (width, wide), MANDATORY, "IO", piece=f"{name}.kernel"))
        params += _bias(f"{path}/b", wide, bias=bias, piece=f"{name}.bias")
    return JaxLayer("MultiHeadAttention", tuple(params))


def vanilla_rnn(
    *, inputs: int, hidden: int, bias: bool = True, double_bias: bool = True
) -> JaxLayer:
    """`hk.VanillaRNN`, whose activation is ReLU; `double_bias` is its argument."""
    if not bias:
        raise ValueError("Haiku's VanillaRNN has a bias; give a rule")
    return JaxLayer(
        "VanillaRNN",
        (
            *_linear("linear/", inputs, hidden, bias=True, pieces=("ih", "bias_ih")),
            *_linear("linear_1/", hidden, hidden, bias=double_bias, pieces=("hh", "bias_hh")),
        ),
    )


def lstm(*, inputs: int, hidden: int, bias: bool = True) -> JaxLayer:
    """`hk.LSTM`: one matrix for inputs and state, gates i, g, f, o; its forward adds 1 to f."""
    if not bias:
        raise ValueError("Haiku's LSTM has a bias; give a rule")
    of_inputs, of_state = slice(0, inputs), slice(inputs, inputs + hidden)
    kernels, biases = [], []
    for part in stacked("igfo", hidden, 0):
        gate = part.piece
        kernels.append(Part(f"ih.{gate}", (of_inputs, *part.index)))
        kernels.append(Part(f"hh.{gate}", (of_state, *part.index)))
        biases.append(Part(f"bias.{gate}", part.index, plus=1.0 if gate == "f" else 0.0))
    shape = (inputs + hidden, 4 * hidden)
    w = Param("linear/w", shape, _for_fan(shape[0]), "IO", parts=tuple(kernels))
    b = Param("linear/b", shape[1:], ZEROS, "O", parts=tuple(biases))
    return JaxLayer("LSTM", (w, b))


def gru(*, inputs: int, hidden: int, bias: bool = True) -> JaxLayer:
    """The usual GRU is another function than `hk.GRU`."""
    del inputs, hidden, bias
    raise ValueError(
        "hk.GRU resets its state before the product with it, and has its update gate the other way "
        "round: write a module for it, and a rule with the kind 'haiku_gru'"
    )


def haiku_gru(*, inputs: int, hidden: int, bias: bool = True) -> JaxLayer:
    """`hk.GRU`: gates z, r, a."""
    if not bias:
        raise ValueError("Haiku's GRU has a bias; give a rule")
    params = []
    for path, piece, shape in (
        ("w_i", "ih", (inputs, 3 * hidden)),
        ("w_h", "hh", (hidden, 3 * hidden)),
    ):
        parts = stacked([f"{piece}.{gate}" for gate in "zra"], hidden, 1)
        params.append(Param(path, shape, HaikuVarianceScaling(), "IO", parts=parts))
    parts = stacked([f"bias.{gate}" for gate in "zra"], hidden, 0)
    params.append(Param("b", (3 * hidden,), ZEROS, "O", parts=parts))
    return JaxLayer("GRU", tuple(params))


def dropout(*, rate: float = 0.0) -> JaxLayer:
    """`hk.dropout` with `hk.next_rng_key()`."""
    del rate
    return JaxLayer("dropout", (Fork("dropout"),))


def _for_fan(fan: int) -> Initializer:
    return TruncatedNormal(1.0 / math.sqrt(fan))


def _linear(
    prefix: str,
    inputs: int,
    outputs: int,
    *,
    bias: bool,
    pieces: tuple[str, str] = ("kernel", "bias"),
) -> tuple[Param, ...]:
    w = Param(f"{prefix}w", (inputs, outputs), _for_fan(inputs), "IO", piece=pieces[0])
    return (w, *_bias(f"{prefix}b", outputs, bias=bias, piece=pieces[1]))


def _bias(path: str, outputs: int, *, bias: bool, piece: str = "bias") -> tuple[Param, ...]:
    return (Param(path, (outputs,), ZEROS, "O", piece=piece),) if bias else ()


TABLE = Table(
    "haiku",
    {
        "dense": linear,
        "conv": conv,
        "DepthwiseConv1D": depthwise_conv,
        "DepthwiseConv2D": depthwise_conv,
        "DepthwiseConv3D": depthwise_conv,
        "conv_transpose": conv_transpose,
        "embedding": embedding,
        "attention": attention,
        "layer_norm": norm("LayerNorm"),
        "batch_norm": norm("BatchNorm"),
        "group_norm": norm("GroupNorm"),
        "instance_norm": norm("InstanceNorm"),
        "rms_norm": norm("RMSNorm"),
        "simple_rnn": vanilla_rnn,
        "lstm": lstm,
        "gru": gru,
        "haiku_gru": haiku_gru,
        "dropout": dropout,
    },
)
