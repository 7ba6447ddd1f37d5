"""A library's layers by kind: functions from sizes to a `JaxLayer`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from varscale.port.layers import JaxLayer

__all__ = ["Table"]


class Table:
    """The layers of a library.

    Args:
        library: its name, for messages.
        makers: by kind, the functions that make layers; the keys may also be the names of classes
            that are an alternative of a kind ("OptimizedLSTMCell").
    """

    def __init__(self, library: str, makers: Mapping[str, Callable[..., JaxLayer]]) -> None:
        self._library, self._makers = library, dict(makers)

    def layer(
        self, kind: str, sizes: Mapping[str, Any], said: Mapping[str, Any], name: str | None
    ) -> JaxLayer:
        """See `Library.layer`; a class that is not in the table is the usual one, renamed."""
        if kind not in self._makers:
            known = ", ".join(sorted(self._makers))
            raise ValueError(
                f"{self._library} has no layer of the kind {kind!r} that is known here ({known}); "
                "give a rule for it"
            )
        make = self._makers.get(name or kind, self._makers[kind])
        arguments = _arguments(make)
        known_sizes = set(arguments)
        mistaken = sorted(set(said) - known_sizes)
        if mistaken:
            allowed = ", ".join(sorted(known_sizes - set(sizes))) or "nothing"
            raise ValueError(
                f"the {kind} layer of {self._library} has no {', '.join(mistaken)}; what layout "
                f"can say of it is {allowed}"
            )
        # What only other libraries' layers distinguish may be left out where it says nothing.
        unwanted = sorted(one for one in set(sizes) - known_sizes if sizes[one] not in (None, 0))
        if unwanted:
            raise ValueError(
                f"the {kind} layer of {self._library} has no {', '.join(unwanted)}; "
                "give a rule for it"
            )
        given = {one: value for one, value in sizes.items() if one in known_sizes}
        given |= said
        missing = [
            name
            for name, one in arguments.items()
            if one.default is one.empty and name not in given
        ]
        if missing:
            raise ValueError(
                f"the {kind} layer of {self._library} needs {', '.join(missing)} in its Twin's "
                f"sizes, got {', '.join(sizes) or 'none'}"
            )
        layer = make(**given)
        return layer if name is None else replace(layer, name=name)


@functools.cache
def _arguments(make: Callable[..., JaxLayer]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(make).parameters
