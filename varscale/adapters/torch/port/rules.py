"""Which JAX layer each layer of torch.nn is, and where the parts of its parameters lie.

A rule takes a module and returns `Twin`s: the kind of JAX layer, its sizes, and a `Place` for each
part. Axes are named as in `varscale.port.layers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from torch import nn

from varscale.port.layers import Index, plain_axes, spatial_axes
from varscale.port.places import Place, Twin

__all__ = ["RULES", "Rule", "rule_for"]

#: From a module to the JAX layers that it is.
Rule: TypeAlias = Callable[[Any], "Twin | list[Twin]"]


def rule_for(module: nn.Module, rules: Mapping[type[nn.Module], Rule]) -> Rule | None:
    """The rule of a module: the user's, or that of torch.nn's class, or a subclass's of either."""
    for cls in type(module).__mro__:
        rule = rules.get(cls) or RULES.get(cls)
        if rule is not None:
            return rule
    return None


def linear(module: nn.Linear) -> Twin:
    """(out, in)."""
    sizes = {"inputs": module.in_features, "outputs": module.out_features}
    return _with_bias("dense", sizes, module, Place("kernel", "weight", "OI"))


def bilinear(module: nn.Bilinear) -> Twin:
    """(out, in1, in2); no library here has such a layer, so that a rule must say what it is."""
    sizes = {
        "inputs": (module.in1_features, module.in2_features),
        "outputs": module.out_features,
    }
    return _with_bias("bilinear", sizes, module, Place("kernel", "weight", "OIJ"))


def conv(module: Any) -> Twin:
    """(out, in / groups, *spatial)."""
    space = spatial_axes(len(module.kernel_size))
    return _with_bias("conv", _conv_sizes(module), module, Place("kernel", "weight", "OI" + space))


