"""What each tensor of a twin must be: which JAX module each module of it is, by hand. NumPy only.

Nothing here comes from varscale: it is what its plans are held against.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from examples.layouts import KERAS, TORCH, Array, Arrays, Tree
from examples.sizes import DEPTH, HEADS, WIDTH

#: A module of the twin, the JAX module, and which kind of layer both are.
Pair = tuple[str, str, str]

ATTENTION = "MultiHeadDotProductAttention_0"


def expected(model: str, twin: str, params: Tree) -> Arrays:
    """Every tensor of a twin by name.

    Args:
        model: a name of the demo.
        twin: "torch" or "keras".
        params: the JAX model's, as nested dictionaries.
    """
    kinds = {"torch": TORCH, "keras": KERAS}[twin]
    if model in TREES:
        params = TREES[model](params)
    found: Arrays = {}
    for name, path, kind in PAIRS[model](twin):
        layer = _at(params, path)
        leaves = {"": layer} if kind == "array" else kinds[kind](layer)
        found |= {".".join(part for part in (name, leaf) if part): leaves[leaf] for leaf in leaves}
    return found


def _at(tree: Tree, path: str) -> Any:
    """The part of a tree below a path; "[2]" at its end is the layer of a stack."""
    path, _, layer = path.partition("[")
    found: Any = tree
    for part in path.split("/"):
        found = found[part]
    return _sliced(found, int(layer[:-1])) if layer else found


def _sliced(tree: Any, i: int) -> Any:
    return {k: _sliced(v, i) for k, v in tree.items()} if isinstance(tree, dict) else tree[i]


def vit(_: str) -> Iterator[Pair]:
    """The ViT."""
    yield "embedding", "embedding", "conv"
    yield "cls", "cls", "array"
    yield "positions", "pos_embedding", "array"
    for i in range(6):
        ours, block = f"blocks.{i}", f"Transformer/blocks_{i}"
        yield f"{ours}.norm1", f"{block}/LayerNorm_0", "norm"
        yield f"{ours}.attention", f"{block}/{ATTENTION}", "attention"
        yield f"{ours}.norm2", f"{block}/LayerNorm_1", "norm"
        yield f"{ours}.fc1", f"{block}/mlp/Dense_0", "dense"
        yield f"{ours}.fc2", f"{block}/mlp/Dense_1", "dense"
    yield "norm", "Transformer/norm", "norm"
    yield "head", "head", "dense"


def resnet(twin: str) -> Iterator[Pair]:
    """The ResNeXt."""
    yield "stem", "Conv_0", "conv"
    yield "bn", "BatchNorm_0", "norm"
    shortcut = {"torch": ("shortcut.0", "shortcut.1"), "keras": ("proj_conv", "proj_norm")}[twin]
    for i in range(4):
        ours, block = f"blocks.{i}", f"Bottleneck_{i}"
        for j in range(3):
            yield f"{ours}.conv{j + 1}", f"{block}/Conv_{j}", "conv"
            yield f"{ours}.bn{j + 1}", f"{block}/BatchNorm_{j}", "norm"
        if i in (0, 2):
            yield f"{ours}.{shortcut[0]}", f"{block}/proj_conv", "conv"
            yield f"{ours}.{shortcut[1]}", f"{block}/proj_norm", "norm"
    yield "mixer.depthwise", "mixer/depthwise", "depthwise"
    yield "mixer.norm", "mixer/LayerNorm_0", "norm"
    yield "mixer.attention", "mixer/MultiHeadAttention_0", "attention"
    yield "decoder.up1", "Decoder_0/up", "conv_transpose"
    yield "decoder.bn1", "Decoder_0/norm", "norm"
    yield "decoder.up2", "Decoder_0/up_grad", "conv_gradient"
    yield "decoder.mask", "Decoder_0/heads_mask", "conv"
    yield "hidden", "hidden", "hidden"
    yield "head", "head", "dense"


def mlp(_: str) -> Iterator[Pair]:
    """The MLP."""
    yield "hidden", "Dense_0", "dense"
    yield "norm", "LayerNorm_0", "norm"
    yield "head", "head", "dense"


def translator(encoder: str) -> Callable[[str], Iterator[Pair]]:
    """The translator; where its encoder is scanned, a layer is a slice of every array."""

    def block(ours: str, path: str, attentions: dict[str, str], i: str) -> Iterator[Pair]:
        for j, (name, theirs) in enumerate(attentions.items()):
            yield f"{ours}.norm{j + 1}", f"{path}/LayerNorm_{j}{i}", "norm"
            yield f"{ours}.{name}", f"{path}/{theirs}{i}", "attention"
        count = len(attentions)
        yield f"{ours}.norm{count + 1}", f"{path}/LayerNorm_{count}{i}", "norm"
        for j in range(2):
            yield f"{ours}.mlp.fc{j + 1}", f"{path}/mlp/Dense_{j}{i}", "dense"

    def pairs(_: str) -> Iterator[Pair]:
        yield "embed", "embed", "embedding"
        yield "positions", "positions", "array"
        both = {"self_attention": "self_attention", "cross_attention": "cross_attention"}
        for i in range(DEPTH):
            layer = f"[{i}]" if encoder == "encoder/layer" else ""
            path = encoder.format(i)
            yield from block(f"encoder.{i}", path, {"attention": ATTENTION}, layer)
            yield from block(f"decoder.{i}", f"DecoderLayer_{i}", both, "")
        yield "norm", "norm", "norm"

    return pairs


def tagger(*names: str) -> Callable[[str], Iterator[Pair]]:
    """The tagger; the names are those of its layers in JAX."""
    kinds = {
        "embed": "embedding",
        "conv": "conv",
        "norm": "norm",
        "attention": "attention",
        "lstm": "lstm",
        "head": "dense",
    }
    return lambda _: iter(zip(kinds, names, kinds.values(), strict=True))


PAIRS: dict[str, Callable[[str], Iterator[Pair]]] = {
    "vit": vit,
    "resnet": resnet,
    "mlp": mlp,
    "translator": translator("encoder_{}"),
    "scanned": translator("encoder/layer"),
    "lstm": tagger("Embed_0", "Conv_0", "LayerNorm_0", ATTENTION, "LSTMCell_0", "Dense_0"),
    "nnx": tagger("embed", "conv", "norm", "attention", "lstm", "head"),
    "haiku": tagger("embed", "conv", "norm", "attention", "lstm", "head"),
    "equinox": tagger("embed", "conv", "norm", "attention", "lstm", "head"),
}

# -- Other libraries' parameters as Flax has them --------------------------------------------------


def _gates(order: str, inputs: Array, hidden: Array, bias: Array) -> Tree:
    """An LSTM's gates, from columns in some order; its bias is that of the hidden state."""
    found: Tree = {}
    for i, gate in enumerate(order):
        part = slice(i * WIDTH, (i + 1) * WIDTH)
        found[f"i{gate}"] = {"kernel": inputs[:, part]}
        found[f"h{gate}"] = {"kernel": hidden[:, part], "bias": bias[part]}
    return found


