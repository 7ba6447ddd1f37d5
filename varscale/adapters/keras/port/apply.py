"""`init_` and `plan`: how a Keras model starts, decided, and carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from varscale.adapters.keras.port.model import describe
from varscale.adapters.keras.port.rules import Rule
from varscale.draws import fill
from varscale.dtypes import DTypeLike, as_dtype
from varscale.port.build import build
from varscale.port.libraries import named
from varscale.port.options import Options
from varscale.port.plan import Plan
from varscale.port.slots import Keys, Library, LiftKind, Style
from varscale.port.tree import Names

__all__ = ["KerasPlan", "init_", "plan"]


@dataclass(frozen=True, eq=False)
class KerasPlan:
    """How a Keras model starts, decided and not yet done.

    Attributes:
        model: the model.
        plan: what goes where, as plain data.
        variables: the model's variables, by the names that they have here.
    """

    model: Any
    plan: Plan
    variables: Mapping[str, Any]

    def fill_(self, *names: str) -> None:
        """Assign the variables' values, one variable at a time.

        Args:
            names: the variables to fill, in any order; default: all, and the moving averages of
                normalisations. A variable's values depend on nothing else.

        Raises:
            KeyError: no such variable, or one that is left as it is.
            ValueError: a variable of a dtype that its initializer cannot draw. Nothing has been
                written then.
        """
        chosen = names or tuple(dict.fromkeys(row.to for row in self.plan.rows))
        for name in chosen:
            for row in self.plan.of(name):
                try:
                    row.draw(as_dtype(self.variables[name].dtype))
                except (NotImplementedError, TypeError, ValueError) as error:
                    raise ValueError(f"{name}: {error}") from error
        for name in chosen:
            self.variables[name].assign(self.draw(name))
        if not names:
            for name, value in self.plan.constants:
                variable = self.variables[name]
                variable.assign(np.full(variable.shape, value, as_dtype(variable.dtype)))

    def draw(self, name: str, dtype: DTypeLike | None = None) -> np.ndarray[Any, Any]:
        """A new NumPy array with one variable's values.

        Args:
            name: the variable.
            dtype: another dtype than the variable's; its values are another draw.

        Raises:
            KeyError: no such variable, or one that is left as it is.
        """
        rows, variable = self.plan.of(name), self.variables[name]
        array = np.empty(tuple(variable.shape), as_dtype(dtype or variable.dtype))
        for row in rows:
            part = array[row.index]
            fill(
                row.draw(array.dtype),
                part if row.view is None else _seen(part, row.view),
                row.where,
            )
        return array


def plan(
    model: Any,
    key: Keys,
    like: str | Library,
    *,
    names: Names | None = None,
    init: Mapping[str, Any] | None = None,
    layout: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    lift: Mapping[str, LiftKind] | None = None,
    classes: Mapping[type[Any], str] | None = None,
    rules: Mapping[type[Any], Rule] | None = None,
    order: Sequence[str] | None = None,
    style: Style = "compact",
    compiled: bool | None = None,
    expect: Mapping[str, Any] | None = None,
) -> KerasPlan:
    r"""Decide how a built Keras model starts, as its JAX twin does; nothing is written yet.

    The model's layers are named by the attributes that lead to them ("blocks.0.fc1"), and in
    functional and Sequential models by the names that you gave them ("head"), or else by their
    position in `model.layers` ("layers.3"): names that Keras makes up ("dense_4") depend on what
    else the program has built. Variables have their own names below ("blocks.0.fc1.kernel").
    `KerasPlan.variables` lists all.

    Flax's automatic names (Dense_0, Dense_1) are given in the order in which a functional model
    was written, else in that in which attributes were set. A functional model that was loaded or
    cloned does not know how it was written: there, the order is that of `model.layers`.

    Args:
        model: a built Keras model or layer, of any backend.
        key: what the JAX model is initialised with: a `varscale.Key`, an integer, or a JAX key;
            for Flax NNX also several by their streams' names.
        like: the JAX library, "flax.linen", "flax.nnx", "haiku" or "equinox", or one made with
            options.
        names: regular expressions, matched against the whole name of a layer, and the names of
            the JAX modules below that of the layer's parent: {r"blocks\.(\d+)": r"block_\1"}. One
            that begins with "/" is the whole path; "" is no module of its own; None leaves the
            layer as it is.
        init: regular expressions of layers, and the initializer of the kernel, or a dictionary
            of those of several parameters by their JAX names; default: the library's own.
        layout: regular expressions of layers, and what else the JAX layer is made with:
            {"transpose_kernel": True} of ConvTranspose, {"einsum": True} where an EinsumDense is
            an `nn.Einsum`; or `varscale.port.Flattened`.
        params: regular expressions of variables that belong to no layer of Keras', and a tuple of
            the JAX path, the initializer and, where they are others, JAX's shape and the `Layout`;
            None leaves the variable as it is.
        lift: regular expressions of layers, and "scan", "vmap" or "jit", which is around the
            module in JAX; the first group is the index in the stack.
        classes: layer classes, and what they are called in JAX, where automatic names need it.
        rules: layer classes, and functions that say which JAX layers such a layer is.
        order: the layers in the order in which JAX makes them, where it is another.
        style: "compact" numbers modules by class; "setup" takes the names as they are here.
        compiled: which of JAX's own roundings (see `varscale.initializers.VarianceScaling`).
        expect: the JAX model's parameters, or their shapes, by path; what does not fit is an error.

    Returns:
        The plan: `.plan` is what goes where, `.fill_()` carries it out.

    Raises:
        TypeError: model is no Keras layer, or an argument is of another type.
        ValueError: a layer is not built, or has no twin; a variable is not covered; an expression
            matches nothing; the two models do not fit. The message lists what is unmatched.

    Example:
        >>> import keras, varscale.keras
        >>> layers = [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2, name="head")]
        >>> model = keras.Sequential(layers)
        >>> start = varscale.keras.plan(model, 0, "flax.linen", names={"head": "head"})
        >>> sorted(start.plan.shapes())
        ['Dense_0/bias', 'Dense_0/kernel', 'head/bias', 'head/kernel']
        >>> start.fill_("head.kernel")
    """
    options = Options(
        names or {},
        init or {},
        layout or {},
        params or {},
        lift or {},
        style,
        order,
        compiled,
        expect,
    )
    library = named(like)
    scheme = library.schemes.get(style, next(iter(library.schemes.values())))
    described = describe(model, rules or {}, classes or {}, flat=not scheme.sequential)
    described.refuse_made_up((*options.names, *options.init, *options.layout, *options.lift))
    return KerasPlan(model, build(described.model, key, library, options), described.variables)


def init_(model: Any, key: Keys, like: str | Library, **options: Any) -> Any:
    """Start a built Keras model from exactly the parameters of its JAX twin.

    Everything is decided before the first variable is written. Moving averages start at 0 and 1.

    Args:
        model: a built Keras model or layer, of any backend.
        key: what the JAX model is initialised with.
        like: the JAX library, "flax.linen", "flax.nnx", "haiku" or "equinox".
        options: those of `plan`.

    Returns:
        The model.

    Raises:
        TypeError: as `plan`.
        ValueError: as `plan`.

    Example:
        >>> import keras, varscale.keras
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
        >>> shapes = {"Dense_0/kernel": (3, 4), "Dense_0/bias": (4,)}
        >>> model = varscale.keras.init_(model, 0, like="flax.linen", expect=shapes)
    """
    plan(model, key, like, **options).fill_()
    return model


def _seen(part: np.ndarray[Any, Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """A view of another shape; never a copy, which would be filled in vain."""
    view = part.reshape(shape)
    if part.size and not np.may_share_memory(view, part):
        raise ValueError(f"a part of shape {part.shape} cannot be seen as {shape} in place")
    return view
