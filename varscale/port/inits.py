"""Which initializer each parameter has: the library's, or the user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from varscale.initializers import Initializer
from varscale.port.layers import Param
from varscale.port.options import Options
from varscale.port.patterns import match
from varscale.port.slots import Slot

__all__ = ["initialised"]

#: What a layer's main weights are called.
_MAIN = frozenset({"kernel", "embedding", "embeddings", "w", "weight"})


def initialised(slot: Slot, options: Options) -> Slot:
    """The slot with the initializers that the user says."""
    draws = list(slot.layer.draws)
    chosen: set[int] = set()
    for matched, given in options.init.matches(slot.at):
        pattern = matched.re.pattern
        wanted = given if isinstance(given, Mapping) else {None: given}
        for name, init in wanted.items():
            found = [
                i
                for i, param in enumerate(draws)
                if isinstance(param, Param) and _is_meant(name, param)
            ]
            if not found:
                paths = ", ".join(param.path for param in slot.layer.params)
                what = "a kernel" if name is None else repr(name)
                raise ValueError(f"init[{pattern!r}]: {slot.at} has no {what}; it has {paths}")
            kinds = {repr(draws[i].init) for i in found}  # type: ignore[union-attr]
            if name is None and len(kinds) > 1:
                raise ValueError(
                    f"init[{pattern!r}]: {slot.at} has kernels of several kinds; give a dictionary"
                )
            for i in set(found) - chosen:
                draws[i] = replace(draws[i], init=init)
            chosen |= set(found)
    compiled = (
        True if any(lift.kind in ("scan", "jit") for lift in slot.lifts) else options.compiled
    )
    if compiled is None and not chosen:
        return slot
    if compiled is not None:
        for i, param in enumerate(draws):
            if isinstance(param, Param):
                draws[i] = replace(param, init=_compiled(param.init, compiled))
    return replace(slot, layer=replace(slot.layer, draws=tuple(draws)))


def _is_meant(name: str | None, param: Param) -> bool:
    last = param.path.rpartition("/")[2]
    if name is None:
        return last in _MAIN
    return name == last or bool(match(name, param.path))


def _compiled(init: Initializer, compiled: bool) -> Initializer:
    """With JAX's rounding, where the initializer was not given one."""
    if getattr(init, "compiled", True) is not None:
        return init
    with_rounding: Initializer = replace(cast(Any, init), compiled=compiled)
    return with_rounding
