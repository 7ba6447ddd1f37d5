"""`record`, which asks for JAX when it is called and not before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from varscale.arguments import check_kind
from varscale.recipe.format import Recipe

__all__ = ["record"]


def record(
    init_fn: Callable[[Any], Any], key: Any = 0, *, compiled: bool = False, verify: bool = True
) -> Recipe:
    """Trace an init function to a recipe, from which its parameters are made without JAX.

    Args:
        init_fn: called with the key, returns the parameters: a pytree, or a module that is one. It
            may be traced, twice: what it does must not depend on the key's value, nor on anything
            that changes between the calls, such as NumPy's random state.
        key: what it is called with: a `jax.random.key` or `PRNGKey` array, or a seed, of which a
            `jax.random.key` is made. The recipe is the same for every key of its kind.
        compiled: record what `jax.jit(init_fn)` gives; in some dtypes and distributions, its
            values differ from those of `init_fn` by an ulp or two.
        verify: replay the recipe with this key and with another, and compare every bit with what
            JAX makes. It holds the model in memory twice; False is for models that do not fit.

    Returns:
        The recipe.

    Raises:
        NotImplementedError: the parameters depend on something that no recipe can say: named, with
            the line that calls it; or the key is of another generator than threefry2x32.
        TypeError: not a key, not a function, or one that JAX cannot trace.
        ValueError: a parameter that the recipe does not reproduce, or that is another when
            init_fn is traced again, named; or none is left.
        ModuleNotFoundError: JAX is not installed.

    Example:
        >>> import jax, varscale
        >>> init = lambda key: {"w": jax.nn.initializers.lecun_normal()(key, (3, 4))}
        >>> recipe = varscale.recipe.record(init)
        >>> sorted(varscale.recipe.replay(recipe, 7))
        ['w']
    """
    check_kind("init_fn", init_fn, Callable, "a function of a key")
    check_kind("compiled", compiled, bool, "True or False")
    check_kind("verify", verify, bool, "True or False")
    try:
        from varscale.recipe import recording
    except ModuleNotFoundError as error:
        if error.name != "jax":
            raise
        raise ModuleNotFoundError(
            "recording a recipe needs jax: pip install 'varscale[jax]'", name="jax"
        ) from None
    return recording.record(init_fn, key, compiled=compiled, verify=verify)
