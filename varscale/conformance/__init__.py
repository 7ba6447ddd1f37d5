"""The conformance suite: whether an initializer's bits, laws and manners are JAX's.

    python -m varscale.conformance --subject torch.nn.init

Reaches initializers through subjects only; nothing of varscale but its command imports it. Its
modules are imported when they are asked for: pytest imports this package for the plug-in.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from varscale.conformance.results import Finding, Outcome, Picture, Run
    from varscale.conformance.running import Plan, execute, plan, run
    from varscale.conformance.specs import Spec
    from varscale.conformance.subject import NotOffered, Subject, find_subject, names, seed_of

__all__ = [
    "Finding",
    "NotOffered",
    "Outcome",
    "Picture",
    "Plan",
    "Run",
    "Spec",
    "Subject",
    "execute",
    "find_subject",
    "names",
    "plan",
    "run",
    "seed_of",
]

_ROOMS = {
    "results": ("Finding", "Outcome", "Picture", "Run"),
    "running": ("Plan", "execute", "plan", "run"),
    "specs": ("Spec",),
    "subject": ("NotOffered", "Subject", "find_subject", "names", "seed_of"),
}


def __getattr__(name: str) -> Any:
    for room, inside in _ROOMS.items():
        if name in inside:
            return getattr(importlib.import_module(f"varscale.conformance.{room}"), name)
    raise AttributeError(f"module 'varscale.conformance' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
