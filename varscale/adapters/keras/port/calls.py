"""`plan`, `init_`, `explain`, `check`: what one does with a model, its JAX twin said in words.

All four take the same words. They are written out in each signature, so that every editor shows
them; what they mean is said once, in `init_`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from varscale.adapters.keras.port.apply import KerasPlan
from varscale.adapters.keras.port.model import FRAMEWORK, describe
from varscale.adapters.keras.port.rules import Rule
from varscale.port.build import build
from varscale.port.check import Comparison
from varscale.port.explain import Explanation
from varscale.port.libraries import named
from varscale.port.options import Options, said
from varscale.port.slots import Keys, Library, LiftKind, Style
from varscale.port.tree import Names, scheme_of
from varscale.port.trees import AnyTree

__all__ = ["check", "explain", "init_", "plan"]


def init_(
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
    expect: AnyTree | None = None,
) -> Any:
    r"""Start a built Keras model from exactly the parameters that its JAX twin starts from.

    Everything is decided before the first variable is written. Moving averages start at 0 and 1.

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
            options. "keras" leaves all as it is: `explain` says what Keras itself has drawn.
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
        The model.

    Raises:
        TypeError: model is no Keras layer, or an argument is of another type.
        ValueError: a layer is not built, or has no twin; a variable is not covered; an expression
            matches nothing; the two models do not fit. The message lists what is unmatched, and
            nothing has been written.

    Example:
        >>> import keras, varscale.keras
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
        >>> shapes = {"Dense_0/kernel": (3, 4), "Dense_0/bias": (4,)}
        >>> model = varscale.keras.init_(model, 0, like="flax.linen", expect=shapes)
    """
    options = said(
        names=names,
        init=init,
        layout=layout,
        params=params,
        lift=lift,
        classes=classes,
        rules=rules,
        order=order,
        style=style,
        compiled=compiled,
        expect=expect,
    )
    _planned(model, key, like, options).fill_()
    return model


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
    expect: AnyTree | None = None,
) -> KerasPlan:
    """Decide how a model starts, as `init_` does, and do nothing yet.

    Args:
        model: a built Keras model or layer, of any backend.
        key: see `init_`, as all that follow.
        like: the JAX library.
        names: JAX names of layers.
        init: initializers.
        layout: how JAX's layers are made.
        params: variables of no layer.
        lift: transforms.
        classes: JAX names of classes.
        rules: rules for layers.
        order: JAX's order.
        style: how layers are named that `names` does not name.
        compiled: JAX's rounding.
        expect: the JAX model's parameters.

    Returns:
        The plan, which can be carried out in parts, explained, and checked.

    Raises:
        TypeError: as `init_`.
        ValueError: as `init_`.

    Example:
        >>> import keras, varscale.keras
        >>> layers = [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2, name="head")]
        >>> model = keras.Sequential(layers)
        >>> start = varscale.keras.plan(model, 0, "flax.linen", names={"head": "head"})
        >>> sorted(start.plan.shapes())
        ['Dense_0/bias', 'Dense_0/kernel', 'head/bias', 'head/kernel']
        >>> start.fill_("head.kernel")
    """
    options = said(
        names=names,
        init=init,
        layout=layout,
        params=params,
        lift=lift,
        classes=classes,
        rules=rules,
        order=order,
        style=style,
        compiled=compiled,
        expect=expect,
    )
    return _planned(model, key, like, options)


def explain(
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
    expect: AnyTree | None = None,
) -> Explanation:
    """Show how `init_` would start a model: what goes where, from which key, of which law.

    Args:
        model: a built Keras model or layer, of any backend.
        key: see `init_`, as all that follow.
        like: the JAX library.
        names: JAX names of layers.
        init: initializers.
        layout: how JAX's layers are made.
        params: variables of no layer.
        lift: transforms.
        classes: JAX names of classes.
        rules: rules for layers.
        order: JAX's order.
        style: how layers are named that `names` does not name.
        compiled: JAX's rounding.
        expect: the JAX model's parameters.

    Returns:
        A table: `print` it, let a notebook show it, or write its `.html()` to a file.

    Raises:
        TypeError: as `init_`.
        ValueError: as `init_`.

    Example:
        >>> import keras, varscale.keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
        >>> row = varscale.keras.explain(model, 0, like="flax.linen").rows[0]
        >>> row.path, row.fans, row.stddev
        ('Dense_0/kernel', (4.0, 8.0), 0.5)
    """
    options = said(
        names=names,
        init=init,
        layout=layout,
        params=params,
        lift=lift,
        classes=classes,
        rules=rules,
        order=order,
        style=style,
        compiled=compiled,
        expect=expect,
    )
    return _planned(model, key, like, options).explain()


def check(
    model: Any,
    tree: AnyTree,
    like: str | Library,
    *,
    key: Keys | None = None,
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
    expect: AnyTree | None = None,
) -> Comparison:
    """Compare a model's present values with a dumped tree of its JAX twin's.

    Args:
        model: a built Keras model or layer, of any backend.
        tree: JAX's parameters, or a file of them: .npz, .safetensors or Flax's .msgpack.
        like: see `init_`, as all that follow.
        key: what the JAX model was initialised with, if it is known: then a difference can be
            traced to a wrong counter, name, seed or setting.
        names: JAX names of layers.
        init: initializers.
        layout: how JAX's layers are made.
        params: variables of no layer.
        lift: transforms.
        classes: JAX names of classes.
        rules: rules for layers.
        order: JAX's order.
        style: how layers are named that `names` does not name.
        compiled: JAX's rounding.
        expect: the JAX model's parameters.

    Returns:
        The comparison: `.ok`, `.raise_()` for tests, and `str()` for what differs and why.

    Raises:
        TypeError: as `init_`, or tree is none.
        ValueError: as `init_`, or a file of another kind.

    Example:
        >>> import keras, varscale.keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
        >>> start = varscale.keras.plan(model, 0, "flax.linen")
        >>> start.fill_()
        >>> kernel, bias = map(start.draw, start.variables)
        >>> dumped = {"params": {"Dense_0": {"kernel": kernel, "bias": bias}}}
        >>> print(varscale.keras.check(model, dumped, like="flax.linen"))
        all 2 are equal, 40 values, bit for bit
    """
    options = said(
        names=names,
        init=init,
        layout=layout,
        params=params,
        lift=lift,
        classes=classes,
        rules=rules,
        order=order,
        style=style,
        compiled=compiled,
        expect=expect,
    )
    made = _planned(model, 0 if key is None else key, like, options)
    return replace(made, key=key).check(tree)


def _planned(
    model: Any,
    key: Keys,
    like: str | Library,
    options: Options,
) -> KerasPlan:
    flat = like == FRAMEWORK or not scheme_of(named(like, FRAMEWORK), options.style).sequential
    described = describe(model, options.rules, options.classes, flat=flat)
    described.refuse_made_up(pattern for _, one in options.patterns for pattern in one.said)
    made = build(described.model, key, like, options)
    return KerasPlan(model, made, described.variables, key, described.owners)
