"""How torch itself starts the parameters of its layers, where nobody says anything.

Source: `reset_parameters` of each class in torch/nn/modules (2.13); `torch.nn.init`, which reads
fan_in from axis 1 and fan_out from axis 0 of every weight, a transposed convolution's too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from varscale.adapters.torch.port.model import memory, original_class
from varscale.fans import compute_fans
from varscale.initializers import Constant, Normal, UniformBetween, VarianceScaling
from varscale.port.own import UNKNOWN, Own

__all__ = ["LAWS", "own_laws"]

#: From a module to the laws of its parameters, and of those below it that it draws again.
Laws: TypeAlias = Callable[[Any], Mapping[str, Own]]

#: kaiming_uniform_(a=sqrt(5)): a gain of sqrt(2 / (1 + 5)), so that the limit is 1 / sqrt(fan_in).
_KAIMING = VarianceScaling(1 / 3, "fan_in", "uniform", in_axis=1, out_axis=0)
_XAVIER = VarianceScaling(1.0, "fan_avg", "uniform", in_axis=1, out_axis=0)
_XAVIER_NORMAL = VarianceScaling(1.0, "fan_avg", "normal", in_axis=1, out_axis=0)


def own_laws(model: nn.Module) -> dict[str, Own]:
    """The laws of a model's parameters by name, as far as they are known.

    A layer's law is known where its class is torch's, or a subclass that does not change how it
    starts. Code that draws again after the layers were made is not seen, but for torch's own; nor
    are values that the layer was given. Where layers of different laws share a parameter, nothing
    tells which of them made it.
    """
    found: dict[str, Own] = {}
    # From the inside out: what is around a layer may draw its parameters again.
    for at, module in reversed(list(model.named_modules(remove_duplicate=False))):
        prefix = f"{at}." if at else ""
        for name, law in _laws_of(module).items():
            # Not what a parametrization, pruning or weight_norm has put in a parameter's place.
            if name in module._parameters or prefix + name in found:
                found[prefix + name] = law
    return found | _of_several_layers(model, found)


def _of_several_layers(model: nn.Module, found: Mapping[str, Own]) -> dict[str, Own]:
    """Tied parameters whose layers have different laws."""
    tied: dict[Any, list[str]] = {}
    for name, tensor in model.named_parameters(remove_duplicate=False):
        tied.setdefault(memory(tensor), []).append(name)
    return {
        name: Own(found[name].shape, f"{UNKNOWN}, tied to {other}")
        for names in tied.values()
        for name in names
        for other in names
        if name in found and found.get(other) != found[name]
    }


def _laws_of(module: nn.Module) -> Mapping[str, Own]:
    kind = original_class(module)
    known = next((cls for cls in kind.__mro__ if cls in LAWS), None)
    if known is None or any(
        getattr(kind, name, None) is not getattr(known, name, None)
        for name in ("__init__", "reset_parameters", "_reset_parameters")
    ):
        return {}
    return LAWS[known](module)


def weight_and_bias(module: Any) -> dict[str, Own]:
    """Linear, and convolutions of all kinds: a limit of 1 / sqrt(fan_in) for both."""
    found = {"weight": Own(_shape(module.weight), "kaiming_uniform_(a=sqrt(5))", _KAIMING)}
    if module.bias is not None:
        fans = compute_fans(_shape(module.weight), 1, 0)
        found["bias"] = _within(module.bias, fans[0], "fan_in", fans)
    return found


def bilinear(module: nn.Bilinear) -> dict[str, Own]:
    """The limit depends on the first inputs alone."""
    inputs = module.weight.shape[1]
    own = _own(module, "weight|bias")
    return {name: _within(tensor, inputs, "in1_features") for name, tensor in own.items()}


def embedding(module: nn.Embedding | nn.EmbeddingBag) -> dict[str, Own]:
    """N(0, 1), but for the row of the padding."""
    row = module.padding_idx
    said = "normal_()" if row is None else f"normal_(), row {row} zeros"
    return {"weight": Own(_shape(module.weight), said, Normal(1.0))}


def recurrent(module: Any) -> dict[str, Own]:
    """RNN, LSTM and GRU, and their cells: all parameters alike, biases and projections too."""
    size = module.hidden_size
    own = _own(module, r"(weight|bias)_(ih|hh|hr)(_l\d+(_reverse)?)?")
    return {name: _within(tensor, size, "hidden_size") for name, tensor in own.items()}


def norm(module: Any) -> dict[str, Own]:
    """All normalisations."""
    own = _own(module, "weight|bias")
    return {name: _constant(tensor, float(name == "weight")) for name, tensor in own.items()}


def prelu(module: nn.PReLU) -> dict[str, Own]:
    """The number that the layer was made with."""
    return {"weight": _constant(module.weight, module.init)}


def attention(module: nn.MultiheadAttention) -> dict[str, Own]:
    """The packed weight is one matrix of three times the outputs; that of the output is a Linear's.

    Only `out_proj.weight` is not named here.
    """
    found = {}
    for name, tensor in _own(module, "(in|q|k|v)_proj_weight|in_proj_bias|bias_[kv]").items():
        if name in ("bias_k", "bias_v"):
            found[name] = Own(_shape(tensor), "xavier_normal_()", _XAVIER_NORMAL)
        elif name == "in_proj_bias":
            found[name] = _constant(tensor, 0.0)
        else:
            found[name] = Own(_shape(tensor), "xavier_uniform_()", _XAVIER)
    bias = getattr(module.out_proj, "bias", None)  # another module may have taken its place
    if module.in_proj_bias is not None and bias is not None:
        found["out_proj.bias"] = _constant(bias, 0.0)
    return found


def transformer(module: nn.Transformer) -> dict[str, Own]:
    """nn.Transformer, not its parts alone: whatever has several axes is drawn again."""
    return {
        name: Own(_shape(tensor), "xavier_uniform_()", _XAVIER)
        for name, tensor in module.named_parameters(remove_duplicate=False)
        if tensor.dim() > 1
    }


def _own(module: nn.Module, names: str) -> dict[str, torch.Tensor]:
    """The parameters that torch's class knows by these names, a regular expression."""
    return {
        name: tensor
        for name, tensor in module._parameters.items()
        if tensor is not None and re.fullmatch(names, name)
    }


