"""In-place calls, the second time: all but the key and the memory was decided at the first.

A model has many small parameters of few shapes; what a call costs beside the samples is then most
of its time.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, cast

import numpy as np
import torch

from varscale import draws
from varscale.adapters.torch.dtypes import numpy_dtype
from varscale.adapters.torch.filling import check_destination, fill, untraced
from varscale.initializers import Initializer
from varscale.keys import Key, KeyLike, as_key
from varscale.layout import Layout

__all__ = ["Task", "carry_out", "in_place"]

_P = ParamSpec("_P")

#: Tensors that are nothing else than memory; a subclass may mean anything.
_PLAIN = (torch.Tensor, torch.nn.Parameter)
_seeded = functools.lru_cache(maxsize=1024)(as_key)
#: Kinds of calls that one function remembers.
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Task:
    """What a call asks for.

    Attributes:
        data: what to draw.
        shape: of JAX's array.
        layout: from the tensor's axes to those of JAX's array.
    """

    data: Initializer
    shape: tuple[int, ...]
    layout: Layout | None


@untraced
def carry_out(task: Task, tensor: torch.Tensor, key: KeyLike) -> torch.Tensor:
    """Fill the tensor."""
    _carry_out(task, tensor, key)
    return tensor


def _carry_out(task: Task, tensor: torch.Tensor, key: KeyLike) -> draws.AnyDraw:
    draw = task.data.draw(key, task.shape, numpy_dtype(tensor.dtype))
    fill(draw, tensor, task.layout)
    return draw


def in_place(
    describe: Callable[Concatenate[torch.Tensor, _P], Task],
) -> Callable[Concatenate[torch.Tensor, _P], torch.Tensor]:
    """Make the function that fills a tensor of one that describes how.

    Args:
        describe: takes the tensor and the public arguments, among them `key`, which it ignores.
    """
    plans: dict[Any, draws.Plan] = {}

    @functools.wraps(describe)
    def call(tensor: torch.Tensor, *args: Any, key: KeyLike = None, **named: Any) -> torch.Tensor:
        if torch.compiler.is_compiling():
            return carry_out(_described(tensor, args, named), tensor, key)
        if type(key) is int:
            key = _seeded(key)
        if type(key) is not Key or type(tensor) not in _PLAIN:
            return carry_out(_described(tensor, args, named), tensor, key)
        try:
            types = (*map(type, args), *map(type, named.values()))
            if tuple in types:  # as keys of a dictionary, the axes (0.0, 1) are (0, 1)
                types += _types_of_items((*args, *named.values()))
            kind = (
                *(args, *named.items(), types),
                *(tensor.dtype, tensor.shape, tensor.stride(), key.partitionable),
            )
            plan = plans.get(kind)
            # A meta tensor's address is 0, and asking what has no memory raises.
            address = tensor.data_ptr() if plan and tensor.is_cpu and not tensor.is_neg() else 0
        except (RuntimeError, TypeError):
            plan, kind, address = None, None, 0
        if plan and address:
            plan.run(key.words, address)
            if not tensor.is_inference():
                torch.autograd.graph.increment_version(tensor)
            return tensor
        task = _described(tensor, args, named)
        draw = _carry_out(task, tensor, key)
        if kind and not plan and tensor.is_cpu and _can_be_told_apart(args, named):
            _remember(plans, kind, draw, tensor, task.layout)
        return tensor

    def _described(tensor: torch.Tensor, args: Any, named: Any) -> Task:
        check_destination(tensor)
        return describe(tensor, *args, **named)

    returns = inspect.signature(describe).replace(return_annotation="torch.Tensor")
    call.__signature__ = returns  # type: ignore[attr-defined]
    return cast(Callable[Concatenate[torch.Tensor, _P], torch.Tensor], call)


def _types_of_items(values: tuple[Any, ...]) -> tuple[type, ...]:
    return tuple(type(item) for one in values if isinstance(one, tuple) for item in one)


def _can_be_told_apart(args: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """As keys of a dictionary, 0.0 and -0.0 are the same."""
    numbers = (one for one in (*args, *named.values()) if isinstance(one, float | np.floating))
    return all(numbers)


def _remember(
    plans: dict[Any, draws.Plan],
    kind: Any,
    draw: draws.AnyDraw,
    tensor: torch.Tensor,
    layout: Layout | None,
) -> None:
    if len(plans) >= _REMEMBERED:
        plans.clear()
    strides = tuple(step * tensor.element_size() for step in tensor.stride())
    plan = draws.plan(draw, tuple(tensor.shape), strides, layout)
    if plan is not None:
        plans[kind] = plan
