"""Keys of Equinox: which key draws each parameter of an `equinox.nn` layer. No Equinox needed.

Follows equinox 0.13.8. A layer splits the key that it is given, in the same way whether it has a
bias or not. How the layers of a model get their keys is the model's own code: `varscale.split`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from varscale.keys import Key, KeyLike, as_key, split

__all__ = ["param_keys"]

_Keys: TypeAlias = dict[str, Key]


def param_keys(layer: str, key: KeyLike, *, depth: int | None = None) -> _Keys:
    """The keys of a layer's parameters, by the names of its attributes.

    Args:
        layer: the name of a class in `equinox.nn`, such as "Conv2d".
        key: the `key=` that the layer is made with.
        depth: the `depth=` of an "MLP": its number of hidden layers.

    Returns:
        Attribute path to key: "weight", "query_proj.bias", "layers.0.weight". {} for a layer that
        draws nothing. Biases are always there: without a bias the other keys are the same.
        With `scan=True` an MLP stacks its hidden layers: index i of its "layers.1.weight" has the
        key of "layers.{1 + i}.weight" here. "SpectralNorm" has "u" and "v", the normal vectors
        with which its power iteration starts. Complex parameters are drawn with
        `varscale.split(key)`: the real part with the first key, the imaginary part with the second.

    Raises:
        ValueError: a layer that is not in equinox.nn; an MLP without depth, or with a negative one;
            depth for another layer.
        TypeError: key is no key.

    Example:
        >>> import varscale
        >>> keys = param_keys("MLP", 0, depth=1)
        >>> list(keys)
        ['layers.0.weight', 'layers.0.bias', 'layers.1.weight', 'layers.1.bias']
        >>> first, second = varscale.split(0)
        >>> keys["layers.1.bias"] == param_keys("Linear", second)["bias"]
        True

    Source: equinox/nn/_linear.py, _conv.py, _embedding.py, _attention.py, _mlp.py, _rnn.py,
        _spectral_norm.py: each `__init__`.
    """
    parent = as_key(key)
    if layer == "MLP":
        if depth is None or depth < 0:
            raise ValueError(f"depth must be given for an MLP, and be >= 0, got {depth}")
        return _linears(*(f"layers.{i}" for i in range(depth + 1)))(parent)
    if depth is not None:
        raise ValueError(f"depth is for an MLP, got depth={depth} for {layer!r}")
    if layer in _DRAW_NOTHING:
        return {}
    if layer not in _DRAWN:
        known = sorted([*_DRAWN, *_DRAW_NOTHING, "MLP"])
        raise ValueError(f"layer must be one of {', '.join(known)}; got {layer!r}")
    return _DRAWN[layer](parent)


def _parts(*names: str) -> Callable[[Key], _Keys]:
    """Parameters that are drawn with the parts of a split."""
    return lambda key: dict(zip(names, split(key, len(names)), strict=True))


def _linears(*names: str) -> Callable[[Key], _Keys]:
    """Linear layers that are made with the parts of a split."""

    def keys(key: Key) -> _Keys:
        return {
            f"{name}.{parameter}": drawn
            for name, part in _parts(*names)(key).items()
            for parameter, drawn in _weight_and_bias(part).items()
        }

    return keys


_weight_and_bias = _parts("weight", "bias")

_DRAWN: dict[str, Callable[[Key], _Keys]] = {
    "Linear": _weight_and_bias,
    **{
        f"Conv{transposed}{spatial}": _weight_and_bias
        for transposed in ("", "Transpose")
        for spatial in ("", "1d", "2d", "3d")
    },
    "Embedding": lambda key: {"weight": key},
    "MultiheadAttention": _linears("query_proj", "key_proj", "value_proj", "output_proj"),
    "GRUCell": _parts("weight_ih", "weight_hh", "bias", "bias_n"),
    "LSTMCell": _parts("weight_ih", "weight_hh", "bias"),
    "SpectralNorm": _parts("u", "v"),
}

_DRAW_NOTHING = frozenset({
    "BatchNorm", "Dropout", "GroupNorm", "Identity", "Lambda", "LayerNorm", "PReLU", "Pool",
    "AdaptivePool", "RMSNorm", "RotaryPositionalEmbedding", "Sequential", "Shared", "WeightNorm",
    *(
        f"{kind}Pool{spatial}d"
        for kind in ("Avg", "Max", "AdaptiveAvg", "AdaptiveMax")
        for spatial in (1, 2, 3)
    ),
})  # fmt: skip
