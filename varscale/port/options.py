"""What is asked for: the twin as its adapter sees it, and what the user says about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from varscale.port.patterns import Patterns
from varscale.port.slots import LiftKind
from varscale.port.tree import Names, Node, Style
from varscale.port.trees import AnyTree, shapes

__all__ = ["Flattened", "Model", "Options", "said"]


@dataclass(frozen=True)
class Model:
    """A twin, as its adapter sees it.

    Attributes:
        framework: its name: "torch".
        root: its modules.
        shapes: of its parameters and running averages, by name.
        parameters: the names of the parameters, in the order in which they were made; of several
            names of one (tied) parameter the first.
        tied: other names of the same parameters, and the first.
    """

    framework: str
    root: Node
    shapes: Mapping[str, tuple[int, ...]]
    parameters: Sequence[str]
    tied: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flattened:
    """What a dense layer's inputs were before they were flattened.

    JAX flattens (*spatial, channels); a twin with channels first has the same inputs in another
    order. Of a layer alone this cannot be seen.

    Attributes:
        axes: the twin's axes: "CHW".
        shape: their sizes.
    """

    axes: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.axes) != len(self.shape) or not set(self.axes) <= set("CDHW"):
            raise ValueError(
                f"axes must be of 'C', 'D', 'H', 'W' and as many as shape, got {self.axes!r} and "
                f"{self.shape}"
            )


@dataclass(frozen=True)
class Options:
    """What a user says about a twin, by regular expressions of the twin's names.

    Attributes:
        names: see `Naming`.
        init: for a layer, the initializer of its kernel, or a dictionary of those of its
            parameters, by JAX name ("bias") or regular expression of it ("h./kernel").
        layout: what else the JAX layer is made with: {"transpose_kernel": True}.
        flattened: what a dense layer's inputs were; the user says it by `layout` too.
        params: for a parameter that belongs to no layer, its JAX path, its initializer and, where
            they are others than the twin's, its JAX shape and `Layout`; None leaves it as it is.
        lift: see `Naming.lifts`.
        style: see `Naming.style`.
        order: the twin's modules and free parameters in the order in which the JAX model makes
            them, where it is another; of use where keys go by order (Flax NNX, Haiku).
        compiled: see `varscale.initializers.VarianceScaling`.
        expect: the shapes of the JAX model's parameters, by path.
    """

    names: Patterns[str | None] = field(default_factory=Patterns)
    init: Patterns[Any] = field(default_factory=Patterns)
    layout: Patterns[Mapping[str, Any]] = field(default_factory=Patterns)
    flattened: Patterns[Flattened] = field(default_factory=Patterns)
    params: Patterns[Any] = field(default_factory=Patterns)
    lift: Patterns[LiftKind] = field(default_factory=Patterns)
    style: Style = "compact"
    order: Sequence[str] | None = None
    compiled: bool | None = None
    expect: Mapping[str, tuple[int, ...]] | None = None

    @property
    def patterns(self) -> Iterator[tuple[str, Patterns[Any]]]:
        """The regular expressions, with the words that the user says them by."""
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, Patterns):
                yield one.name.replace("flattened", "layout"), value


def said(
    *,
    names: Names | None,
    init: Mapping[str, Any] | None,
    layout: Mapping[str, Any] | None,
    params: Mapping[str, Any] | None,
    lift: Mapping[str, LiftKind] | None,
    order: Sequence[str] | None,
    style: Style,
    compiled: bool | None,
    expect: AnyTree | None,
) -> Options:
    """The options of a public function: None says nothing, and of a tree the shapes are kept.

    Raises:
        TypeError: what `layout` says is neither a mapping nor a `Flattened`.
    """
    arguments, flattened = {}, {}
    for pattern, one in (layout or {}).items():
        if isinstance(one, Flattened):
            flattened[pattern] = one
        elif isinstance(one, Mapping):
            arguments[pattern] = one
        else:
            raise TypeError(
                f"layout[{pattern!r}] must be a mapping such as {{'transpose_kernel': True}} or a "
                f"varscale.port.Flattened, got {one!r}"
            )
    return Options(
        Patterns(names or {}),
        Patterns(init or {}),
        Patterns(arguments),
        Patterns(flattened),
        Patterns(params or {}),
        Patterns(lift or {}),
        style,
        order,
        compiled,
        None if expect is None else shapes(expect),
    )
