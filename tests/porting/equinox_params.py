"""Parameters of models of Equinox by path, and plans of their twins.

Importing this skips where Equinox is not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import varscale.torch as door
from tests.core.oracle import EAGER, jax

eqx = pytest.importorskip("equinox", reason="not installed: pip install equinox")

__all__ = ["BIASES", "eqx", "jnp", "jr", "params_of", "planned", "with_params"]

jnp = jax.numpy
jr = jax.random

#: Of attention, which has none by default.
BIASES = {f"use_{name}_bias": True for name in ("query", "key", "value", "output")}


def planned(key: Any = 0, like: Any = "equinox", **options: Any) -> Callable[[Any], Any]:
    return lambda twin: door.plan(twin, key, like, compiled=EAGER, **options)


def _name(part: Any) -> str:
    names = (getattr(part, one, None) for one in ("name", "key", "idx"))
    return str(next(name for name in names if name is not None))


def params_of(model: Any) -> dict[str, Any]:
    leaves = jax.tree_util.tree_flatten_with_path(eqx.filter(model, eqx.is_inexact_array))[0]
    return {"/".join(map(_name, path)): leaf for path, leaf in leaves}


def with_params(model: Any, params: dict[str, Any]) -> Any:
    arrays, rest = eqx.partition(model, eqx.is_inexact_array)
    changed = jax.tree_util.tree_map_with_path(
        lambda path, _: jnp.asarray(params["/".join(map(_name, path))]), arrays
    )
    return eqx.combine(changed, rest)
