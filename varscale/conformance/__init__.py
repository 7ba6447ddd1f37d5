"""The conformance suite: whether an initializer's bits, laws and manners are JAX's.

    python -m varscale.conformance --subject torch.nn.init

Reaches initializers through subjects only; nothing of varscale imports it.
"""

from varscale.conformance.results import Finding, Outcome, Picture, Run
from varscale.conformance.run import Plan, execute, plan, run
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
