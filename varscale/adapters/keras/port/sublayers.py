"""The layers within a layer: what they are called, and in which order they were made or called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from varscale.adapters.keras.scopes import nodes, sublayers

__all__ = ["made_up", "named_sublayers", "own_weights"]


def named_sublayers(layer: Any, *, private: bool) -> list[tuple[tuple[str, ...], Any]]:
    """The layers within a layer, with the names of attributes and positions that lead to them.

    In a functional or Sequential model these are the layers' names, or ("layers", "2") where Keras
    made the name up, in the order of the calls that made the model. Elsewhere they are the
    attributes' ("blocks", "0"), in the order in which they were set; a layer that no attribute
    leads to has its own name.

    Args:
        layer: the layer.
        private: whether names of attributes may begin with an underscore.
    """
    inner = sublayers(layer)
    calls = _calls(layer)
    found: dict[int, tuple[str, ...]] = {}
    if calls is not None:
        for i, one in enumerate(layer.layers):
            found[id(one)] = ("layers", str(i)) if made_up(one) else (one.name,)
        inner = sorted(inner, key=lambda one: calls.get(id(one), -1))
    else:
        found = _attributes(layer, {id(one) for one in inner}, private=private)
    taken: set[tuple[str, ...]] = set()
    named = []
    for one in inner:
        first = parts = found.get(id(one), (one.name,))
        count = 0
        while parts in taken:
            count += 1
            parts = (*first[:-1], f"{first[-1]}_{count}")
        taken.add(parts)
        named.append((parts, one))
    return named


def made_up(layer: Any) -> bool:
    """Whether a layer's name is one that Keras makes from the class, and from what else it built.

    Source: keras/src/utils/naming.py, `auto_name` (3.15).
    """
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)
    name = re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
    return re.fullmatch(rf"{re.escape(name)}(_\d+)?", layer.name) is not None


def own_weights(layer: Any) -> list[tuple[str, Any]]:
    """The variables that belong to a layer itself, by name; equal names are numbered.

    So are those that Keras made up, "variable_7".
    """
    inside = {id(weight) for one in sublayers(layer) for weight in one.weights}
    counts: dict[str, int] = {}
    named = []
    for weight in layer.weights:
        if id(weight) not in inside:
            name = re.sub(r"^variable_\d+$", "variable", weight.name)
            count = counts[name] = counts.get(name, -1) + 1
            named.append((f"{name}_{count}" if count else name, weight))
    return named


def _calls(layer: Any) -> dict[int, int] | None:
    """The numbers of the first calls of a functional model's layers; none for a Sequential's.

    None for other layers.

    `model.layers` is ordered by the way to the outputs. In which order the calls were written is
    known from the numbers in the names of their results, "keras_tensor_17".
    """
    graph = nodes(layer)
    if graph is None:
        return {} if isinstance(layer, keras.Sequential) else None
    calls: dict[int, int] = {}
    for operation, names in graph:
        for name in names:
            number = re.search(r"_(\d+)$", name)
            call = int(number[1]) if number else 0
            calls[id(operation)] = min(call, calls.get(id(operation), call))
    return calls


def _attributes(layer: Any, wanted: set[int], *, private: bool) -> dict[int, tuple[str, ...]]:
    """The attributes that lead to layers: public ones before private, direct before containers."""
    # On the torch backend, modules are kept apart from other attributes.
    attributes = {**vars(layer), **getattr(layer, "_modules", {})}
    found: dict[int, tuple[str, ...]] = {}
    for underscore in (False, True)[: 1 + private]:
        group = {n: one for n, one in attributes.items() if n.startswith("_") is underscore}
        direct = {name: one for name, one in group.items() if isinstance(one, keras.Layer)}
        containers = {name: one for name, one in group.items() if name not in direct}
        for names in (direct, containers):
            for parts, one in _leaves(names):
                if id(one) in wanted:
                    found.setdefault(id(one), parts)
    return found


def _leaves(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The layers in nested lists, tuples and dictionaries."""
    if isinstance(value, keras.Layer):
        yield (), value
        return
    if isinstance(value, Mapping):
        items = [(str(name), one) for name, one in value.items() if name not in _BOOKKEEPING]
    elif isinstance(value, list | tuple):
        items = [(str(i), one) for i, one in enumerate(value)]
    else:
        return
    for name, one in items:
        for parts, leaf in _leaves(one):
            yield (name, *parts), leaf


#: Where Keras keeps layers a second time.
_BOOKKEEPING = frozenset({"_layers", "_tracked", "_tracker", "_modules", "_metrics"})