def conv_transpose(module: Any) -> Twin:
    """(in, out / groups, *spatial): of several groups (G), the inputs of each follow each other."""
    space, groups = spatial_axes(len(module.kernel_size)), module.groups
    place = Place("kernel", "weight", "IO" + space)
    if groups > 1:
        inputs, *rest = module.weight.shape
        view = (groups, inputs // groups, *rest)
        place = Place("kernel", "weight", "GIO" + space, view=view)
    return _with_bias("conv_transpose", _conv_sizes(module), module, place)


def embedding(module: nn.Embedding | nn.EmbeddingBag) -> Twin:
    """(vocabulary, features)."""
    sizes = {"vocabulary": module.num_embeddings, "features": module.embedding_dim}
    return Twin("embedding", sizes, (Place("embedding", "weight", "VF"),))


def norm(kind: str, rank: int | None = None) -> Rule:
    """A scale and a bias of the same shape, and running averages where there are any.

    Haiku's BatchNorm has parameters of as many axes as its inputs, `rank`.
    """

    def rule(module: Any) -> Twin:
        names = {"scale": module.weight, "bias": getattr(module, "bias", None)}
        given = {name: tensor for name, tensor in names.items() if tensor is not None}
        shape = next((tuple(tensor.shape) for tensor in given.values()), ())
        axes = plain_axes(len(shape))
        to = {"scale": "weight", "bias": "bias"}
        averages = {"running_mean": 0.0, "running_var": 1.0, "num_batches_tracked": 0.0}
        return Twin(
            kind,
            {"shape": shape, "scale": "scale" in given, "bias": "bias" in given, "rank": rank},
            tuple(Place(name, to[name], axes) for name in given),
            tuple(
                (name, value)
                for name, value in averages.items()
                if getattr(module, name, None) is not None
            ),
        )

    return rule


def attention(module: Any) -> Twin:
    """Query, key and value are the rows of one weight, or weights of their own."""
    size = module.embed_dim
    places = []
    for i, name in enumerate(("query", "key", "value")):
        rows: Index = (slice(i * size, (i + 1) * size),)
        if module.in_proj_weight is not None:
            places.append(Place(f"{name}.kernel", "in_proj_weight", "OI", rows))
        else:
            places.append(Place(f"{name}.kernel", f"{name[0]}_proj_weight", "OI"))
        if module.in_proj_bias is not None:
            places.append(Place(f"{name}.bias", "in_proj_bias", "O", rows))
    if isinstance(module.out_proj, nn.Linear):  # or what has taken its place, of other parameters
        places.append(Place("out.kernel", "out_proj.weight", "OI"))
        if module.out_proj.bias is not None:
            places.append(Place("out.bias", "out_proj.bias", "O"))
    sizes = {
        "inputs": size,
        "heads": module.num_heads,
        "head_size": module.head_dim,
        "outputs": size,
        "key_inputs": module.kdim,
        "value_inputs": module.vdim,
        "bias": module.in_proj_bias is not None,
        "dropout": module.dropout,
    }
    return Twin("attention", sizes, tuple(places))


def recurrent(kind: str, gates: str) -> Rule:
    """Gates are rows of one weight, in the order `gates`; layers and directions are JAX cells."""

    def rule(module: nn.RNNBase) -> list[Twin]:
        cells = list(_cells(module))
        return [
            Twin(
                kind,
                sizes,
                tuple(_gates(kind, gates, module, tail)),
                suffix=tail if len(cells) > 1 else "",
            )
            for tail, sizes in cells
        ]

    return rule


def recurrent_cell(kind: str, gates: str) -> Rule:
    """One step of a recurrent layer."""

    def rule(module: nn.RNNCellBase) -> Twin:
        sizes = {"inputs": module.input_size, "hidden": module.hidden_size, "bias": module.bias}
        return Twin(kind, sizes, tuple(_gates(kind, gates, module, "")))

    return rule


def dropout(module: Any) -> Twin:
    """No parameters; some libraries take a key for it."""
    return Twin("dropout", {"rate": module.p})


def _with_bias(kind: str, sizes: dict[str, Any], module: Any, kernel: Place) -> Twin:
    biased = module.bias is not None
    bias = (Place("bias", "bias", "O"),) if biased else ()
    return Twin(kind, {**sizes, "bias": biased}, (kernel, *bias))


def _conv_sizes(module: Any) -> dict[str, Any]:
    sizes = {
        "kernel_size": tuple(module.kernel_size),
        "inputs": module.in_channels,
        "outputs": module.out_channels,
    }
    # Not every library's layers know groups.
    return sizes | {"groups": module.groups} if module.groups > 1 else sizes


def _cells(module: nn.RNNBase) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tails of the cells' names, and their sizes."""
    directions = ("", "_reverse") if module.bidirectional else ("",)
    outputs = module.proj_size or module.hidden_size
    # No library here has an LSTM with a projection, which is refused under this name.
    more = {"proj_size": module.proj_size} if module.proj_size else {}
    for layer in range(module.num_layers):
        inputs = outputs * len(directions) if layer else module.input_size
        for direction in directions:
            sizes = {"inputs": inputs, "hidden": module.hidden_size, "bias": module.bias}
            sizes |= more
            yield f"l{layer}{direction}", sizes


def _gates(kind: str, gates: str, module: Any, tail: str) -> Iterator[Place]:
    size, tail = module.hidden_size, f"_{tail}" if tail else ""
    for i, gate in enumerate(gates):
        rows: Index = (slice(i * size, (i + 1) * size),) if len(gates) > 1 else ()
        dot = f".{gate}" if len(gates) > 1 else ""
        yield Place(f"ih{dot}", f"weight_ih{tail}", "OI", rows)
        yield Place(f"hh{dot}", f"weight_hh{tail}", "OI", rows)
        if module.bias:
            # torch adds two biases where JAX's cells have one, of LSTM that of the hidden state.
            one = "bias" if kind == "lstm" else "bias_hh"
            yield Place(f"bias_ih{dot}", f"bias_ih{tail}", "O", rows, otherwise=0.0)
            yield Place(f"{one}{dot}", f"bias_hh{tail}", "O", rows, otherwise=0.0)


#: torch calls LSTM's candidate gate g, as Flax does.
RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: linear,
    nn.Bilinear: bilinear,
    nn.Conv1d: conv,
    nn.Conv2d: conv,
    nn.Conv3d: conv,
    nn.ConvTranspose1d: conv_transpose,
    nn.ConvTranspose2d: conv_transpose,
    nn.ConvTranspose3d: conv_transpose,
    nn.Embedding: embedding,
    nn.EmbeddingBag: embedding,
    nn.LayerNorm: norm("layer_norm"),
    nn.RMSNorm: norm("rms_norm"),
    nn.GroupNorm: norm("group_norm"),
    nn.BatchNorm1d: norm("batch_norm"),
    nn.BatchNorm2d: norm("batch_norm", 4),
    nn.BatchNorm3d: norm("batch_norm", 5),
    nn.SyncBatchNorm: norm("batch_norm"),
    nn.InstanceNorm1d: norm("instance_norm"),
    nn.InstanceNorm2d: norm("instance_norm"),
    nn.InstanceNorm3d: norm("instance_norm"),
    nn.MultiheadAttention: attention,
    nn.RNN: recurrent("simple_rnn", "h"),
    nn.LSTM: recurrent("lstm", "ifgo"),
    nn.GRU: recurrent("gru", "rzn"),
    nn.RNNCell: recurrent_cell("simple_rnn", "h"),
    nn.LSTMCell: recurrent_cell("lstm", "ifgo"),
    nn.GRUCell: recurrent_cell("gru", "rzn"),
    nn.Dropout: dropout,
    nn.Dropout1d: dropout,
    nn.Dropout2d: dropout,
    nn.Dropout3d: dropout,
}
