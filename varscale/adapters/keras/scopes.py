"""What Keras is doing while it calls an initializer: all that is read of Keras' private state.

Keras passes shape and dtype to an initializer and nothing else. Which layer is being built is known
from its stack of name scopes only, and that a call's values will not be used, from its symbolic
scope only; neither has a public function (Keras 3.15).
"""

from __future__ import annotations

from typing import Any

__all__ = ["callers", "is_symbolic", "sublayers"]


def callers() -> list[Any]:
    """Whoever opened a name scope, the outermost first; none where Keras does not tell."""
    try:
        from keras.src.backend.common import global_state

        scopes = global_state.get_global_attribute("name_scope_stack") or ()
        return [scope.caller for scope in scopes]
    except (ImportError, AttributeError):
        return []


def is_symbolic() -> bool:
    """Whether Keras computes shapes only; False where it does not tell."""
    try:
        from keras.src.backend.common.symbolic_scope import in_symbolic_scope
    except ImportError:
        return False
    return bool(in_symbolic_scope())


def sublayers(layer: Any) -> list[Any]:
    """The layers that are attributes of a layer."""
    # Not `vars`: on the torch backend, modules are kept apart from other attributes.
    return list(layer._flatten_layers(include_self=False, recursive=False))
