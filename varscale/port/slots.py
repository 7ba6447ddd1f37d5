"""JAX layers in their places in a model: what a library is asked to give keys to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from varscale.keys import Key, KeyLike
from varscale.port.layers import JaxLayer, Param
from varscale.port.places import Place, Twin

__all__ = ["Keyed", "Keys", "Library", "Lift", "LiftKind", "Scheme", "Slot", "Style"]

#: What a model is initialised with: one key, or keys by the names of streams.
Keys: TypeAlias = KeyLike | Mapping[str, KeyLike]

#: How JAX modules get names: "compact" numbers them by class, "setup" takes the attributes' names.
Style: TypeAlias = Literal["compact", "setup"]

#: Transforms of a module class that change its parameters' keys.
LiftKind: TypeAlias = Literal["scan", "vmap", "jit"]


@dataclass(frozen=True, slots=True)
class Lift:
    """One transform around a module.

    Attributes:
        kind: "scan" and "vmap" stack the parameters of `size` equal modules, of which this is
            number `index`; "jit" makes a key of its own.
        depth: how many names of the JAX path lead to the module.
        index: see `kind`.
        size: see `kind`.
    """

    kind: LiftKind
    depth: int
    index: int = 0
    size: int = 1


@dataclass(frozen=True, slots=True)
class Slot:
    """A JAX layer in its place.

    Attributes:
        module: the twin's module: "blocks.0.fc1"; several slots may share one, by suffixes.
        path: the names of the JAX modules down to it.
        layer: its parameters, with the initializers that the model has.
        twin: where they go.
        lifts: the transforms around it, the outermost first.
    """

    module: str
    path: tuple[str, ...]
    layer: JaxLayer
    twin: Twin
    lifts: tuple[Lift, ...] = ()

    @property
    def stack(self) -> tuple[int, ...]:
        """Which of the equal modules that JAX stacks, the outermost first; () for none."""
        return tuple(lift.index for lift in self.lifts if lift.kind != "jit")

    @property
    def at(self) -> str:
        """What the user calls it: the module, with the suffix where there is one."""
        return self.inside(self.twin.suffix) if self.twin.suffix else self.module

    def inside(self, name: str) -> str:
        """The twin's name of what its module calls so."""
        return f"{self.module}.{name}" if self.module else name

    def name_of(self, place: Place) -> str:
        """The twin's name of the parameter that a place is in."""
        return self.inside(place.to)

    def path_of(self, param: Param) -> str:
        """The JAX path of one of its parameters."""
        return "/".join((*self.path, param.path))


@dataclass(frozen=True, slots=True)
class Keyed:
    """The key of one parameter, and its number in its library's way of counting.

    Attributes:
        key: what its initializer is called with; None where the library gives it none.
        count: Linen: the number within the module, from 1; NNX: the stream's count before the
            draw, from 0; Haiku: the number of keys taken before, from 0; None where none is drawn.
    """

    key: Key | None
    count: int | None


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a library names the modules that nobody names.

    Attributes:
        by_class: the name from the class and the number of its kind in the module, from 0 on;
            None: modules have the names of attributes.
        items: what stands between the name of a list and the number in it.
        sequential: whether a sequential module is one around its layers, which it keeps in
            `layers`; or leaves them to its caller.
        below: a name between a module's and its children's.
        top: whether a model that is one layer has its name in its parameters' paths.
    """

    by_class: Callable[[str, int], str] | None
    items: str = "_"
    sequential: bool = False
    below: str = ""
    top: bool = False


class Library(Protocol):
    """A JAX library: its layers, how it names them, and how it gives them keys."""

    @property
    def name(self) -> str:
        """What `like` calls it: "flax.linen"."""

    @property
    def schemes(self) -> Mapping[Style, Scheme]:
        """Its ways of naming; where the wanted style is none of them, the first is taken."""

    def layer(
        self, kind: str, sizes: Mapping[str, Any], said: Mapping[str, Any], name: str | None
    ) -> JaxLayer:
        """The layer of this kind.

        Args:
            kind: "dense", "conv", ...
            sizes: its arguments, as the twin shows them; what other libraries' layers distinguish
                may be among them.
            said: arguments that the user says, which the layer must have.
            name: the class, where it is not the usual one for the kind.

        Raises:
            ValueError: the library has no such layer, or not with these arguments.
        """

    def keys(self, key: Keys, slots: Sequence[Slot]) -> list[tuple[Keyed, ...]]:
        """For each slot the keys of its parameters, in their order.

        Args:
            key: what the model is initialised with.
            slots: in the order in which the model is constructed.
        """
