"""All that is read of Keras' private state: who calls an initializer, how layers are connected.

Keras passes shape and dtype to an initializer and nothing else. Which layer is being built is known
from its stack of name scopes only, and that a call's values will not be used, from its symbolic
scope only; neither has a public function (Keras 3.15).
"""

from __future__ import annotations

from typing import Any

__all__ = ["callers", "is_symbolic", "nodes", "sublayers"]


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


def nodes(layer: Any) -> list[tuple[Any, list[str]]] | None:
    """The calls that a functional model is made of: what is called, and its results' names.

    None for other layers, and where Keras does not tell.
    """
    by_depth = getattr(layer, "_nodes_by_depth", None)
    if by_depth is None:
        return None
    calls = [node for one in by_depth.values() for node in one]
    return [(call.operation, [tensor.name for tensor in call.outputs]) for call in calls]
