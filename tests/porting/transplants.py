"""Any JAX parameters in a twin's memory, as a plan says: so that forward passes prove the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.porting.twins import assert_same_outputs, assert_same_parameters, poison
from tests.torch.tensors import torch
from varscale.port.trees import flatten

__all__ = ["assert_same_function", "inputs", "scrambled", "spatial", "started", "transplant"]


def started(twin: Any, params: Mapping[str, Any], plan: Callable[[Any], Any]) -> Any:
    """The plan, carried out, after the twin was found to have exactly JAX's parameters."""
    poison(twin)
    decided = plan(twin)
    decided.fill_()
    assert_same_parameters(decided, params)
    return decided


def scrambled(params: Mapping[str, Any], seed: int = 0) -> dict[str, Any]:
    """Other values for all parameters by path: also those that start as constants."""
    random = np.random.default_rng(seed)
    return {
        path: (0.3 * random.standard_normal(np.shape(leaf))).astype(np.float32)
        for path, leaf in flatten(params).items()
    }


def transplant(plan: Any, params: Mapping[str, Any]) -> None:
    """Write parameters of JAX's where the plan would draw them, with what JAX's forward adds."""
    for row in plan.plan.rows:
        if not row.path:
            continue
        flat = np.asarray(params[row.path])[row.stack].reshape(-1)
        steps = np.ix_(*(np.arange(n) for n in row.where.extent))
        at = np.full(row.where.extent, row.where.offset)
        for step, stride in zip(steps, row.where.strides, strict=True):
            at = at + step * stride
        plus = 0.0 if row.init == row.param.init else row.init.value - row.param.init.value
        memory = plan.model.get_parameter(row.to).detach()[row.index]
        memory = memory if row.view is None else memory.view(row.view)
        memory.copy_(torch.from_numpy(flat[at] + np.float32(plus)))


def spatial(layer: Any) -> bool:
    """Whether a torch layer has channels before space, where JAX's has them last."""
    nn = torch.nn
    kinds = nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.GroupNorm
    return isinstance(layer, kinds)


def inputs(shape: tuple[int, ...], integers: int = 0) -> np.ndarray[Any, Any]:
    """Numbers of a normal distribution, or integers below a limit."""
    random = np.random.default_rng(0)
    if integers:
        return random.integers(integers, size=shape)
    return random.standard_normal(shape, np.float32)


def assert_same_function(
    layer: Any,
    x: np.ndarray[Any, Any],
    want: Any,
    forward: Callable[[Any, Any], Any] | None = None,
    *,
    channels_first: bool = False,
) -> None:
    """The twin's outputs are JAX's; channels are moved there and back where JAX has them last."""
    moved = spatial(layer) and not channels_first
    given = torch.from_numpy(np.moveaxis(x, -1, 1).copy() if moved else x.copy())
    with torch.no_grad():
        y = forward(layer, given) if forward else layer(given)
    assert_same_outputs(y.movedim(1, -1) if moved else y, want)
