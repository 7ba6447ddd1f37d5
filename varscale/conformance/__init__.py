"""The conformance suite: whether an initializer's bits, laws and manners are JAX's.

    python -m varscale.conformance --subject torch.nn.init

Reaches initializers through subjects only; nothing of varscale but its command imports it. Its
modules are imported when they are asked for: pytest imports this package for the plug-in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from varscale.lazy import attach

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

__getattr__, __dir__ = attach(
    __name__,
    {
        "varscale.conformance.results": ("Finding", "Outcome", "Picture", "Run"),
        "varscale.conformance.running": ("Plan", "execute", "plan", "run"),
        "varscale.conformance.specs": ("Spec",),
        "varscale.conformance.subject": (
            *("NotOffered", "Subject", "find_subject", "names", "seed_of"),
        ),
    },
)
