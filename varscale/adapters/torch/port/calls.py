"""`plan`, `init_`, `explain`, `check`: what one does with a model, its JAX twin said in words.

All four take the same words. They are written out in each signature, so that every editor shows
them; what they mean is said once, in `init_`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from varscale.adapters.torch.port.apply import TorchPlan
from varscale.adapters.torch.port.model import describe
from varscale.adapters.torch.port.rules import Rule
from varscale.port.build import build
from varscale.port.check import Comparison
from varscale.port.explain import Explanation
from varscale.port.options import Options, said
from varscale.port.slots import Keys, Library, LiftKind
from varscale.port.tree import Names, Style
from varscale.port.trees import AnyTree

__all__ = ["check", "explain", "init_", "plan"]


def init_(
    model: nn.Module,
    key: Keys,
    like: str | Library,
    *,
    names: Names | None = None,
    init: Mapping[str, Any] | None = None,
    layout: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    lift: Mapping[str, LiftKind] | None = None,
    classes: Mapping[type[nn.Module], str] | None = None,
    rules: Mapping[type[nn.Module], Rule] | None = None,
    order: Sequence[str] | None = None,
    style: Style = "compact",
    compiled: bool | None = None,
    expect: AnyTree | None = None,
) -> nn.Module:
    r"""Start a model from exactly the parameters that its JAX twin starts from.

    Everything is decided before the first value is written, and no random state is touched.
    Running averages of normalisations are set to 0 and 1.

    Args:
        model: the twin, whose parameters have shapes and memory.
        key: what the JAX model is initialised with: a seed, a `varscale.Key` or a JAX key; for
            Flax NNX also a mapping from the names of streams.
        like: the JAX library: "flax.linen", "flax.nnx", "haiku", "equinox", or one of
            `varscale.port.libraries` with its options. "torch" leaves all as it is: `explain` says
            what torch itself has drawn.
        names: regular expressions of the twin's modules, and the name of each in JAX, below that
            of the module around it: {r"blocks\.(\d+)": r"encoderblock_\1"}. One that begins with
            "/" is the whole path; "" stands for no module; None leaves the module as it is.
            Default: the names that the library makes.
        init: regular expressions of modules, and the initializer of their kernels, or those of
            several parameters: {r".*fc1": {"bias": varscale.torch.normal(1e-6)}}. Default: the
            library's.
        layout: regular expressions of modules, and what else the JAX layer is made with,
            {"up": {"transpose_kernel": True}}; or for a dense layer after a flattened map the
            map's axes and sizes here, `varscale.port.Flattened("CHW", (256, 4, 4))`.
        params: regular expressions of parameters that belong to no layer, and the JAX path, the
            initializer and, where they are others, JAX's shape and the `varscale.Layout`:
            {"pos": ("pos_embedding", varscale.torch.normal(0.02))}. None leaves it as it is.
        lift: regular expressions of modules under a transform of Flax's, with "scan", "vmap" or
            "jit"; the first group is the module's index: {r"blocks\.(\d+)": "scan"}.
        classes: what classes of modules are called in JAX: {TransformerBlock: "Block"}.
        rules: for classes of layers, functions from the layer to `varscale.port.Twin`s.
        order: the modules in the order in which JAX makes them, where it is another than torch's.
        style: "compact" numbers modules by class; "setup" has the names of attributes.
        compiled: None for the newest JAX's values, eager; True for those under `jax.jit`; False
            for the eager ones of jax <= 0.10.
        expect: the JAX model's parameters, their shapes, or a file; then names are compared too.

    Returns:
        The model.

    Raises:
        TypeError: not a module, or not a key, or an argument of another type.
        ValueError: the two models do not fit (the message lists both sides), an expression matches
            nothing (the message lists what is like it), or a parameter or a running average has no
            shape or no memory yet. Nothing has been written then.

    Example:
        >>> import torch, varscale.torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 2))
        >>> _ = varscale.torch.init_(model, key=0, like="flax.linen", names={"1": "head"})
        >>> torch.equal(model[0].bias, torch.zeros(8))  # Flax's default
        True
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
    model: nn.Module,
    key: Keys,
    like: str | Library,
    *,
    names: Names | None = None,
    init: Mapping[str, Any] | None = None,
    layout: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    lift: Mapping[str, LiftKind] | None = None,
    classes: Mapping[type[nn.Module], str] | None = None,
    rules: Mapping[type[nn.Module], Rule] | None = None,
    order: Sequence[str] | None = None,
    style: Style = "compact",
    compiled: bool | None = None,
    expect: AnyTree | None = None,
) -> TorchPlan:
    """Decide how a model starts, as `init_` does, and do nothing yet.

    Args:
        model: the twin; its parameters may be on the meta device.
        key: see `init_`, as all that follow.
        like: the JAX library.
        names: JAX names of modules.
        init: initializers.
        layout: how JAX's layers are made.
        params: parameters of no layer.
        lift: transforms.
        classes: JAX names of classes.
        rules: rules for layers.
        order: JAX's order.
        style: how modules are named that `names` does not name.
        compiled: JAX's rounding.
        expect: the JAX model's parameters.

    Returns:
        The plan, which can be carried out in parts, explained, and checked.

    Raises:
        TypeError: as `init_`.
        ValueError: as `init_`.

    Example:
        >>> import torch, varscale.torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8, device="meta"))
        >>> varscale.torch.plan(model, 0, "flax.linen").draw("0.weight").shape
        torch.Size([8, 4])
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
    model: nn.Module,
    key: Keys,
    like: str | Library,
    *,
    names: Names | None = None,
    init: Mapping[str, Any] | None = None,
    layout: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    lift: Mapping[str, LiftKind] | None = None,
    classes: Mapping[type[nn.Module], str] | None = None,
    rules: Mapping[type[nn.Module], Rule] | None = None,
    order: Sequence[str] | None = None,
    style: Style = "compact",
    compiled: bool | None = None,
    expect: AnyTree | None = None,
) -> Explanation:
    """Show how `init_` would start a model: what goes where, from which key, of which law.

    Args:
        model: the twin; its parameters may be on the meta device.
        key: see `init_`, as all that follow.
        like: the JAX library.
        names: JAX names of modules.
        init: initializers.
        layout: how JAX's layers are made.
        params: parameters of no layer.
        lift: transforms.
        classes: JAX names of classes.
        rules: rules for layers.
        order: JAX's order.
        style: how modules are named that `names` does not name.
        compiled: JAX's rounding.
        expect: the JAX model's parameters.

    Returns:
        A table: `print` it, let a notebook show it, or write its `.html()` to a file.

    Raises:
        TypeError: as `init_`.
        ValueError: as `init_`.

    Example:
        >>> import torch, varscale.torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8, device="meta"))
        >>> table = varscale.torch.explain(model, 0, like="flax.linen")
        >>> table.rows[0].path, table.rows[0].fans, table.rows[0].stddev
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
    model: nn.Module,
    tree: AnyTree,
    like: str | Library,
    *,
    key: Keys | None = None,
    names: Names | None = None,
    init: Mapping[str, Any] | None = None,
    layout: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    lift: Mapping[str, LiftKind] | None = None,
    classes: Mapping[type[nn.Module], str] | None = None,
    rules: Mapping[type[nn.Module], Rule] | None = None,
    order: Sequence[str] | None = None,
    style: Style = "compact",
    compiled: bool | None = None,
    expect: AnyTree | None = None,
) -> Comparison:
    """Compare a model's present values with a dumped tree of its JAX twin's.

    Args:
        model: the twin.
        tree: JAX's parameters, or a file of them: .npz, .safetensors or Flax's .msgpack.
        like: see `init_`, as all that follow.
        key: what the JAX model was initialised with, if it is known: then a difference can be
            traced to a wrong counter, name, seed or setting.
        names: JAX names of modules.
        init: initializers.
        layout: how JAX's layers are made.
        params: parameters of no layer.
        lift: transforms.
        classes: JAX names of classes.
        rules: rules for layers.
        order: JAX's order.
        style: how modules are named that `names` does not name.
        compiled: JAX's rounding.
        expect: the JAX model's parameters.

    Returns:
        The comparison: `.ok`, `.raise_()` for tests, and `str()` for what differs and why.

    Raises:
        TypeError: as `init_`, or tree is none.
        ValueError: as `init_`, or a file of another kind.

    Example:
        >>> import torch, varscale.torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8))
        >>> _ = varscale.torch.init_(model, 0, "flax.linen")
        >>> kernel, bias = model[0].weight.detach().numpy().T, model[0].bias.detach().numpy()
        >>> dumped = {"params": {"Dense_0": {"kernel": kernel, "bias": bias}}}
        >>> print(varscale.torch.check(model, dumped, like="flax.linen"))
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
    model: nn.Module,
    key: Keys,
    like: str | Library,
    options: Options,
) -> TorchPlan:
    described = describe(model, options.rules, options.classes)
    return TorchPlan(model, build(described, key, like, options), key)
