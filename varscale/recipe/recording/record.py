"""An init function of any JAX library as a recipe, checked against JAX itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.interpreters import partial_eval

from varscale.info import version
from varscale.recipe.fields import DTYPES
from varscale.recipe.format import LeftOut, Output, Recipe
from varscale.recipe.recording.trace import Tracer
from varscale.recipe.recording.values import Scope
from varscale.recipe.replay import Parameter, parameters

__all__ = ["record"]

#: Libraries whose version a recipe names where they were at work: module and distribution.
_LIBRARIES = {"flax": "flax", "haiku": "dm-haiku", "equinox": "equinox"}


@np.errstate(all="ignore")  # JAX overflows without a word, and so do its constants here
def record(init_fn: Callable[[Any], Any], key: Any, *, compiled: bool, verify: bool) -> Recipe:
    """See `varscale.recipe.record`."""
    key = _checked(key)
    function, recipe = _traced(init_fn, key, compiled=compiled)
    # On a CPU both settings mean the same, but of a function that is jitted already, JAX would
    # give the code that it has under the one.
    precise = "highest" if jax.config.jax_default_matmul_precision == "float32" else "float32"
    with jax.default_matmul_precision(precise):
        _, again = _traced(init_fn, key, compiled=compiled)
    _refuse_changed(recipe, again, key)
    if verify:
        for one in (key, jax.random.fold_in(key, 1)):
            _compare(recipe, one, function(one))
    return recipe


def _traced(
    init_fn: Callable[[Any], Any], key: Any, *, compiled: bool
) -> tuple[Callable[[Any], Sequence[Any]], Recipe]:
    """The function as one of arrays, and its recipe."""
    left_out: dict[str, str] = {}
    paths: list[str] = []

    def arrays(key: Any) -> list[Any]:
        kept = {}
        left_out.clear()
        for path, leaf in _leaves(init_fn(key)):
            if path in kept:
                raise ValueError(
                    f"init_fn must return leaves of different paths, got {path!r} twice"
                )
            why = _objection(path, leaf)
            if why is None:
                kept[path] = leaf
            else:
                left_out[path] = why
        paths[:] = kept
        return list(kept.values())

    function = jax.jit(arrays) if compiled else arrays
    closed = jax.make_jaxpr(function)(key)
    if not paths:
        raise ValueError(
            f"init_fn must return arrays, got {len(left_out)} leaves and no array of numbers"
        )
    jaxpr, _ = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(paths), instantiate=True)
    consts = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    scope = Scope([key.shape])
    values = Tracer(scope).run(jaxpr, [consts[one] for one in jaxpr.constvars], scope.given)
    outputs = tuple(
        Output(path, scope.number(value), tuple(aval.shape), np.dtype(aval.dtype))
        for path, value, aval in zip(paths, values, closed.out_avals, strict=True)
    )
    return function, Recipe(
        typed=_is_typed(key),
        partitionable=bool(jax.config.jax_threefry_partitionable),
        x64=bool(jax.config.jax_enable_x64),
        program=tuple(scope.program),
        outputs=outputs,
        left_out=tuple(LeftOut(path, why) for path, why in left_out.items()),
        recorded=_provenance(compiled=compiled),
    )


def _refuse_changed(recipe: Recipe, again: Recipe, key: Any) -> None:
    """Raise ValueError where a second trace gave other parameters: not all of them is the key's."""
    if (recipe.program, recipe.outputs) == (again.program, again.outputs):
        return
    first, second = parameters(recipe, key), parameters(again, key)
    changed = [path for path in first if path not in second or _differ(first[path], second[path])]
    changed += [path for path in second if path not in first]
    if changed:
        more = f" and {len(changed) - 1} others" if len(changed) > 1 else ""
        raise ValueError(
            f"{changed[0]!r}{more} cannot be recorded: traced twice, init_fn gives two results; it "
            "takes random numbers of NumPy or Python, or a state that it changes, where all must "
            "come from the key"
        )


