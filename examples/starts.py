"""How a model of each JAX library is initialised from a seed and run; no varscale.

Under jit, as models are initialised in practice: there, and in jax >= 0.11 everywhere, the
constants of a normal draw are multiplied first, which is varscale's default. Older eager values
differ from these by up to 2 ulp; varscale has them as `compiled=False`.
"""

import importlib
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from examples.cost import Cost, measured
from examples.models import MODELS

Arrays = dict[str, np.ndarray]
Tree = dict[str, Any]
#: Parameters as nested dictionaries, the function that computes outputs.
Started = tuple[Tree, Callable[..., Any]]


def start(name: str, seed: int, *inputs: np.ndarray) -> tuple[Tree, Arrays, Cost]:
    """The parameters and outputs of a model, and what its initialisation costs with compilation."""
    described = MODELS[name]
    module, _, attribute = described.jax.partition(":")
    make = getattr(importlib.import_module(f"examples.{module}"), attribute)
    init = LIBRARIES[described.like]
    (params, apply), cost = measured(
        lambda: jax.block_until_ready(init(make, described.options, seed, inputs))
    )
    outputs = apply(*inputs)
    outputs = outputs if isinstance(outputs, dict) else {"outputs": outputs}
    arrays = {name: np.asarray(y) for name, y in outputs.items()}
    return jax.tree.map(np.asarray, params), arrays, cost


def linen(make: Any, options: Tree, seed: int, inputs: tuple[np.ndarray, ...]) -> Started:
    """Flax Linen."""
    model = make(**options)
    variables = jax.jit(model.init)(jax.random.key(seed), *inputs)
    return variables["params"], lambda *x: jax.jit(model.apply)(variables, *x)


def nnx(make: Any, options: Tree, seed: int, inputs: tuple[np.ndarray, ...]) -> Started:
    """Flax NNX."""
    from flax import nnx

    del inputs
    model = nnx.jit(lambda key: make(nnx.Rngs(key), **options))(jax.random.key(seed))
    params = nnx.to_pure_dict(nnx.state(model, nnx.Param))
    return params, lambda *x: nnx.jit(lambda model, *x: model(*x))(model, *x)


def haiku(make: Any, options: Tree, seed: int, inputs: tuple[np.ndarray, ...]) -> Started:
    """Haiku."""
    import haiku as hk

    model = hk.without_apply_rng(hk.transform(lambda *x: make(*x, **options)))
    params = jax.jit(model.init)(jax.random.key(seed), *inputs)
    return params, lambda *x: jax.jit(model.apply)(params, *x)


def equinox(make: Any, options: Tree, seed: int, inputs: tuple[np.ndarray, ...]) -> Started:
    """Equinox, whose models see one example."""
    import equinox as eqx

    del inputs
    model = eqx.filter_jit(lambda key: make(key=key, **options))(jax.random.key(seed))
    leaves = jax.tree_util.tree_flatten_with_path(eqx.filter(model, eqx.is_array))[0]
    params: Tree = {}
    for path, leaf in leaves:
        *parts, last = (part.name for part in path)
        tree = params
        for part in parts:
            tree = tree.setdefault(part, {})
        tree[last] = leaf
    return params, lambda *x: eqx.filter_jit(lambda model, *x: jax.vmap(model)(*x))(model, *x)


LIBRARIES: dict[str, Callable[..., Started]] = {
    "flax.linen": linen,
    "flax.nnx": nnx,
    "haiku": haiku,
    "equinox": equinox,
}
