"""Which JAX layer each layer of Keras is, and where the parts of its parameters lie.

A rule takes a built layer and returns `Twin`s: the kind of JAX layer, its sizes, and a `Place` for
each part. Axes are named as in `varscale.port.layers`. Recurrent layers are in `recurrent`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from keras import layers

from varscale.adapters.keras.port.recurrent import conv_lstm, gru, lstm, simple_rnn
from varscale.adapters.keras.scopes import sublayers
from varscale.port.layers import plain_axes, spatial_axes
from varscale.port.places import Place, Twin

__all__ = ["RULES", "Rule", "rule_for"]

#: From a built layer to the JAX layers that it is.
Rule: TypeAlias = Callable[[Any], "Twin | list[Twin]"]


def rule_for(layer: Any, rules: Mapping[type[Any], Rule]) -> Rule | None:
    """The rule of a layer: the user's, or that of Keras' class, or a subclass's of either."""
    for cls in type(layer).__mro__:
        rule = rules.get(cls) or RULES.get(cls)
        if rule is not None:
            return rule
    return None


def dense(layer: Any) -> Twin:
    """(in, out)."""
    inputs, outputs = layer.kernel.shape
    sizes = {"inputs": inputs, "outputs": outputs}
    return _with_bias("dense", sizes, layer, Place("kernel", "kernel", "IO"))


def einsum_dense(layer: Any) -> Twin:
    """(*in, *out), where the kernel's axes are the inputs that are summed over, then new ones."""
    inputs = _summed_axes(layer.equation, layer.bias_axes)
    shape = tuple(layer.kernel.shape)
    sizes = {"inputs": shape[:inputs], "outputs": shape[inputs:]}
    flat = math.prod(shape[:inputs]), math.prod(shape[inputs:])
    kernel = Place("kernel", "kernel", "IO", view=flat)
    return _with_bias("dense_general", sizes, layer, kernel, view=flat[1:])


def conv(layer: Any) -> Twin:
    """(*spatial, in / groups, out)."""
    *kernel_size, inputs, outputs = layer.kernel.shape
    sizes = {
        "kernel_size": tuple(kernel_size),
        "inputs": inputs * layer.groups,
        "outputs": outputs,
        "groups": layer.groups,
    }
    space = spatial_axes(len(kernel_size))
    return _with_bias("conv", sizes, layer, Place("kernel", "kernel", space + "IO"))


def conv_transpose(layer: Any) -> Twin:
    """(*spatial, out, in)."""
    *kernel_size, outputs, inputs = layer.kernel.shape
    sizes = {"kernel_size": tuple(kernel_size), "inputs": inputs, "outputs": outputs}
    space = spatial_axes(len(kernel_size))
    return _with_bias("conv_transpose", sizes, layer, Place("kernel", "kernel", space + "OI"))


def depthwise_conv(layer: Any) -> Twin:
    """(*spatial, in, multiplier): a convolution in as many groups as inputs."""
    sizes, place = _depthwise(layer.kernel.shape, "kernel")
    return _with_bias("conv", sizes, layer, place)


def separable_conv(layer: Any) -> list[Twin]:
    """A depthwise convolution without a bias, and one of kernel size 1."""
    sizes, place = _depthwise(layer.depthwise_kernel.shape, "depthwise_kernel")
    depthwise = Twin("conv", {**sizes, "bias": False}, (place,), suffix="depthwise")
    *kernel_size, inputs, outputs = layer.pointwise_kernel.shape
    sizes = {"kernel_size": tuple(kernel_size), "inputs": inputs, "outputs": outputs}
    axes = spatial_axes(len(kernel_size)) + "IO"
    pointwise = Place("kernel", "pointwise_kernel", axes)
    return [depthwise, _with_bias("conv", sizes, layer, pointwise, suffix="pointwise")]


def embedding(layer: Any) -> Twin:
    """(vocabulary, features)."""
    sizes = {"vocabulary": layer.input_dim, "features": layer.output_dim}
    return Twin("embedding", sizes, (Place("embedding", "embeddings", "VF"),))


def norm(kind: str) -> Rule:
    """A scale and a bias of the same shape, and moving averages where there are any."""

    def rule(layer: Any) -> Twin:
        weights = {weight.name: tuple(weight.shape) for weight in layer.weights}
        names = {"gamma": "scale", "scale": "scale", "beta": "bias"}
        given = {name: piece for name, piece in names.items() if name in weights}
        shape = next((weights[name] for name in given), ())
        axes = plain_axes(len(shape))
        averages = {"moving_mean": 0.0, "moving_variance": 1.0}
        return Twin(
            kind,
            {"shape": shape, "scale": "scale" in given.values(), "bias": "beta" in given},
            tuple(Place(piece, name, axes) for name, piece in given.items()),
            tuple((name, value) for name, value in averages.items() if name in weights),
        )

    return rule


