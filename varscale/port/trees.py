"""Trees of JAX parameters as flat dictionaries by path, and the shapes of what is in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from varscale.arguments import as_shape, check_kind
from varscale.dtypes import FLOATS
from varscale.port.files import read_file

__all__ = ["AnyTree", "Tree", "as_array", "flatten", "read", "shapes"]

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


def read(tree: AnyTree, name: str = "tree") -> Tree:
    """The leaves of a tree: {"Dense_0": {"kernel": x}} has one, "Dense_0/kernel".

    Taken for what they stand for: {"params": ..., "batch_stats": ...} as `model.init` returns it;
    keys that are paths, separated by "/" or, in a flat mapping, by "."; numbers as names, and
    lists of mappings; {"value": x} in the place of every x. None is no leaf.

    Args:
        tree: the tree.
        name: what an error calls it.

    Raises:
        TypeError: not a mapping, and not the path of a file.
        ValueError: two leaves have the same path, or the file is of an unknown kind.

    Example:
        >>> read({"params.Dense_0.kernel": 1, "batch_stats.BatchNorm_0.mean": 2})
        Tree(params={'Dense_0/kernel': 1}, others={'batch_stats/BatchNorm_0/mean': 2})
    """
    given = read_file(tree, name) if isinstance(tree, str | os.PathLike) else tree
    said = "a mapping from names or paths, or the path of a file"
    check_kind(name, given, Mapping, said)
    leaves: dict[str, Any] = {}
    for names, leaf in _leaves(given, ()):
        path = "/".join(names)
        if path in leaves:
            raise ValueError(f"{name} must have each path once, got {path!r} twice")
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
    """The shapes of what is expected: arrays, `jax.ShapeDtypeStruct`s, or shapes themselves.

    Raises:
        TypeError: a leaf that is none of these; or see `read`.
        ValueError: see `read`.
    """
    found = {}
    for path, leaf in read(tree, "expect").params.items():
        try:
            found[path] = as_shape(getattr(leaf, "shape", leaf))
        except TypeError:
            raise TypeError(
                f"expect must have arrays or their shapes, got {type(leaf).__name__} at {path!r}"
            ) from None
    return found


def as_array(path: str, leaf: Any) -> np.ndarray[Any, Any]:
    """A leaf as NumPy's array.

    Raises:
        TypeError: not an array of numbers.
    """
    try:
        array = np.asarray(leaf)
        numbers = array.dtype.kind in "biufc" or array.dtype in FLOATS
        why = f"of dtype {array.dtype}"
    except (TypeError, ValueError, RuntimeError) as error:
        numbers, why = False, str(error)
    if not numbers:
        raise TypeError(
            f"tree must have arrays of numbers, got {type(leaf).__name__} at {path!r}: {why}"
        )
    return array


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
