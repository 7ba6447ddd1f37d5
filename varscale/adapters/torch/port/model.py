"""A torch module as the core sees it: a tree of rules' findings, and the shapes of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from varscale.adapters.torch.port.rules import Rule, rule_for
from varscale.port.options import Model
from varscale.port.places import as_twins
from varscale.port.tree import Node

__all__ = ["describe", "memory", "original_class"]

#: What a parametrized module keeps its own values in; its parameters have the module's names.
_PARAMETRIZATIONS = "parametrizations"


def describe(
    module: nn.Module,
    rules: Mapping[type[nn.Module], Rule],
    classes: Mapping[type[nn.Module], str],
) -> Model:
    """The module as plain data.

    Args:
        module: with parameters of known shapes.
        rules: the user's, which come before those of torch.nn.
        classes: the classes' names in JAX, where they are others.

    Raises:
        TypeError: not a module.
        ValueError: a lazy parameter, whose shape is not known yet.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(module).__name__}")
    shapes: dict[str, tuple[int, ...]] = {}
    parameters: list[str] = []
    first: dict[Any, str] = {}
    tied: dict[str, str] = {}
    for name, tensor, is_parameter in _tensors(module):
        if torch.nn.parameter.is_lazy(tensor):
            raise ValueError(f"{name} is lazy, without a shape: run the model once first")
        shapes[name] = tuple(tensor.shape)
        if not is_parameter:
            continue
        own = memory(tensor)
        if own in first:
            tied[name] = first[own]
        else:
            first[own] = name
            parameters.append(name)
    root = _node("", module, rules, classes, set())
    return Model("torch", root, shapes, parameters, tied)


def memory(tensor: torch.Tensor) -> Any:
    """What tells a parameter from another: its memory, or itself where it has none."""
    address = 0 if tensor.is_meta else tensor.data_ptr()
    return (address, tensor.shape, tensor.stride()) if address else id(tensor)


def _tensors(module: nn.Module) -> list[tuple[str, torch.Tensor, bool]]:
    """Every parameter under its module's name for it, and the buffers; ties have several names."""
    found: list[tuple[str, torch.Tensor, bool]] = []
    for at, one in module.named_modules(remove_duplicate=False):
        # A parametrization's own parameters are the model's; its list has the module's values.
        if isinstance(one, parametrize.ParametrizationList):
            continue
        named = [(name, tensor, True) for name, tensor in one._parameters.items()]
        if parametrize.is_parametrized(one):
            lists: Any = one.parametrizations
            named += [(name, getattr(one, name).detach(), True) for name in lists]
        named += [(name, tensor, False) for name, tensor in one._buffers.items()]
        found += [
            (f"{at}.{name}" if at else name, tensor, is_parameter)
            for name, tensor, is_parameter in named
            if tensor is not None
        ]
    return found


def _node(
    at: str,
    module: nn.Module,
    rules: Mapping[type[nn.Module], Rule],
    classes: Mapping[type[nn.Module], str],
    seen: set[int],
) -> Node:
    _refuse_wrapped(at, module)
    seen.add(id(module))
    kind = original_class(module)
    name = next((classes[cls] for cls in kind.__mro__ if cls in classes), None)
    rule = rule_for(module, rules)
    if rule is not None:
        found = as_twins(rule(module), at, kind.__name__)
        return Node(at, name or kind.__name__, found, layer_name=name)
    children = tuple(
        _node(f"{at}.{below}" if at else below, child, rules, classes, seen)
        for below, child in module.named_children()
        if below != _PARAMETRIZATIONS and id(child) not in seen
    )
    # A subclass is a module of the user's, which JAX has as one.
    if kind is nn.Sequential and name is None:
        return Node(at, kind.__name__, (), children, "sequential")
    if kind in (nn.ModuleList, nn.ModuleDict) and name is None:
        return Node(at, kind.__name__, (), children, "list")
    return Node(at, name or kind.__name__, (), children, free=bool(module._parameters))


def _refuse_wrapped(at: str, module: nn.Module) -> None:
    """Refuse a wrapper, which JAX has no module for; the names inside would not be the model's."""
    inside = next((name for name in ("_orig_mod", "module") if name in module._modules), None)
    if inside and type(module).__module__.startswith("torch."):
        raise ValueError(
            f"{at or 'the model'} is wrapped in a {type(module).__name__}: give the module inside, "
            f".{inside}, which has the same parameters"
        )


def original_class(module: nn.Module) -> type[nn.Module]:
    """The class that was written; a parametrized module has one made from it."""
    return type(module).__mro__[1] if parametrize.is_parametrized(module) else type(module)
