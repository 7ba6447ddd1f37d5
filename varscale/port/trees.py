"""Trees of JAX parameters as flat dictionaries by path, and the shapes of what is in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from varscale.port.files import read_file

__all__ = ["AnyTree", "Tree", "flatten", "read", "shapes"]

#: Nested mappings, a flat mapping from paths, or a file of either; see `varscale.port.files`.
AnyTree: TypeAlias = Mapping[Any, Any] | str | os.PathLike[str]

#: The collection that a library keeps parameters in; no path here begins with it.
_PARAMS = "params"
#: What some dumps of Flax NNX's states call the array of each parameter.
_VALUE = "value"


@dataclass(frozen=True)
class Tree:
    """The leaves of a tree by path.

    Attributes:
        params: of the parameters, "Dense_0/kernel", without what is around all of them.
        others: of the collections beside them, "batch_stats/BatchNorm_0/mean".
    """

    params: dict[str, Any]
    others: dict[str, Any]


def read(tree: AnyTree) -> Tree:
    """The leaves of a tree: {"Dense_0": {"kernel": x}} has one, "Dense_0/kernel".

    Taken for what they stand for: {"params": ..., "batch_stats": ...} as `model.init` returns it;
    keys that are paths, separated by "/" or, in a flat mapping, by "."; numbers as names, and
    lists of mappings; {"value": x} in the place of every x. None is no leaf.

    Raises:
        TypeError: not a mapping, and not the path of a file.
        ValueError: two leaves have the same path, or the file is of an unknown kind.

    Example:
        >>> read({"params.Dense_0.kernel": 1, "batch_stats.BatchNorm_0.mean": 2})
        Tree(params={'Dense_0/kernel': 1}, others={'batch_stats/BatchNorm_0/mean': 2})
    """
    given = read_file(tree) if isinstance(tree, str | os.PathLike) else tree
    if not isinstance(given, Mapping):
        raise TypeError(
            "params must be a mapping from names or paths, or the path of a file, got "
            f"{type(given).__name__}"
        )
    leaves: dict[str, Any] = {}
    for names, leaf in _leaves(given, ()):
        path = "/".join(names)
        if path in leaves:
            raise ValueError(f"params must have each path once, got {path!r} twice")
        leaves[path] = leaf
    if leaves and all(path.endswith(f"/{_VALUE}") for path in leaves):
        leaves = {path.removesuffix(f"/{_VALUE}"): leaf for path, leaf in leaves.items()}
    prefix = f"{_PARAMS}/"
    around = {path for path in leaves if path.startswith(prefix)}
    if not around:
        return Tree(leaves, {})
    return Tree(
        {path.removeprefix(prefix): leaves[path] for path in leaves if path in around},
        {path: leaves[path] for path in leaves if path not in around},
    )


def flatten(tree: AnyTree) -> dict[str, Any]:
    """The parameters of a tree by path; see `read`."""
    return read(tree).params


def shapes(tree: AnyTree) -> dict[str, tuple[int, ...]]:
    """The shapes of a tree's leaves: arrays, `jax.ShapeDtypeStruct`s, or shapes themselves."""
    return {
        path: tuple(leaf.shape) if hasattr(leaf, "shape") else tuple(leaf)
        for path, leaf in flatten(tree).items()
    }


def _leaves(
    tree: Mapping[Any, Any], above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The leaves of nested mappings, with the names on the way."""
    dotted = not above and _is_dotted(tree)
    for name, child in tree.items():
        names = (*above, *str(name).split(".")) if dotted else (*above, str(name))
        if isinstance(child, list | tuple) and child and all(map(_is_mapping, child)):
            child = dict(enumerate(child))
        if isinstance(child, Mapping):
            yield from _leaves(child, names)
        elif child is not None:
            yield names, child


def _is_dotted(tree: Mapping[Any, Any]) -> bool:
    """Whether a flat mapping's keys are paths separated by dots."""
    names = [str(name) for name in tree]
    flat = not any(isinstance(child, Mapping | list) for child in tree.values())
    return flat and any("." in name for name in names) and not any("/" in name for name in names)


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)