def attention(layer: Any) -> Twin:
    """Query, key, value (in, heads, size) and attention_output (heads, size, out)."""
    inner = {one.name: one for one in sublayers(layer)}
    kernels = {
        piece: tuple(inner[name].kernel.shape)
        for piece, name in _PROJECTIONS.items()
        if name in inner
    }
    if len(kernels["out"]) != 3:
        raise ValueError(f"its outputs have several axes, {kernels['out'][2:]}; give a rule")
    places = []
    for piece, name in _PROJECTIONS.items():
        shape, cut = kernels[piece], 2 if piece == "out" else 1
        view = math.prod(shape[:cut]), math.prod(shape[cut:])
        places.append(Place(f"{piece}.kernel", f"{name}.kernel", "IO", view=view))
        if inner[name].bias is not None:
            places.append(Place(f"{piece}.bias", f"{name}.bias", "O", view=view[1:]))
    inputs, heads, size = kernels["query"]
    key_heads, value_size = kernels["value"][1:]
    sizes = {
        "inputs": inputs,
        "heads": heads,
        "head_size": size,
        "outputs": kernels["out"][2],
        "key_inputs": kernels["key"][0],
        "value_inputs": kernels["value"][0],
        # What a library does not know is refused, but only where it says something.
        "key_heads": key_heads if key_heads != heads else None,
        "value_head_size": value_size if value_size != size else None,
        "gate": "sigmoid" if "gate" in inner else None,
        "bias": inner["query"].bias is not None,
        "dropout": next((x.rate for x in inner.values() if isinstance(x, layers.Dropout)), 0.0),
    }
    return Twin("attention", sizes, tuple(places))


def dropout(layer: Any) -> Twin:
    """No parameters; some libraries take a key for it."""
    return Twin("dropout", {"rate": layer.rate})


#: The projections of an attention layer by piece.
_PROJECTIONS = {"query": "query", "key": "key", "value": "value", "out": "attention_output"}


def _with_bias(
    kind: str,
    sizes: dict[str, Any],
    layer: Any,
    kernel: Place,
    *,
    view: tuple[int, ...] | None = None,
    suffix: str = "",
) -> Twin:
    biased = layer.bias is not None
    bias = (Place("bias", "bias", "O", view=view),) if biased else ()
    return Twin(kind, {**sizes, "bias": biased}, (kernel, *bias), suffix=suffix)


def _depthwise(shape: tuple[int, ...], name: str) -> tuple[dict[str, Any], Place]:
    """The channel of input i and multiple m is i * multiplier + m, in Keras as in JAX."""
    *kernel_size, inputs, multiplier = shape
    outputs = inputs * multiplier
    sizes = {
        "kernel_size": tuple(kernel_size),
        "inputs": inputs,
        "outputs": outputs,
        "groups": inputs,
    }
    axes = spatial_axes(len(kernel_size)) + "IO"
    return sizes, Place("kernel", name, axes, view=(*kernel_size, 1, outputs))


def _summed_axes(equation: str, bias_axes: str | None) -> int:
    """How many axes an einsum sums over, where it is a DenseGeneral.

    Raises:
        ValueError: it is none.
    """
    parts = re.fullmatch(r"(\w+),(\w+)->(\w+)", equation.replace(" ", "").replace("...", "0"))
    inputs, kernel, outputs = parts.groups() if parts else ("", "", "")
    summed = "".join(axis for axis in inputs if axis not in outputs)
    new = "".join(axis for axis in outputs if axis not in inputs)
    kept = "".join(axis for axis in inputs if axis in outputs)
    if not parts or not summed or kernel != summed + new or outputs != kept + new:
        raise ValueError(
            f"its equation {equation!r} is no nn.DenseGeneral: the kernel's axes must be the "
            "inputs' that are summed over, in their order, and then the new ones, which must be "
            "the outputs' last, as in 'abc,cde->abde'; give a rule"
        )
    if bias_axes is not None and sorted(bias_axes) != sorted(new):
        raise ValueError(f"its bias has the axes {bias_axes!r}, not all new ones, {new!r}")
    return len(summed)


RULES: dict[type[Any], Rule] = {
    layers.Dense: dense,
    layers.EinsumDense: einsum_dense,
    layers.Conv1D: conv,
    layers.Conv2D: conv,
    layers.Conv3D: conv,
    layers.Conv1DTranspose: conv_transpose,
    layers.Conv2DTranspose: conv_transpose,
    layers.Conv3DTranspose: conv_transpose,
    layers.DepthwiseConv1D: depthwise_conv,
    layers.DepthwiseConv2D: depthwise_conv,
    layers.SeparableConv1D: separable_conv,
    layers.SeparableConv2D: separable_conv,
    layers.Embedding: embedding,
    layers.MultiHeadAttention: attention,
    layers.GroupQueryAttention: attention,
    layers.LayerNormalization: norm("layer_norm"),
    layers.RMSNormalization: norm("rms_norm"),
    layers.GroupNormalization: norm("group_norm"),
    layers.BatchNormalization: norm("batch_norm"),
    layers.SimpleRNN: simple_rnn,
    layers.LSTM: lstm,
    layers.GRU: gru,
    layers.SimpleRNNCell: simple_rnn,
    layers.LSTMCell: lstm,
    layers.GRUCell: gru,
    layers.ConvLSTM1D: conv_lstm,
    layers.ConvLSTM2D: conv_lstm,
    layers.ConvLSTM3D: conv_lstm,
    layers.Dropout: dropout,
}
