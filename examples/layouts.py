"""How PyTorch and Keras lay out what Flax's layers have, by hand. NumPy only; no varscale."""

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
Arrays = dict[str, Array]
Tree = dict[str, Any]

# -- PyTorch's layers ------------------------------------------------------------------------------


def _torch(weight: Array, layer: Tree) -> Arrays:
    return {"weight": weight} | ({"bias": layer["bias"]} if "bias" in layer else {})


def torch_conv(layer: Tree) -> Arrays:
    """(*spatial, in, out) -> (out, in, *spatial)."""
    kernel = layer["kernel"]
    return _torch(np.moveaxis(kernel, (-1, -2), (0, 1)), layer)


def torch_conv_transpose(layer: Tree) -> Arrays:
    """(*spatial, in, out), backwards in space -> (in, out, *spatial)."""
    kernel = layer["kernel"][::-1, ::-1]
    return _torch(kernel.transpose(2, 3, 0, 1), layer)


def torch_hidden(layer: Tree) -> Arrays:
    """The inputs are a map of 4 x 4 x 256, which PyTorch flattens channels first."""
    kernel = layer["kernel"].reshape(4, 4, 256, -1)
    return _torch(kernel.transpose(3, 2, 0, 1).reshape(kernel.shape[-1], -1), layer)


def torch_attention(layer: Tree) -> Arrays:
    """Query, key and value are rows of one weight; (in, heads, size) -> (heads * size, in)."""
    packed = [layer[name] for name in ("query", "key", "value")]
    kernel = layer["out"]["kernel"]
    return {
        "in_proj_weight": np.concatenate(
            [one["kernel"].reshape(len(one["kernel"]), -1).T for one in packed]
        ),
        "in_proj_bias": np.concatenate([one["bias"].ravel() for one in packed]),
        "out_proj.weight": kernel.reshape(-1, kernel.shape[-1]).T,
        "out_proj.bias": layer["out"]["bias"],
    }


def torch_lstm(layer: Tree) -> Arrays:
    """The gates are rows; JAX has one bias, which PyTorch's second is here."""
    weights = {
        f"weight_{side}h_l0": np.concatenate([layer[side + g]["kernel"].T for g in "ifgo"])
        for side in "ih"
    }
    bias = np.concatenate([layer["h" + gate]["bias"] for gate in "ifgo"])
    return {**weights, "bias_ih_l0": np.zeros_like(bias), "bias_hh_l0": bias}


TORCH: dict[str, Callable[[Tree], Arrays]] = {
    "dense": lambda layer: _torch(layer["kernel"].T, layer),
    "hidden": torch_hidden,
    "conv": torch_conv,
    "depthwise": torch_conv,
    "conv_transpose": torch_conv_transpose,
    "conv_gradient": torch_conv,
    "norm": lambda layer: {"weight": layer["scale"], "bias": layer["bias"]},
    "embedding": lambda layer: {"weight": layer["embedding"]},
    "attention": torch_attention,
    "lstm": torch_lstm,
}

# -- Keras' layers ---------------------------------------------------------------------------------


def keras_conv_transpose(layer: Tree) -> Arrays:
    """(*spatial, in, out), backwards in space -> (*spatial, out, in)."""
    return {**layer, "kernel": layer["kernel"][::-1, ::-1].transpose(0, 1, 3, 2)}


def keras_attention(layer: Tree) -> Arrays:
    """As Flax's, but for a name."""
    names = {"query": "query", "key": "key", "value": "value", "out": "attention_output"}
    return {f"{names[k]}.{leaf}": a for k, each in layer.items() for leaf, a in each.items()}


def keras_lstm(layer: Tree) -> Arrays:
    """The gates are columns."""
    kernels = {
        f"cell.{name}": np.concatenate([layer[side + g]["kernel"] for g in "ifgo"], axis=1)
        for side, name in (("i", "kernel"), ("h", "recurrent_kernel"))
    }
    return {**kernels, "cell.bias": np.concatenate([layer["h" + g]["bias"] for g in "ifgo"])}


KERAS: dict[str, Callable[[Tree], Arrays]] = {
    "dense": dict,
    "hidden": dict,
    "conv": dict,
    "depthwise": lambda layer: {**layer, "kernel": layer["kernel"].transpose(0, 1, 3, 2)},
    "conv_transpose": keras_conv_transpose,
    "conv_gradient": dict,
    "norm": lambda layer: {"gamma": layer["scale"], "beta": layer["bias"]},
    "embedding": lambda layer: {"embeddings": layer["embedding"]},
    "attention": keras_attention,
    "lstm": keras_lstm,
}
