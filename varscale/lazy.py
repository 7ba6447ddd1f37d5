"""Names of a module that are imported when they are first asked for (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def attach(
    module: str, rooms: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A module's `__getattr__` and `__dir__`: each room is a module, with the names it gives.

    Type checkers do not see these names: import them under `TYPE_CHECKING` as well.
    """
    room_of = {name: room for room, names in rooms.items() for name in names}

    def __getattr__(name: str) -> Any:
        if name not in room_of:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(room_of[name]), name)
        setattr(sys.modules[module], name, value)
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[module]), *room_of})

    return __getattr__, __dir__
