"""Parameters of models of Flax NNX by path, and plans of their twins.

Importing this skips where Flax is not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import varscale.torch as door
from tests.core.oracle import EAGER, jax
from varscale.port.trees import flatten

pytest.importorskip("flax", reason="not installed: pip install flax")
nnx = pytest.importorskip("flax.nnx", reason="not installed: pip install flax")

__all__ = ["jnp", "nnx", "params_of", "planned", "with_params"]

jnp = jax.numpy


def params_of(model: Any) -> dict[str, Any]:
    return flatten(nnx.to_pure_dict(nnx.state(model, nnx.Param)))


def with_params(model: Any, params: dict[str, Any]) -> Any:
    """The model with other parameters."""
    state = nnx.state(model, nnx.Param)
    tree = jax.tree_util.tree_map_with_path(
        lambda path, leaf: jnp.asarray(params["/".join(_name(part) for part in path)]),
        nnx.to_pure_dict(state),
    )
    nnx.replace_by_pure_dict(state, tree)
    nnx.update(model, state)
    return model


def _name(part: Any) -> str:
    return str(getattr(part, "key", getattr(part, "idx", None)))


def planned(key: Any = 0, like: Any = "flax.nnx", **options: Any) -> Callable[[Any], Any]:
    return lambda twin: door.plan(twin, key, like, compiled=EAGER, **options)
