"""A recipe's parameters against those that JAX itself makes, for several keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.core.compare import agree
from tests.core.oracle import EXACT, VERSION, jax
from varscale import recipe

__all__ = ["EVERY_BIT", "compare", "recorded", "wanted"]

#: Whether this JAX's values are functions of key and position alone: since 0.11, XLA's compiler
#: rounds some short rows, and some that it compiles in loops, in another way (docs/exactness.md).
EVERY_BIT = EXACT and VERSION < (0, 11)

#: Beside the one that the recipe is recorded with.
SEEDS = (0, 7, 2**32 - 1)


def wanted(function: Callable[[Any], Any], key: Any) -> list[np.ndarray[Any, Any]]:
    """The arrays that a function makes, in the order of its leaves; keys are left out."""
    leaves = jax.tree_util.tree_leaves(function(key))
    return [
        np.asarray(leaf)
        for leaf in leaves
        if isinstance(leaf, jax.Array)
        and not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    ]


def recorded(function: Callable[[Any], Any], **options: Any) -> recipe.Recipe:
    """A recipe that went through its file; this module compares it, and `record` does not."""
    made = recipe.record(function, **{"verify": False, **options})
    text = recipe.dumps(made)
    read = recipe.loads(text)
    assert recipe.dumps(read) == text
    return read


def compare(
    function: Callable[[Any], Any],
    *,
    make: Callable[[int], Any] = jax.random.key,
    compiled: bool = False,
) -> recipe.Recipe:
    """Fail unless the recipe of a function gives JAX's bits for every seed."""
    made = recorded(function, key=make(3), compiled=compiled)
    reference = jax.jit(function) if compiled else function
    for seed in SEEDS:
        got = recipe.replay(made, seed)
        want = wanted(reference, make(seed))
        assert len(got) == len(want)
        for (path, array), expected in zip(got.items(), want, strict=True):
            case = f"{path}, seed {seed}, compiled={compiled}"
            agree(array, expected, case, exact=EVERY_BIT)
    return made
