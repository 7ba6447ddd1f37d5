"""Haiku's transformed functions, and plans of their twins.

Importing this skips where Haiku is not installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import varscale.torch as door
from tests.core.oracle import EAGER, jax
from varscale.port.libraries import HaikuVarianceScaling

hk = pytest.importorskip("haiku", reason="not installed: pip install dm-haiku")

__all__ = ["SCALING", "W_INIT", "hk", "initialised", "jnp", "planned"]

jnp = jax.numpy
#: The same, for attention, of which Haiku wants one.
W_INIT = hk.initializers.VarianceScaling(2.0)
SCALING = HaikuVarianceScaling(2.0)


def planned(key: Any = 0, like: Any = "haiku", **options: Any) -> Callable[[Any], Any]:
    return lambda twin: door.plan(twin, key, like, compiled=EAGER, **options)


def initialised(function: Any, *args: Any, key: Any = 0) -> tuple[Any, Any, Any]:
    """A transformed function, its parameters and its state."""
    transformed = hk.transform_with_state(function)
    params, state = transformed.init(jax.random.PRNGKey(key), *args)
    return transformed, params, state
