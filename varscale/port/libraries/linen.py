"""Flax Linen: its layers' parameters and their keys. Follows flax 0.10.2 to 0.12.

Source: flax/linen/linear.py, attention.py, normalization.py, recurrent.py (0.12.8).
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from varscale.keys import as_key
from varscale.linen import Scope
from varscale.port.layers import JaxLayer, Param
from varscale.port.libraries.flax_inits import LECUN, ORTHOGONAL, ZEROS
from varscale.port.libraries.flax_layers import (
    attention,
    bias_params,
    conv,
    conv_transpose,
    dense,
    embedding,
    lstm,
    norm,
)
from varscale.port.libraries.linen_general import conv_lstm, dense_general, einsum
from varscale.port.libraries.table import Table
from varscale.port.slots import Keyed, Keys, Scheme, Slot, Style

__all__ = ["Linen"]


@dataclass(frozen=True, slots=True)
class Linen:
    """Flax Linen.

    Attributes:
        fix_rng_separator: as `flax.config.flax_fix_rng_separator`.
        check_constancy_invariants: as the argument of `nn.scan`; it changes the keys.
    """

    fix_rng_separator: bool = False
    check_constancy_invariants: bool = True

    @property
    def name(self) -> str:
        """What `like` calls it."""
        return "flax.linen"

    @property
    def schemes(self) -> Mapping[Style, Scheme]:
        """See `varscale.port.slots.Library`."""
        return _SCHEMES

    def layer(
        self, kind: str, sizes: Mapping[str, Any], said: Mapping[str, Any], name: str | None
    ) -> JaxLayer:
        """See `varscale.port.slots.Library`."""
        return _TABLE.layer(kind, sizes, said, name)

    def keys(self, key: Keys, slots: Sequence[Slot]) -> list[tuple[Keyed, ...]]:
        """See `varscale.port.slots.Library`: each module counts its own parameters."""
        if isinstance(key, Mapping):
            raise TypeError("the key of a Linen model is one key: that of its stream 'params'")
        root = Scope(as_key(key), fix_rng_separator=self.fix_rng_separator)
        modules = [[_module(slot, param) for param in slot.layer.params] for slot in slots]
        draws = Counter(module for one in modules for module in one)
        counts: Counter[Any] = Counter()
        keyed = []
        for slot, of_params in zip(slots, modules, strict=True):
            keys = []
            for module in of_params:
                counts[module] += 1
                scope, first = self._scope(root, slot, module[0])
                count = counts[module] + first
                keys.append(Keyed(scope.param_key(count, draws[module]), count))
            keyed.append(tuple(keys))
        return keyed

    def _scope(self, root: Scope, slot: Slot, path: tuple[str, ...]) -> tuple[Scope, int]:
        """The scope of a module, and how many keys its transform took from it before."""
        scope, done, first = root, 0, 0
        for lift in slot.lifts:
            if lift.kind == "scan":
                scope = _scanned(scope, lift.size, self.check_constancy_invariants)[lift.index]
            elif lift.kind == "vmap":
                scope = _mapped(scope, lift.size)[lift.index]
            else:
                scope = scope.child(*path[done : lift.depth]).fork()
                done, first = lift.depth, int(len(path) == lift.depth)
        return scope.child(*path[done:]), first


def _module(slot: Slot, param: Param) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The module that a parameter is counted in: its path, and which of several equal ones."""
    below = tuple(param.path.split("/")[:-1])
    return slot.path + below, slot.stack


@functools.lru_cache(maxsize=16)
def _scanned(scope: Scope, length: int, constancy: bool) -> tuple[Scope, ...]:
    """Made once for all parameters of the stacked modules, each of which needs one of them."""
    return scope.scan(length, check_constancy_invariants=constancy)


@functools.lru_cache(maxsize=16)
def _mapped(scope: Scope, size: int) -> tuple[Scope, ...]:
    """As `_scanned`."""
    return scope.vmap(size)


def simple_rnn(*, inputs: int, hidden: int, bias: bool = True) -> JaxLayer:
    """`nn.SimpleCell`."""
    if not bias:
        raise ValueError("Flax's SimpleCell has a bias; give a rule")
    kernel = Param("i/kernel", (inputs, hidden), LECUN, "IO", piece="ih")
    recurrent = Param("h/kernel", (hidden, hidden), ORTHOGONAL, "IO", piece="hh")
    biases = bias_params("i/bias", hidden, bias=True, piece="bias_ih")
    return JaxLayer("SimpleCell", (kernel, *biases, recurrent))


def gru(*, inputs: int, hidden: int, bias: bool = True) -> JaxLayer:
    """`nn.GRUCell`: one matrix for each gate r, z, n; of the recurrent ones n has a bias."""
    if not bias:
        raise ValueError("Flax's GRU cells have a bias; give a rule")
    params = []
    for gate in "rzn":
        kernel = (inputs, hidden)
        params.append(Param(f"i{gate}/kernel", kernel, LECUN, "IO", piece=f"ih.{gate}"))
        params.append(Param(f"i{gate}/bias", (hidden,), ZEROS, "O", piece=f"bias_ih.{gate}"))
        recurrent = (hidden, hidden)
        params.append(Param(f"h{gate}/kernel", recurrent, ORTHOGONAL, "IO", piece=f"hh.{gate}"))
    params.append(Param("hn/bias", (hidden,), ZEROS, "O", piece="bias_hh.n"))
    return JaxLayer("GRUCell", tuple(params))


def dropout(*, rate: float = 0.0) -> JaxLayer:
    """`nn.Dropout`: no parameters, and its stream is another than theirs."""
    del rate
    return JaxLayer("Dropout", ())


_SCHEMES: Mapping[Style, Scheme] = {
    "compact": Scheme("{}_{}".format),
    "setup": Scheme(None, sequential=True),
}

_TABLE = Table(
    "flax.linen",
    {
        "dense": dense,
        "dense_general": dense_general,
        "Einsum": einsum,
        "conv": conv,
        "conv_transpose": conv_transpose,
        "embedding": embedding,
        "attention": attention,
        "layer_norm": norm("LayerNorm"),
        "batch_norm": norm("BatchNorm"),
        "group_norm": norm("GroupNorm"),
        "instance_norm": norm("InstanceNorm"),
        "rms_norm": norm("RMSNorm"),
        "simple_rnn": simple_rnn,
        "lstm": lstm,
        "gru": gru,
        "conv_lstm": conv_lstm,
        "dropout": dropout,
    },
)
