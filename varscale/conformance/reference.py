"""JAX's own values, that bits are compared with: of the installed JAX, and recorded ones.

The files of `vectors/` were printed by JAX itself, with the version that made them.
"""

from __future__ import annotations

import importlib.resources
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from varscale.conformance.cases import DTYPES, Reference
from varscale.conformance.specs import Spec
from varscale.conformance.subjects.native import COMPILED, EAGER
from varscale.dtypes import as_dtype
from varscale.keys import Key

__all__ = ["native", "native_form", "recorded", "references", "vectors"]

Array = np.ndarray[Any, Any]

#: Version of JAX that a file was recorded with: what `compiled` must be for its values.
VECTORS: dict[str, bool | None] = {"jax-0.10.2": False, "jax-0.12.0.1": None}


def references(subject: str) -> tuple[Reference, ...]:
    """What the bits of a subject of this name are compared with here.

    The recorded files; and the installed JAX, eager and under `jax.jit`, but for the one of the two
    that is the subject itself. Until 0.11, `jax.jit` rounds the draws of most dtypes in ways that
    `compiled=` has no name for (docs/exactness.md): only float32 is compared there. `jax.jit` is
    compared with the eager JAX beside it alone, under keys of the default order: the recorded
    values are eager ones.
    """
    found = [Reference(name, recorded=True) for name in VECTORS if subject != "jax.jit"]
    if importlib.util.find_spec("jax"):
        import jax

        real = tuple(one for one in DTYPES if not one.startswith("complex"))
        of_jit = real if jax.__version_info__ >= (0, 11) else ("float32",)
        if subject != "jax":
            found.append(Reference("eager"))
        if subject != "jax.jit":
            found.append(Reference("jit", of_jit))
    return tuple(found)


def native(spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, *, compiled: bool) -> Array:
    """The installed JAX's value on CPU, eager or under `jax.jit`."""
    subject = COMPILED if compiled else EAGER
    return subject.to_numpy(subject.draw(spec, key, shape, dtype, "cpu"))


def native_form(*, compiled: bool) -> bool | None:
    """What `compiled` must be for varscale to give the installed JAX's values of this form."""
    import jax

    newest: bool = jax.__version_info__ >= (0, 11)
    return (True if compiled else None) if newest or compiled else False


def vectors() -> dict[str, dict[str, Any]]:
    """The recorded files, by "jax-VERSION"."""
    folder = importlib.resources.files("varscale.conformance") / "vectors"
    return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in VECTORS}


def recorded(name: str) -> Iterator[tuple[Spec, Key, tuple[int, ...], str, Array]]:
    """What was recorded: (spec, key, shape, dtype, values) of each draw."""
    for case in vectors()[name]["draws"]:
        spec = replace(Spec(case["initializer"], *case["arguments"]), compiled=VECTORS[name])
        seed = case["seed"]
        key = Key((0, seed), partitionable=case["partitionable"])
        dtype = as_dtype(case["dtype"])
        bits = np.array(case["bits"], f"u{dtype.itemsize}")
        yield (
            spec,
            key,
            tuple(case["shape"]),
            case["dtype"],
            bits.view(dtype).reshape(case["shape"]),
        )
