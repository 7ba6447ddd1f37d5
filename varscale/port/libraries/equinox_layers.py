"""The layers of Equinox, by kind: their parameters, in the order in which they are made.

Source: equinox/nn/_linear.py, _conv.py, _attention.py, _rnn.py, _embedding.py, _normalisation.py,
_batch_norm.py (0.13.8).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from varscale.initializers import Constant, Initializer, Normal, UniformBetween
from varscale.port.layers import JaxLayer, Param, plain_axes, projections, spatial_axes, stacked
from varscale.port.libraries.table import Table

__all__ = ["TABLE"]

ZEROS: Initializer = Constant(0.0)
ONES: Initializer = Constant(1.0)


def linear(*, inputs: int, outputs: int, bias: bool = True) -> JaxLayer:
    """`eqx.nn.Linear`."""
    return JaxLayer("Linear", _linear("", inputs, outputs, bias=bias))


def conv(
    *,
    kernel_size: tuple[int, ...],
    inputs: int,
    outputs: int,
    groups: int = 1,
    bias: bool = True,
) -> JaxLayer:
    """`eqx.nn.Conv1d` to `eqx.nn.Conv3d`, also grouped and depthwise."""
    axes = "OI" + spatial_axes(len(kernel_size))
    init, shape = _conv(kernel_size, inputs, outputs, groups)
    weight = Param("weight", shape, init, axes, piece="kernel")
    draws = (weight, *_conv_bias(init, shape, bias=bias))
    return JaxLayer(f"Conv{len(kernel_size)}d", draws)


def conv_transpose(
    *,
    kernel_size: tuple[int, ...],
    inputs: int,
    outputs: int,
    groups: int = 1,
    bias: bool = True,
) -> JaxLayer:
    """`eqx.nn.ConvTranspose1d` to 3d, also grouped (axis G): it runs backwards in space."""
    space = spatial_axes(len(kernel_size))
    init, shape = _conv(kernel_size, inputs, outputs, groups)
    seen = (groups, outputs // groups, *shape[1:]) if groups > 1 else shape
    axes = ("GOI" if groups > 1 else "OI") + space
    weight = Param("weight", shape, init, axes, flip=space, piece="kernel", seen=seen)
    draws = (weight, *_conv_bias(init, shape, bias=bias))
    return JaxLayer(f"ConvTranspose{len(kernel_size)}d", draws)


def embedding(*, vocabulary: int, features: int) -> JaxLayer:
    """`eqx.nn.Embedding`."""
    weight = Param("weight", (vocabulary, features), Normal(1.0), "VF", piece="embedding")
    return JaxLayer("Embedding", (weight,))


def norm(name: str, *, both: bool = False) -> Callable[..., JaxLayer]:
    """The normalisations; those with `both` have a weight and a bias, or neither."""

    def make(
        *, shape: tuple[int, ...], scale: bool = True, bias: bool = True, rank: int | None = None
    ) -> JaxLayer:
        del rank
        if both and scale != bias:
            raise ValueError(
                f"eqx.nn.{name} has a weight and a bias, or neither; got scale={scale} and "
                f"bias={bias}"
            )
        axes = plain_axes(len(shape))
        params = []
        if scale:
            params.append(Param("weight", shape, ONES, axes, piece="scale"))
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
    bias: bool = False,
    dropout: float = 0.0,
) -> JaxLayer:
    """`eqx.nn.MultiheadAttention`, with all biases (`use_query_bias=True`, ...) or none."""
    del dropout
    size = heads * head_size
    params: list[Param] = []
    for name, width, wide in projections(inputs, size, outputs, key_inputs, value_inputs):
        path = "output_proj" if name == "out" else f"{name}_proj"
        pieces = (f"{name}.kernel", f"{name}.bias")
        params += _linear(f"{path}/", width, wide, bias=bias, pieces=pieces)
    return JaxLayer("MultiheadAttention", tuple(params))


def lstm(*, inputs: int, hidden: int, bias: bool = True) -> JaxLayer:
    """`eqx.nn.LSTMCell`: gates i, f, g, o."""
    return JaxLayer("LSTMCell", _gates("ifgo", "bias", inputs, hidden, bias=bias))


def gru(*, inputs: int, hidden: int, bias: bool = True) -> JaxLayer:
    """`eqx.nn.GRUCell`: gates r, z, n; that of the state in n has a bias of its own."""
    params = _gates("rzn", "bias_ih", inputs, hidden, bias=bias)
    if bias:
        params += (Param("bias_n", (hidden,), _recurrent(hidden), "O", piece="bias_hh.n"),)
    return JaxLayer("GRUCell", params)


def dropout(*, rate: float = 0.0) -> JaxLayer:
    """`eqx.nn.Dropout`: no parameters, and no key when it is made."""
    del rate
    return JaxLayer("Dropout", ())


def _uniform(fan: int) -> Initializer:
    """Within 1/sqrt(fan), as `equinox.nn._misc.default_init`."""
    limit = 1 / math.sqrt(fan) if fan else 1.0
    return UniformBetween(-limit, limit)


def _recurrent(hidden: int) -> Initializer:
    """As `_uniform`, but in the other order of operations, as the cells compute it."""
    limit = math.sqrt(1 / hidden)
    return UniformBetween(-limit, limit)


def _linear(
    prefix: str,
    inputs: int,
    outputs: int,
    *,
    bias: bool,
    pieces: tuple[str, str] = ("kernel", "bias"),
) -> tuple[Param, ...]:
    init = _uniform(inputs)
    weight = Param(f"{prefix}weight", (outputs, inputs), init, "OI", piece=pieces[0])
    if not bias:
        return (weight,)
    return weight, Param(f"{prefix}bias", (outputs,), init, "O", piece=pieces[1])


def _conv(
    kernel_size: tuple[int, ...], inputs: int, outputs: int, groups: int
) -> tuple[Initializer, tuple[int, ...]]:
    """The initializer and the shape of the weight."""
    shape = (outputs, inputs // groups, *kernel_size)
    return _uniform(math.prod(shape[1:])), shape


def _conv_bias(init: Initializer, shape: tuple[int, ...], *, bias: bool) -> tuple[Param, ...]:
    """One number for each output, with axes of 1 for space."""
    whole = (shape[0], *(1 for _ in shape[2:]))
    return (Param("bias", whole, init, "O", seen=whole[:1]),) if bias else ()


def _gates(
    gates: str, bias_piece: str, inputs: int, hidden: int, *, bias: bool
) -> tuple[Param, ...]:
    def param(path: str, piece: str, *width: int) -> Param:
        parts = stacked([f"{piece}.{gate}" for gate in gates], hidden, 0)
        shape = (len(gates) * hidden, *width)
        return Param(path, shape, _recurrent(hidden), "OI"[: len(shape)], parts=parts)

    params = (param("weight_ih", "ih", inputs), param("weight_hh", "hh", hidden))
    return (*params, param("bias", bias_piece)) if bias else params


TABLE = Table(
    "equinox",
    {
        "dense": linear,
        "conv": conv,
        "conv_transpose": conv_transpose,
        "embedding": embedding,
        "attention": attention,
        "layer_norm": norm("LayerNorm"),
        "rms_norm": norm("RMSNorm"),
        "group_norm": norm("GroupNorm", both=True),
        "batch_norm": norm("BatchNorm", both=True),
        # Equinox has GroupNorm with a group for each channel.
        "instance_norm": norm("GroupNorm", both=True),
        "lstm": lstm,
        "gru": gru,
        "dropout": dropout,
    },
)
