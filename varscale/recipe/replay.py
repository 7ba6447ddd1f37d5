"""`replay`: a recipe's parameters under a key, as new arrays or in destinations that are given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from varscale.arguments import check_kind
from varscale.keys import Key, KeyLike, as_key, key_data
from varscale.keys import key as key_of_seed
from varscale.layout import Layout
from varscale.recipe.destinations import check, check_apart, write
from varscale.recipe.format import Recipe, check_recipe
from varscale.recipe.program import run
from varscale.recipe.steps import Keys, as_tensor
from varscale.recipe.tensors import Sources, Tensor

__all__ = ["Parameter", "parameters", "replay"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """A parameter under a key; it is made when it is asked for, and not kept.

    Attributes:
        path: its place in the model.
        tensor: what it is made from.
    """

    path: str
    tensor: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """In JAX's layout."""
        return self.tensor.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self.tensor.dtype

    def array(self) -> np.ndarray[Any, Any]:
        """The values, a new array."""
        return self.tensor.values(Sources())

    def fill(self, destination: T, layout: Layout | None = None) -> T:
        """Write the values into a destination.

        Args:
            destination: a NumPy array or a torch tensor, of any strides, or a Keras or TensorFlow
                variable; of this dtype, and this shape unless a layout is given.
            layout: the destination's axes against those of JAX's array.

        Returns:
            The destination.

        Raises:
            TypeError: nothing that can be filled, or of another dtype.
            ValueError: another shape, or what cannot be written.
        """
        check(self.path, self.tensor, destination, layout)
        write(self.tensor, destination, layout)
        return destination

    def blocks(self, limit: int) -> Iterator[np.ndarray[Any, Any]]:
        """The values in row-major order, in blocks of at most `limit` elements, one at a time.

        Raises:
            TypeError: limit is no integer.
            ValueError: limit is less than 1.
        """
        check_kind("limit", limit, int | np.integer, "an integer")
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}")
        return self.tensor.blocks(limit)


def parameters(recipe: Recipe, key: KeyLike) -> dict[str, Parameter]:
    """The parameters of a recipe under a key, in the recipe's order; none is made yet.

    Args:
        recipe: a recipe.
        key: what the init function would be called with: a seed, a key, or two uint32 words. The
            recipe says in which order its bits are drawn (`Recipe.partitionable`).

    Raises:
        TypeError: not a recipe, or not a key.

    Example:
        >>> import varscale
        >>> from varscale.recipe import Operation, Output, Recipe
        >>> import numpy as np
        >>> ones = {"shape": (2, 3), "dtype": np.dtype("float32"), "values": (1.0,)}
        >>> recipe = Recipe(
        ...     typed=True, partitionable=True, x64=False,
        ...     program=(Operation("constant", (), ones),),
        ...     outputs=(Output("scale", 1, (2, 3), np.dtype("float32")),),
        ... )
        >>> parameters(recipe, 0)["scale"].shape
        (2, 3)
    """
    check_recipe(recipe)
    root = _root(recipe, key)
    words = key_data(root)
    given = Keys(words, recipe.partitionable) if recipe.typed else words
    values = run(recipe.program, [given], partitionable=recipe.partitionable)
    return {
        output.path: Parameter(output.path, as_tensor(values[output.value]))
        for output in recipe.outputs
    }


def replay(
    recipe: Recipe,
    key: KeyLike,
    *,
    into: Mapping[str, Any] | None = None,
    layouts: Mapping[str, Layout] | None = None,
) -> dict[str, Any]:
    """Make the parameters of a recipe under a key.

    One after the other: beside what is returned or filled, no more than one of them is in memory,
    and of a scaled draw not even that.

    Args:
        recipe: a recipe.
        key: see `parameters`.
        into: where each parameter goes, by path; see `Parameter.fill`. Others are not made.
        layouts: the layout of a destination, by path; default: JAX's.

    Returns:
        The parameters by path: new arrays in JAX's layout, or the destinations.

    Raises:
        KeyError: the recipe has no such parameter.
        TypeError: not a recipe, a key or a mapping, or a destination that cannot be filled, or of
            another dtype.
        ValueError: a destination of another shape, without memory, that cannot be written, or
            that shares memory with another; nothing was written.
    """
    made = parameters(recipe, key)
    if into is None:
        if layouts:
            raise ValueError("layouts are those of destinations, and into was not given")
        return {path: parameter.array() for path, parameter in made.items()}
    layouts = {} if layouts is None else layouts
    check_kind("into", into, Mapping, "a mapping from paths to destinations")
    check_kind("layouts", layouts, Mapping, "a mapping from paths to layouts")
    for path in (*into, *layouts):
        if path not in made:
            raise KeyError(f"the recipe has no parameter {path!r}")
        if path not in into:
            raise ValueError(f"a layout is given for {path!r}, but no destination")
    for path, destination in into.items():
        check(path, made[path].tensor, destination, layouts.get(path))
    check_apart(into)
    for path, destination in into.items():
        write(made[path].tensor, destination, layouts.get(path))
    return dict(into)


def _root(recipe: Recipe, key: KeyLike) -> Key:
    if isinstance(key, int | np.integer):
        return key_of_seed(key, x64=recipe.x64, partitionable=recipe.partitionable)
    return replace(as_key(key), partitionable=recipe.partitionable)
