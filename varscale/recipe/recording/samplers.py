"""Which calls inside a traced function are JAX's own samplers, and the laws that they draw by.

A function of the user's may be called `_uniform` too: a call is believed to be a sampler only where
its code is what JAX's own sampler gives for the same arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jax
import numpy as np

__all__ = ["is_sampler"]


def _uniform(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Callable[..., Any]:
    return lambda key, low, high: jax.random.uniform(key, shape, dtype, low, high)


def _truncated_normal(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Callable[..., Any]:
    return lambda key, low, high: jax.random.truncated_normal(key, low, high, shape, dtype)


def _orthogonal(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Callable[..., Any]:
    *batch, rows, columns = shape
    return lambda key: jax.random.orthogonal(key, rows, tuple(batch), dtype, m=columns)


#: JAX's samplers by the name of their jitted function. Normals need none: they are recorded as the
#: uniforms, the erf_inv and the products that they are made of.
_SAMPLERS: Mapping[str, Callable[..., Callable[..., Any]]] = {
    "_uniform": _uniform,
    "_truncated_normal": _truncated_normal,
    "_orthogonal": _orthogonal,
}


def is_sampler(name: str, code: Any, inputs: tuple[Any, ...], output: Any) -> bool:
    """Whether a call is to a sampler of JAX.

    Args:
        name: of the jitted function.
        code: its closed jaxpr.
        inputs: the call's avals, a typed key or several first.
        output: the aval of the result: the shape of the keys, then that of a draw.
    """
    if name not in _SAMPLERS or not inputs or code.consts:
        return False
    keys, *arguments = inputs
    if not jax.dtypes.issubdtype(keys.dtype, jax.dtypes.prng_key):
        return False
    if any(argument.shape for argument in arguments):
        return False
    weak = tuple((one.dtype, bool(one.weak_type)) for one in arguments)
    batch = keys.ndim
    try:
        reference = _reference(
            name, keys.shape, keys.dtype, weak, output.shape[batch:], np.dtype(output.dtype)
        )
    except (TypeError, ValueError):  # no sampler of JAX takes such arguments
        return False
    return reference == str(code)


@cache
def _reference(
    name: str,
    batch: tuple[int, ...],
    key_dtype: Any,
    arguments: tuple[tuple[np.dtype[Any], bool], ...],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> str:
    """The code of JAX's own sampler, as text; empty where it is more than one call."""
    sampler = _SAMPLERS[name](shape, dtype)
    for _ in batch:
        sampler = jax.vmap(sampler, in_axes=(0, *(None for _ in arguments)))
    jaxpr = jax.make_jaxpr(sampler)(
        jax.ShapeDtypeStruct(batch, key_dtype),
        *(jax.ShapeDtypeStruct((), kind, weak_type=weak) for kind, weak in arguments),
    ).jaxpr
    if len(jaxpr.eqns) != 1 or list(jaxpr.eqns[0].invars) != list(jaxpr.invars):
        return ""
    return str(jaxpr.eqns[0].params["jaxpr"])