def _attention(layers: Tree) -> Tree:
    """Flax's axes for heads, where the others have matrices."""
    found: Tree = {}
    for name, layer in layers.items():
        heads = (HEADS, WIDTH // HEADS)
        shape = (*heads, WIDTH) if name == "out" else (WIDTH, *heads)
        bias = layer["bias"] if name == "out" else layer["bias"].reshape(heads)
        found[name] = {"kernel": layer["kernel"].reshape(shape), "bias": bias}
    return found


def haiku_tree(params: Tree) -> Tree:
    """Haiku: w and b, gates i, g, f, o, and 1 is added to f in the forward pass."""

    def dense(name: str) -> Tree:
        return {"kernel": params[name]["w"], "bias": params[name]["b"]}

    attention = {"query": "query", "key": "key", "value": "value", "out": "linear"}
    lstm = params["lstm/linear"]
    gates = _gates("igfo", lstm["w"][:WIDTH], lstm["w"][WIDTH:], lstm["b"])
    gates["hf"]["bias"] = gates["hf"]["bias"] + np.float32(1)
    norm = params["layer_norm"]
    return {
        "embed": {"embedding": params["embed"]["embeddings"]},
        "conv": dense("conv1_d"),
        "norm": {"scale": norm["scale"], "bias": norm["offset"]},
        "attention": _attention(
            {k: dense(f"multi_head_attention/{v}") for k, v in attention.items()}
        ),
        "lstm": gates,
        "head": dense("linear"),
    }


def equinox_tree(params: Tree) -> Tree:
    """Equinox: outputs first, a convolution's bias with axes for space."""

    def dense(layer: Tree) -> Tree:
        return {"kernel": layer["weight"].T, "bias": layer["bias"]}

    attention = {"query": "query", "key": "key", "value": "value", "out": "output"}
    conv, lstm = params["conv"], params["lstm"]
    return {
        "embed": {"embedding": params["embed"]["weight"]},
        "conv": {"kernel": conv["weight"].T, "bias": conv["bias"].ravel()},
        "norm": {"scale": params["norm"]["weight"], "bias": params["norm"]["bias"]},
        "attention": _attention(
            {k: dense(params["attention"][f"{v}_proj"]) for k, v in attention.items()}
        ),
        "lstm": _gates("ifgo", lstm["weight_ih"].T, lstm["weight_hh"].T, lstm["bias"]),
        "head": dense(params["head"]),
    }


def nnx_tree(params: Tree) -> Tree:
    """NNX: as Linen, but `if` is no name in Python."""
    cell = dict(params["lstm"]["cell"])
    cell["if"] = cell.pop("if_")
    return {**params, "lstm": cell}


TREES: dict[str, Callable[[Tree], Tree]] = {
    "nnx": nnx_tree,
    "haiku": haiku_tree,
    "equinox": equinox_tree,
}
