"""Flax NNX: its layers' parameters and their keys. Follows flax 0.12; see `NNX` for older ones.

Source: flax/nnx/nn/linear.py, attention.py, normalization.py, recurrent.py, stochastic.py (0.12.8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from varscale.initializers import Constant
from varscale.nnx import Rngs
from varscale.port.layers import Fork, JaxLayer, Param, stacked
from varscale.port.libraries import flax_layers as flax
from varscale.port.libraries.flax_inits import LECUN, ONES, ORTHOGONAL, ZEROS
from varscale.port.libraries.linen_general import dense_general, einsum
from varscale.port.libraries.table import Table
from varscale.port.slots import Keyed, Keys, Scheme, Slot, Style

__all__ = ["NNX"]


@dataclass(frozen=True, slots=True)
class NNX:
    """Flax NNX: every parameter of a layer draws a key when it is made, constants too.

    The model's key is what `nnx.Rngs` is made with: one key or seed, or a mapping from streams'
    names ({"params": 0, "dropout": 1}). The twin's modules must be in the order in which the JAX
    model makes its own; where they are not, say `order`.

    Attributes:
        dropout_draws: whether `nnx.Dropout`, attention with dropout, `nnx.RNN` and cells that are
            made with a stream take a key for it, as since flax 0.11. Say False for older ones.
        constants_draw: whether raw parameters (`params`) that are constant take a key: False for
            `nnx.Param(jnp.zeros(...))`, True for `nnx.Param(zeros_init()(rngs.params(), ...))`.
    """

    dropout_draws: bool = True
    constants_draw: bool = False

    @property
    def name(self) -> str:
        """What `like` calls it."""
        return "flax.nnx"

    @property
    def schemes(self) -> Mapping[Style, Scheme]:
        """See `varscale.port.slots.Library`."""
        return {"setup": Scheme(None, items="/", sequential=True)}

    def layer(
        self, kind: str, sizes: Mapping[str, Any], said: Mapping[str, Any], name: str | None
    ) -> JaxLayer:
        """See `varscale.port.slots.Library`."""
        return _TABLE.layer(kind, sizes, said, name)

    def keys(self, key: Keys, slots: Sequence[Slot]) -> list[tuple[Keyed, ...]]:
        """See `varscale.port.slots.Library`: streams count, whatever draws from them."""
        around: dict[tuple[Any, ...], tuple[Rngs, ...]] = {}
        root = Rngs(key)
        return [self._keys(slot, _inside(slot, root, around)) for slot in slots]

    def _keys(self, slot: Slot, rngs: Rngs) -> tuple[Keyed, ...]:
        keyed = []
        for draw in slot.layer.draws:
            if isinstance(draw, Fork):
                if self.dropout_draws:
                    _draw(rngs, draw.stream, slot)
            elif self._is_silent(slot, draw):
                keyed.append(Keyed(None, None))
            else:
                keyed.append(_draw(rngs, "params", slot))
        return tuple(keyed)

    def _is_silent(self, slot: Slot, param: Param) -> bool:
        raw = not slot.layer.name
        return raw and isinstance(param.init, Constant) and not self.constants_draw


def _draw(rngs: Rngs, name: str, slot: Slot) -> Keyed:
    try:
        stream = rngs[name]
    except KeyError:
        raise ValueError(
            f"{slot.at or 'the model'} draws from the stream {name!r}, and there is neither that "
            f"nor 'default' among the keys ({', '.join(map(repr, rngs))})"
        ) from None
    count = stream.count
    return Keyed(stream(), count)


def _inside(slot: Slot, rngs: Rngs, around: dict[tuple[Any, ...], tuple[Rngs, ...]]) -> Rngs:
    """The streams inside the transforms around a layer; the first layer in one splits them."""
    at: tuple[Any, ...] = ()
    for lift in slot.lifts:
        if lift.kind != "vmap":
            raise ValueError(
                f"{slot.at}: Flax NNX has the transform 'vmap' only (nnx.split_rngs and nnx.vmap), "
                f"got {lift.kind!r}"
            )
        at = (*at, slot.path[: lift.depth])
        if at not in around:
            around[at] = rngs.split(lift.size)
        rngs = around[at][lift.index]
        at = (*at, lift.index)
    return rngs


def _renamed(name: str, make: Callable[..., JaxLayer]) -> Callable[..., JaxLayer]:
    """A layer of Linen's under its name in NNX."""

    def renamed(**sizes: Any) -> JaxLayer:
        return replace(make(**sizes), name=name)

    renamed.__wrapped__ = make  # type: ignore[attr-defined]  # for its signature
    return renamed


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
    normalize_qk: bool = False,
    keep_rngs: bool = True,
) -> JaxLayer:
    """`nnx.MultiHeadAttention`: kernels are drawn flattened; with dropout, one key more.

    `normalize_qk` and `keep_rngs` are its arguments; say them by `layout`.
    """
    width = key_inputs or inputs
    if (value_inputs or inputs) != width:
        raise ValueError("nnx.MultiHeadAttention has keys and values of the same width")
    draws: list[Param | Fork] = []
    for name, wide, many in (
        ("query", inputs, heads),
        ("key", width, key_heads or heads),
        ("value", width, key_heads or heads),
    ):
        size = many * head_size
        kernel = (wide, many, head_size)
        draws.append(Param(f"{name}/kernel", kernel, LECUN, "IO", drawn=(wide, size)))
        if bias:
            draws.append(Param(f"{name}/bias", (many, head_size), ZEROS, "O", drawn=(size,)))
    if normalize_qk:
        draws += [Param(f"{name}_ln/scale", (head_size,), ONES, "a") for name in ("query", "key")]
    kernel, flat = (heads, head_size, outputs), (heads * head_size, outputs)
    draws.append(Param("out/kernel", kernel, LECUN, "IO", drawn=flat))
    draws += flax.bias_params("out/bias", outputs, bias=bias)
    if dropout and keep_rngs:
        draws.append(Fork("dropout"))
    return JaxLayer("MultiHeadAttention", tuple(draws))


