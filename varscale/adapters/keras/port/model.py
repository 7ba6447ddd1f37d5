"""A Keras model as the core sees it: a tree of rules' findings, and the shapes of variables."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
from keras import layers

from varscale.adapters.keras.port.rules import Rule, rule_for
from varscale.adapters.keras.port.sublayers import made_up, named_sublayers, own_weights
from varscale.port.options import Model
from varscale.port.patterns import match
from varscale.port.places import Twin, as_twins
from varscale.port.tree import Node

__all__ = ["FRAMEWORK", "Described", "describe"]

#: What `like` calls Keras itself.
FRAMEWORK = "keras"

#: Layers that are what is in them: by class, the attributes, and the suffixes where several.
_WRAPPERS: dict[type[Any], tuple[tuple[str, str], ...]] = {
    layers.Bidirectional: (("forward_layer", "forward"), ("backward_layer", "backward")),
    layers.TimeDistributed: (("layer", ""),),
    layers.RNN: (("cell", ""),),
}


@dataclass(frozen=True)
class Described:
    """What is known of a Keras model.

    Attributes:
        model: as the core sees it.
        variables: by name.
        owners: by the same names, the layer that a variable belongs to, and its name there.
        made_up: names of layers that Keras made up, as they would lead to them, and their names
            here.
    """

    model: Model
    variables: Mapping[str, Any]
    owners: Mapping[str, tuple[Any, str]]
    made_up: Mapping[str, str]

    def refuse_made_up(self, patterns: Iterable[str]) -> None:
        """Explain a regular expression that matches nothing but a name that Keras made up.

        Raises:
            ValueError: there is one.
        """
        names = {*self.made_up.values(), *self.variables}
        for pattern in patterns:
            for name, here in self.made_up.items():
                if match(pattern, name) and not any(match(pattern, one) for one in names):
                    raise ValueError(
                        f"{pattern!r} matches {name!r}, a name that Keras made up, which depends "
                        f"on what else was built: that layer is {here!r} here; or give it a name"
                    )


def describe(
    model: Any,
    rules: Mapping[type[Any], Rule],
    classes: Mapping[type[Any], str],
    *,
    flat: bool,
) -> Described:
    """The model as plain data, and its variables by name.

    Args:
        model: a built model or layer.
        rules: the user's, which come before those of Keras' layers.
        classes: the classes' names in JAX, where they are others.
        flat: whether the JAX library's sequential module leaves its layers to its caller.

    Raises:
        TypeError: no layer.
        ValueError: a layer that is not built, or that a rule refuses.
    """
    if not isinstance(model, keras.Layer):
        raise TypeError(f"model must be a Keras model or layer, got {type(model).__name__}")
    reader = _Reader(rules, classes, flat)
    root = reader.node("", model)
    first: dict[int, str] = {}
    tied: dict[str, str] = {}
    parameters = []
    for name, variable in reader.variables.items():
        if name in reader.constants:
            continue
        if id(variable) in first:
            tied[name] = first[id(variable)]
        else:
            first[id(variable)] = name
            parameters.append(name)
    shapes = {name: tuple(one.shape) for name, one in reader.variables.items()}
    found = Model(FRAMEWORK, root, shapes, parameters, tied)
    return Described(found, reader.variables, reader.owners, reader.made_up)


@dataclass
class _Reader:
    """Walks the layers.

    Attributes:
        rules: see `describe`.
        classes: see `describe`.
        flat: see `describe`.
        variables: found until now.
        owners: see `Described`.
        constants: the names of those that are no parameters in JAX.
        made_up: see `Described`.
    """

    rules: Mapping[type[Any], Rule]
    classes: Mapping[type[Any], str]
    flat: bool
    variables: dict[str, Any] = field(default_factory=dict)
    owners: dict[str, tuple[Any, str]] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)
    made_up: dict[str, str] = field(default_factory=dict)

    def node(self, at: str, layer: Any, *, ruled: bool = False) -> Node:
        """A layer and what is in it; `ruled` where a rule around it has said what it is."""
        named = named_sublayers(layer, private=not ruled and not self.has_rule(layer))
        ruled_above, ruled = ruled, ruled or self.has_rule(layer)
        if not layer.built and (ruled or not at or not named):
            raise ValueError(
                f"{at or 'the model'} ({type(layer).__name__}) is not built, so that its variables "
                "have no shapes: call the model once, or model.build(input_shape), first"
            )
        for own, weight in own_weights(layer):
            self.variables[_join(at, own)] = weight
            self.owners[_join(at, own)] = layer, own
        for parts, one in named:
            if made_up(one):
                self.made_up[_join(at, one.name)] = _join(at, *parts)
        children = [(parts, self.node(_join(at, *parts), one, ruled=ruled)) for parts, one in named]
        name = self.class_name(layer)
        if ruled:
            try:
                twins = [] if ruled_above else self.twins(at, layer)
            except ValueError as error:
                return Node(at, type(layer).__name__, layer_name=name, refused=str(error))
            constants = [constant for twin in twins for constant, _ in twin.constants]
            self.constants |= {_join(at, constant) for constant in constants}
            return Node(at, name or type(layer).__name__, tuple(twins), layer_name=name)
        kind = name or type(layer).__name__
        free = any(True for _ in own_weights(layer))
        node = Node(at, kind, (), _contained(at, 0, children), free=free)
        if name is None and isinstance(layer, tuple(_WRAPPERS)):
            return replace(node, container="list")
        if name is None and isinstance(layer, keras.Sequential) and self.flat:
            return replace(node, container="sequential")
        return node

    def has_rule(self, layer: Any) -> bool:
        """Whether it is known which JAX layer this is."""
        if rule_for(layer, self.rules) is not None:
            return True
        inner = _wrapped(layer)
        return bool(inner) and all(self.has_rule(one) for _, _, one in inner)

    def twins(self, at: str, layer: Any) -> Sequence[Twin]:
        """The JAX layers that a layer is; what is in it is named from it on."""
        rule = rule_for(layer, self.rules)
        if rule is not None:
            return as_twins(rule(layer), at, type(layer).__name__)
        return [
            _within(attribute, suffix, twin)
            for attribute, suffix, one in _wrapped(layer)
            for twin in self.twins(_join(at, attribute), one)
        ]

    def class_name(self, layer: Any) -> str | None:
        """What the user calls the class of a layer, or of what it wraps."""
        own = next((self.classes[cls] for cls in type(layer).__mro__ if cls in self.classes), None)
        return own or next(
            (name for _, _, one in _wrapped(layer) if (name := self.class_name(one))), None
        )


def _wrapped(layer: Any) -> list[tuple[str, str, Any]]:
    """What a wrapper wraps: the attribute, the suffix, and the layer."""
    if isinstance(layer, layers.StackedRNNCells):
        return [(f"cells.{i}", str(i), cell) for i, cell in enumerate(layer.cells)]
    for cls, attributes in _WRAPPERS.items():
        if isinstance(layer, cls):
            return [(name, suffix, getattr(layer, name)) for name, suffix in attributes]
    return []


def _within(attribute: str, suffix: str, twin: Twin) -> Twin:
    """A twin as seen from the layer that has it as an attribute."""
    return replace(
        twin,
        places=tuple(replace(one, to=f"{attribute}.{one.to}") for one in twin.places),
        constants=tuple((f"{attribute}.{name}", value) for name, value in twin.constants),
        suffix="_".join(part for part in (suffix, twin.suffix) if part),
    )


def _contained(
    at: str, depth: int, children: list[tuple[tuple[str, ...], Node]]
) -> tuple[Node, ...]:
    """The children, with nodes for the lists and dictionaries that they are in.

    A list whose items others come between has several nodes: the order is that of the children.
    """
    result = []
    for name, run in itertools.groupby(children, key=lambda child: child[0][depth]):
        group = list(run)
        parts, node = group[0]
        if len(parts) > depth + 1:
            below = _join(at, name)
            node = Node(below, "list", (), _contained(below, depth + 1, group), "list")
        result.append(node)
    return tuple(result)


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)
