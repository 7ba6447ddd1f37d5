"""Carrying out a recipe's program for a key: every value, made or to be made.

Keys and small arrays are computed at once; all else becomes tensors (`varscale.recipe.tensors`),
which are made where they are wanted. What each operation does to a value is in
`varscale.recipe.steps`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from varscale.recipe.fields import ELEMENTWISE
from varscale.recipe.operations import Operation
from varscale.recipe.steps import STEPS, Keys, Value, as_array, as_tensor, elementwise_step, stack

__all__ = ["run"]


def run(
    program: Sequence[Operation], given: Sequence[Value], *, partitionable: bool
) -> list[Value]:
    """All values of a program, the given ones first.

    Args:
        program: operations whose inputs are what they must be (`operations.kinds_of`).
        given: the values that it begins with.
        partitionable: of keys that are made of words, see `varscale.Key`.
    """
    values = list(given)
    for operation in program:
        inputs = [values[number] for number in operation.inputs]
        if operation.name == "scan":
            values += _scan(operation.fields, inputs, partitionable)
        elif operation.name == "wrap":
            values.append(Keys(as_array(inputs[0]), partitionable))
        elif operation.name == "unwrap":
            values.append(cast(Keys, inputs[0]).words)
        elif operation.name in ELEMENTWISE:
            values.append(elementwise_step(operation.name, inputs))
        else:
            values.append(STEPS[operation.name](operation.fields, *inputs))
    return values


def _scan(fields: Mapping[str, Any], inputs: Sequence[Value], partitionable: bool) -> list[Value]:
    n = fields["consts"]
    consts, carry = inputs[:n], list(inputs[n : n + fields["carry"]])
    rows = inputs[n + len(carry) :]
    steps = range(fields["length"])
    collected: list[list[Value]] = []
    for step in reversed(steps) if fields["reverse"] else steps:
        given = [*consts, *carry, *(_row(one, step) for one in rows)]
        values = run(fields["body"], given, partitionable=partitionable)
        results = [values[number] for number in fields["results"]]
        carry, kept = results[: len(carry)], results[len(carry) :]
        collected.append(kept)
    if fields["reverse"]:
        collected.reverse()
    return [*carry, *map(stack, zip(*collected, strict=True))]


def _row(value: Value, step: int) -> Value:
    if isinstance(value, Keys):
        return value.moved(value.words[step])
    if isinstance(value, np.ndarray):
        return np.asarray(value[step])
    shape = value.shape[1:]
    row = as_tensor(value).sliced((step, *(0 for _ in shape)), (step + 1, *shape))
    return cast(Value, row.reshaped(shape))