def _shape(tensor: torch.Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)


def _within(
    tensor: torch.Tensor, size: float, name: str, fans: tuple[float, float] | None = None
) -> Own:
    """Uniform within 1 / sqrt(size)."""
    bound = 1 / math.sqrt(size) if size else 0.0
    law = UniformBetween(-bound, bound)
    return Own(_shape(tensor), f"uniform_(+-1/sqrt({name}))", law, fans)


def _constant(tensor: torch.Tensor, value: float) -> Own:
    said = {0.0: "zeros_()", 1.0: "ones_()"}.get(value, f"constant_({value:g})")
    return Own(_shape(tensor), said, Constant(value))


LAWS: dict[type[nn.Module], Laws] = {
    nn.Linear: weight_and_bias,
    NonDynamicallyQuantizableLinear: weight_and_bias,
    nn.Bilinear: bilinear,
    nn.Conv1d: weight_and_bias,
    nn.Conv2d: weight_and_bias,
    nn.Conv3d: weight_and_bias,
    nn.ConvTranspose1d: weight_and_bias,
    nn.ConvTranspose2d: weight_and_bias,
    nn.ConvTranspose3d: weight_and_bias,
    nn.Embedding: embedding,
    nn.EmbeddingBag: embedding,
    nn.LayerNorm: norm,
    nn.RMSNorm: norm,
    nn.GroupNorm: norm,
    nn.BatchNorm1d: norm,
    nn.BatchNorm2d: norm,
    nn.BatchNorm3d: norm,
    nn.SyncBatchNorm: norm,
    nn.InstanceNorm1d: norm,
    nn.InstanceNorm2d: norm,
    nn.InstanceNorm3d: norm,
    nn.MultiheadAttention: attention,
    nn.RNN: recurrent,
    nn.LSTM: recurrent,
    nn.GRU: recurrent,
    nn.RNNCell: recurrent,
    nn.LSTMCell: recurrent,
    nn.GRUCell: recurrent,
    nn.PReLU: prelu,
    nn.Transformer: transformer,
}
