"""What is asked for: the twin as its adapter sees it, and what the user says about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias, get_args

from varscale.arguments import as_compiled, as_shape, check_choice, check_kind
from varscale.initializers import Initializer
from varscale.layout import Layout
from varscale.port.patterns import Patterns, by_pattern, check_template
from varscale.port.slots import LiftKind
from varscale.port.tree import Names, Node, Style
from varscale.port.trees import AnyTree, shapes

__all__ = ["Flattened", "FreeParam", "Model", "Options", "said"]

#: Of a parameter of no layer: its JAX path, its initializer, and JAX's shape and the layout, or
#: None where they are the twin's.
FreeParam: TypeAlias = tuple[str, Initializer, tuple[int, ...] | None, Layout | None]


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
        check_kind("axes", self.axes, str, "a text such as 'CHW'")
        object.__setattr__(self, "shape", as_shape(self.shape))
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
        params: for a parameter that belongs to no layer, what it is; None leaves it as it is.
        lift: see `Naming.lifts`.
        classes: what classes of modules are called in JAX.
        rules: for classes of layers, functions from the layer to its twins.
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
    params: Patterns[FreeParam | None] = field(default_factory=Patterns)
    lift: Patterns[LiftKind] = field(default_factory=Patterns)
    classes: Mapping[type[Any], str] = field(default_factory=dict)
    rules: Mapping[type[Any], Callable[[Any], Any]] = field(default_factory=dict)
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
    classes: Mapping[type[Any], str] | None,
    rules: Mapping[type[Any], Callable[[Any], Any]] | None,
    order: Sequence[str] | None,
    style: Style,
    compiled: bool | None,
    expect: AnyTree | None,
) -> Options:
    """The options of a public function, checked: None says nothing, of a tree the shapes are kept.

    Raises:
        TypeError: an argument of a wrong kind, or a part of one.
        ValueError: a choice that there is not, or what is no regular expression.
    """
    check_choice("style", style, get_args(Style))
    layouts = by_pattern("layout", layout, _layout)
    flattened = {at: one for at, one in layouts.items() if isinstance(one, Flattened)}
    return Options(
        Patterns(by_pattern("names", names, _name)),
        Patterns(by_pattern("init", init, _init)),
        Patterns({at: one for at, one in layouts.items() if at not in flattened}),
        Patterns(flattened),
        Patterns(by_pattern("params", params, _param)),
        Patterns(by_pattern("lift", lift, _lift)),
        _by_class("classes", classes, str, "the class's name in JAX"),
        _by_class("rules", rules, Callable, "a function from the layer to its Twins"),
        style,
        _order(order),
        as_compiled(compiled),
        None if expect is None else shapes(expect),
    )


def _by_class(name: str, given: Any, kinds: Any, what: str) -> dict[type[Any], Any]:
    if given is None:
        return {}
    check_kind(name, given, Mapping, f"a mapping from classes, each to {what}")
    for cls, one in given.items():
        check_kind(f"each key of {name}", cls, type, "a class")
        check_kind(f"{name}[{cls.__name__}]", one, kinds, what)
    return dict(given)


def _name(at: str, pattern: str, given: Any) -> str | None:
    if given is not None:
        check_template(at, pattern, given, "a name in JAX or None")
    name: str | None = given
    return name


def _init(at: str, _: str, given: Any) -> Any:
    if isinstance(given, Mapping):
        return by_pattern(at, given, lambda at, _, one: _as_data(at, one), "of JAX's names")
    return _as_data(at, given)


def _layout(at: str, _: str, given: Any) -> Flattened | Mapping[str, Any]:
    if not isinstance(given, Mapping | Flattened):
        raise TypeError(
            f"{at} must be a mapping such as {{'transpose_kernel': True}} or a "
            f"varscale.port.Flattened, got {given!r}"
        )
    for name in given if isinstance(given, Mapping) else ():
        check_kind(f"each key of {at}", name, str, "the name of an argument")
    found: Flattened | Mapping[str, Any] = given
    return found


def _param(at: str, pattern: str, given: Any) -> FreeParam | None:
    if given is None:
        return None
    if not isinstance(given, tuple) or not 2 <= len(given) <= 4:
        raise TypeError(
            f"{at} must be (path, initializer[, shape[, layout]]) or None, got {given!r}"
        )
    path, init, shape, layout = (*given, None, None)[:4]
    check_template(f"the path in {at}", pattern, path, "a path in JAX")
    if shape is not None:
        try:
            shape = as_shape(shape)
        except TypeError as error:
            raise TypeError(f"{at}: {error}") from None
    check_kind(f"the layout in {at}", layout, Layout | None, "a varscale.Layout")
    return path, _as_data(f"the initializer in {at}", init), shape, layout


def _lift(at: str, _: str, given: Any) -> LiftKind:
    check_choice(at, given, get_args(LiftKind))
    kind: LiftKind = given
    return kind


def _order(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f"order must be a list of the twin's names, got {given!r}")
    for at in given:
        check_kind("each of order", at, str, "a name of the twin's")
    return tuple(given)


def _as_data(at: str, init: Any) -> Initializer:
    """The plain data of an initializer of any of varscale's doors."""
    data = getattr(init, "data", init)
    if isinstance(data, type) or not hasattr(data, "draw"):
        raise TypeError(f"{at} must be one of varscale's initializers, got {init!r}")
    found: Initializer = data
    return found
