"""A factory's draws by varscale and by the installed JAX, and how the two must agree."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import numpy as np

import varscale
from varscale.family import FACTORIES
from varscale.initializers import Distribution, Mode

from .compare import agree
from .oracle import EAGER, VERSION, configured, is_reference, jax, outcome

__all__ = [
    "ARGUMENTS",
    "DISTRIBUTIONS",
    "MODES",
    "SEVERAL_FORMS",
    "compare",
    "jax_draw",
    "own_draw",
    "own_factory",
]

#: "fan_geo_avg" is in no JAX before 0.5.
MODES = tuple(mode for mode in get_args(Mode) if VERSION >= (0, 5) or mode != "fan_geo_avg")
DISTRIBUTIONS = get_args(Distribution)
#: Factories whose values have several forms in JAX itself.
SEVERAL_FORMS = tuple(
    name
    for name in FACTORIES
    if "compiled" in inspect.signature(getattr(varscale.numpy, name)).parameters
)
#: What a factory must be given.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "constant": (-1.25,),
    "variance_scaling": (1.5, "fan_out", "normal"),
}


def own_factory(name: str, compiled: bool | None = EAGER) -> Any:
    """Varscale's factory, set to the form of values that is wanted."""
    factory = getattr(varscale.numpy, name)
    if name not in SEVERAL_FORMS:
        return factory
    return lambda *args, **kwargs: factory(*args, **kwargs, compiled=compiled)


def jax_draw(name: str, args: tuple[Any, ...], kwargs: Any, seed: int, *call: Any) -> Any:
    def run() -> Any:
        key = jax.random.key(seed, impl="threefry2x32")
        return getattr(jax.nn.initializers, name)(*args, **kwargs)(key, *call)

    with configured(x64="float64" in map(str, call)), np.errstate(all="ignore"):
        return outcome(run)


def own_draw(name: str, args: tuple[Any, ...], kwargs: Any, seed: int, *call: Any) -> Any:
    key = varscale.key(seed, x64="float64" in map(str, call))
    with np.errstate(over="ignore"):
        return outcome(lambda: own_factory(name)(*args, **kwargs)(key, *call))


def compare(
    name: str, args: tuple[Any, ...], kwargs: Any, seed: int, shape: Any, dtype: Any
) -> None:
    """Call both, and let them agree."""
    want = jax_draw(name, args, kwargs, seed, shape, dtype)
    got = own_draw(name, args, kwargs, seed, shape, dtype)
    text = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in kwargs.items())])
    case = f"{name}({text})({seed}, {shape!r}, {dtype!r})"
    if want is ZeroDivisionError:
        # Older than 0.12: zero-sized fans. The newest JAX gives an empty array.
        assert got.shape == tuple(shape), case
        return
    distribution = args[2] if name == "variance_scaling" else name
    agree(got, want, case, exact=is_reference(shape, dtype, distribution))