def _differ(one: Parameter, other: Parameter) -> bool:
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return True
    return one.array().tobytes() != other.array().tobytes()


def _checked(key: Any) -> Any:
    """The key as JAX has it."""
    if isinstance(key, int | np.integer):
        if not -(2**63) <= key < 2**63:
            raise OverflowError(f"seed must be in [-2**63, 2**63), got {key}")
        key = jax.random.key(int(key))
    if not isinstance(key, jax.Array | np.ndarray):
        raise TypeError(f"key must be a seed or a key of JAX, got {key!r}")
    if _is_typed(key):
        impl = str(jax.random.key_impl(key))
    elif key.dtype == np.uint32 and key.ndim == 1:
        impl = str(jax.config.jax_default_prng_impl)
    else:
        raise TypeError(f"key must be a seed or a key of JAX, got {key.dtype}{key.shape}")
    if impl not in ("fry", "threefry2x32"):
        raise NotImplementedError(f"a key of {impl!r} is not recorded; threefry2x32 is")
    if key.shape != (() if _is_typed(key) else (2,)):
        raise TypeError(f"key must be one key, got an array of shape {key.shape}")
    return jax.numpy.asarray(key)


def _is_typed(value: Any) -> bool:
    return bool(jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key))


def _leaves(tree: Any) -> Iterator[tuple[str, Any]]:
    """The leaves of a tree with their paths, which are made different where they are not."""
    seen: dict[str, int] = {}
    for entries, box in jax.tree_util.tree_flatten_with_path(tree, is_leaf=_is_box)[0]:
        inner = jax.tree_util.tree_flatten_with_path(box)[0]
        boxed = len(inner) == 1 and _is_box(box)
        for more, leaf in inner:
            # "kernel", not "kernel/value"
            path = "/".join(map(_named, entries if boxed else (*entries, *more)))
            seen[path] = seen.get(path, 0) + 1
            yield path if seen[path] == 1 else f"{path}#{seen[path]}", leaf


def _is_box(value: Any) -> bool:
    """A variable of NNX, or an array of Linen with its metadata: the array is its `value`."""
    return type(value).__module__.partition(".")[0] == "flax" and hasattr(type(value), "value")


def _named(entry: Any) -> str:
    for attribute in ("key", "name", "idx"):
        if hasattr(entry, attribute):
            return str(getattr(entry, attribute))
    return str(entry)


def _objection(path: str, leaf: Any) -> str | None:
    """Why a recipe has no room for a leaf, or None."""
    if not isinstance(leaf, jax.Array | np.ndarray | np.generic):
        return f"not an array: {type(leaf).__name__}"
    if _is_typed(leaf):
        return "a PRNG key"
    if leaf.dtype.name not in DTYPES:
        raise NotImplementedError(f"{path!r}, an array of dtype {leaf.dtype}, cannot be recorded")
    return None


def _provenance(*, compiled: bool) -> dict[str, str]:
    versions = {name: version(name) for name in ("varscale", "jax", "jaxlib", "numpy")}
    for module, distribution in _LIBRARIES.items():
        if module in sys.modules:
            versions[distribution] = version(distribution)
    known = {name: text for name, text in versions.items() if text is not None}
    return {**known, "init": "jax.jit(init)" if compiled else "init"}


def _compare(recipe: Recipe, key: Any, wanted: Sequence[Any]) -> None:
    """Raise ValueError where a replay is not what JAX makes."""
    made = parameters(recipe, key)
    for output, array in zip(recipe.outputs, wanted, strict=True):
        expected, computed = np.asarray(array), made[output.path].array()
        same = (expected == computed) & (np.signbit(expected) == np.signbit(computed))
        wrong = int((~(same | ((expected != expected) & (computed != computed)))).sum())
        if wrong:
            raise ValueError(
                f"{output.path!r} cannot be recorded: {wrong} of its {expected.size} values are "
                f"not those of jax {jax.__version__}, which rounds some sums, and some short rows, "
                "in another way where it compiles them; verify=False records it nevertheless"
            )