def _cell(name: str, draws: Sequence[Param], bias: bool, keep_rngs: bool, carries: int) -> JaxLayer:
    """A cell; `keep_rngs` is its argument, `carries` counts the modules around it that fork."""
    if not bias:
        raise ValueError("NNX's recurrent cells have a bias; give a rule")
    before = (Fork("carry"),) if keep_rngs else ()
    return JaxLayer(name, (*before, *draws, *(Fork("carry"),) * carries))


def simple_rnn(
    *, inputs: int, hidden: int, bias: bool = True, keep_rngs: bool = False, carries: int = 0
) -> JaxLayer:
    """`nnx.SimpleCell`, which makes its recurrent kernel first."""
    draws = (
        Param("dense_h/kernel", (hidden, hidden), ORTHOGONAL, "IO", piece="hh"),
        Param("dense_i/kernel", (inputs, hidden), LECUN, "IO", piece="ih"),
        Param("dense_i/bias", (hidden,), ZEROS, "O", piece="bias_ih"),
    )
    return _cell("SimpleCell", draws, bias, keep_rngs, carries)


def lstm(
    *, inputs: int, hidden: int, bias: bool = True, keep_rngs: bool = False, carries: int = 0
) -> JaxLayer:
    """`nnx.LSTMCell`: kernels and biases of Linen's in another order, under other names."""
    of_inputs: list[Param] = []
    of_hidden: list[Param] = []
    for param in flax.lstm(inputs=inputs, hidden=hidden).params:
        layer, _, leaf = param.path.partition("/")
        renamed = replace(param, path=f"{'if_' if layer == 'if' else layer}/{leaf}")
        (of_inputs if layer[0] == "i" else of_hidden).append(renamed)
    return _cell("LSTMCell", (*of_inputs, *of_hidden), bias, keep_rngs, carries)


def _packed(name: str, gates: str, biased: str) -> Callable[..., JaxLayer]:
    """Cells whose gates are one matrix; the bias is that of the inputs or of the hidden state."""

    def make(
        *, inputs: int, hidden: int, bias: bool = True, keep_rngs: bool = False, carries: int = 0
    ) -> JaxLayer:
        draws = []
        for side, width, init in (("i", inputs, LECUN), ("h", hidden, ORTHOGONAL)):
            gate_names = [f"{side}h.{gate}" for gate in gates]
            kernel = (width, len(gates) * hidden)
            parts = stacked(gate_names, hidden, 1)
            draws.append(Param(f"dense_{side}/kernel", kernel, init, "IO", parts=parts))
            if side == biased:
                piece = "bias" if name == "OptimizedLSTMCell" else "bias_ih"
                parts = stacked([f"{piece}.{gate}" for gate in gates], hidden, 0)
                draws.append(Param(f"dense_{side}/bias", kernel[1:], ZEROS, "O", parts=parts))
        return _cell(name, draws, bias, keep_rngs, carries)

    return make


def dropout(*, rate: float = 0.0) -> JaxLayer:
    """`nnx.Dropout(..., rngs=rngs)`; one without `rngs` takes no key: name it None."""
    del rate
    return JaxLayer("Dropout", (Fork("dropout"),))


_TABLE = Table(
    "flax.nnx",
    {
        "dense": _renamed("Linear", flax.dense),
        "dense_general": _renamed("LinearGeneral", dense_general),
        "Einsum": einsum,
        "conv": flax.conv,
        "conv_transpose": flax.conv_transpose,
        "embedding": flax.embedding,
        "attention": attention,
        "layer_norm": flax.norm("LayerNorm"),
        "batch_norm": flax.norm("BatchNorm"),
        "group_norm": flax.norm("GroupNorm"),
        "instance_norm": flax.norm("InstanceNorm"),
        "rms_norm": flax.norm("RMSNorm"),
        "simple_rnn": simple_rnn,
        "lstm": lstm,
        "OptimizedLSTMCell": _packed("OptimizedLSTMCell", "ifgo", "h"),
        "gru": _packed("GRUCell", "rzn", "i"),
        "dropout": dropout,
    },
)
