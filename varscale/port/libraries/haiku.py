"""Haiku: its layers' parameters and their keys. Follows dm-haiku 0.0.17.

Source: haiku/_src/basic.py, conv.py, attention.py, recurrent.py, embed.py, the modules of norms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from varscale.haiku import PRNGSequence, layer_stack
from varscale.initializers import Constant
from varscale.keys import as_key
from varscale.port.layers import Fork, JaxLayer
from varscale.port.libraries.haiku_layers import MANDATORY, TABLE
from varscale.port.slots import Keyed, Keys, Scheme, Slot, Style

__all__ = ["Haiku"]


@dataclass(frozen=True, slots=True)
class Haiku:
    """Haiku: a parameter has the next key at the moment when it is first asked for.

    The twin's modules must be in the order in which the JAX function runs its own; where they are
    not, say `order`. Initializers that are constants take no key.

    Attributes:
        reserve_size: as `hk.config.set(rng_reserve_size=...)`.
        dropout_draws: whether the twin's dropout layers stand for `hk.dropout` with
            `hk.next_rng_key()`, which takes a key where `init` runs it: where the function is
            initialised as for training.
    """

    reserve_size: int = 1
    dropout_draws: bool = False

    @property
    def name(self) -> str:
        """What `like` calls it."""
        return "haiku"

    @property
    def schemes(self) -> Mapping[Style, Scheme]:
        """See `varscale.port.slots.Library`; "setup" is for modules that `__init__` makes."""
        return {
            "compact": Scheme(_named, top=True),
            "setup": Scheme(_named, below="~", top=True),
        }

    def layer(
        self, kind: str, sizes: Mapping[str, Any], said: Mapping[str, Any], name: str | None
    ) -> JaxLayer:
        """See `varscale.port.slots.Library`."""
        return TABLE.layer(kind, sizes, said, name)

    def keys(self, key: Keys, slots: Sequence[Slot]) -> list[tuple[Keyed, ...]]:
        """See `varscale.port.slots.Library`: one sequence, and one for each layer of a stack."""
        if isinstance(key, Mapping):
            raise TypeError("the key of a Haiku model is one key")
        stacks: dict[tuple[Any, ...], tuple[_Counted, ...]] = {}
        root = _Counted(PRNGSequence(as_key(key), self.reserve_size))
        return [self._keys(slot, _inside(slot, root, stacks)) for slot in slots]

    def _keys(self, slot: Slot, sequence: _Counted) -> tuple[Keyed, ...]:
        keyed = []
        for draw in slot.layer.draws:
            if isinstance(draw, Fork):
                if self.dropout_draws:
                    sequence.next()
            elif draw.init is MANDATORY:
                raise ValueError(
                    f"{slot.at or 'the model'}: {draw.path} has no initializer: Haiku's attention "
                    "has no default w_init, say it in init"
                )
            elif isinstance(draw.init, Constant):
                keyed.append(Keyed(None, None))
            else:
                keyed.append(sequence.next())
        return tuple(keyed)


@dataclass(slots=True)
class _Counted:
    """A sequence and how many keys were taken from it."""

    sequence: PRNGSequence
    count: int = 0

    def next(self) -> Keyed:
        """The next key."""
        self.count += 1
        return Keyed(next(self.sequence), self.count - 1)


def _inside(
    slot: Slot, sequence: _Counted, stacks: dict[tuple[Any, ...], tuple[_Counted, ...]]
) -> _Counted:
    """The sequence inside the stacks around a layer; the first layer in one splits it off."""
    at: tuple[Any, ...] = ()
    for lift in slot.lifts:
        if lift.kind != "scan":
            raise ValueError(
                f"{slot.at}: Haiku has the transform 'scan' only (hk.layer_stack), got "
                f"{lift.kind!r}"
            )
        at = (*at, slot.path[: lift.depth])
        if at not in stacks:
            stacks[at] = tuple(map(_Counted, layer_stack(sequence.sequence, lift.size)))
            sequence.count += 2
        sequence = stacks[at][lift.index]
        at = (*at, lift.index)
    return sequence


def _named(kind: str, number: int) -> str:
    """The name that a module has of itself: "conv2_d", "conv2_d_1"."""
    snake = re.sub(r"((?<=[a-z0-9])[A-Z]|(?!^)[A-Z](?=[a-z]))", r"_\1", kind).lower()
    return f"{snake}_{number}" if number else snake
