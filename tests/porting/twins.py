"""What a twin must be after `init_`: JAX's values, bit for bit, each in its place."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.core.compare import assert_identical
from tests.torch.tensors import as_numpy, torch
from varscale.port.trees import flatten

__all__ = ["assert_same_outputs", "assert_same_parameters", "parts", "poison"]

#: Outputs sum up to some hundred float32 products in another order, of numbers about 1.
TOLERANCE = 2e-5


def poison(model: Any) -> None:
    """NaN everywhere: what is not written is seen."""
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.fill_(torch.nan if tensor.is_floating_point() else -1)


def parts(plan: Any, params: Any) -> list[tuple[str, Any, Any]]:
    """For each row of a torch plan its name, the twin's memory and JAX's values of that part."""
    leaves, found = flatten(params), []
    for row in plan.plan.rows:
        memory = as_numpy(plan.model.get_parameter(row.to))[row.index]
        memory = memory if row.view is None else memory.reshape(row.view)
        if row.path:
            whole = np.asarray(leaves[row.path])[row.stack].reshape(-1)
            steps = np.ix_(*(np.arange(n) for n in row.where.extent))
            positions = row.where.offset + sum(
                (step * stride for step, stride in zip(steps, row.where.strides, strict=True)),
                np.zeros(row.where.extent, int),
            )
            # What JAX's layer adds in its forward pass, as to an LSTM's forget gate.
            plus = 0.0 if row.init == row.param.init else row.init.value - row.param.init.value
            want = (whole[positions] + plus).astype(whole.dtype)
        else:
            want = np.full(row.where.extent, row.init.value, memory.dtype)
        found.append((f"{row.to}{list(row.index)} <- {row.path}{list(row.stack)}", memory, want))
    return found


def assert_same_parameters(plan: Any, params: Any) -> None:
    """Every value of the twin is JAX's, and JAX has no other parameters."""
    for name, memory, want in parts(plan, params):
        assert_identical(memory, want, name)
    assert set(plan.plan.shapes()) == set(flatten(params))
    for name, tensor in (*plan.model.named_parameters(), *plan.model.named_buffers()):
        assert not torch.isnan(tensor).any(), f"{name} was not written"


def assert_same_outputs(got: Any, want: Any) -> None:
    """The layouts are right: the same function, to the order of its sums."""
    got, want = as_numpy(got), np.asarray(want)
    assert got.shape == want.shape
    assert np.abs(want).max() > 1e-3, "outputs of nothing show nothing"
    assert np.abs(got - want).max() <= TOLERANCE
