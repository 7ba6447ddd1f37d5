"""What a wrong initializer is, as plain data, and what the suite says of it. No mutant is here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from varscale.conformance.cases import DTYPES, Reference, promised
from varscale.conformance.manners import DEVICES, MANNERS
from varscale.conformance.results import Outcome
from varscale.conformance.running import Plan, execute
from varscale.conformance.subject import Subject

__all__ = ["Entry", "Mutant", "mutants", "outcome_of"]

#: What its bits are compared with: a file, so that JAX need not be installed.
_RECORDED = Reference("jax-0.10.2", recorded=True)
#: Of a run as a whole, as by default: a mutant is seen although the others' cases share it.
_ALARM = 1e-6


@dataclass(frozen=True, slots=True)
class Mutant:
    """A wrong initializer.

    Attributes:
        name: in a few words.
        about: what is wrong in one sentence, and where it was seen.
        case: the identity of the case that it is run on.
        check: the check that is meant to kill it: `Finding.check`.
        subject: does it wrong.
        right: the same without the mistake.
    """

    name: str
    about: str
    case: str
    check: str
    subject: Subject
    right: Subject


#: Of a `Mutant`: name, about, case, check, subject.
Entry: TypeAlias = tuple[str, str, str, str, Subject]


def mutants(entries: Iterable[Entry], *, right: Subject) -> tuple[Mutant, ...]:
    """Mutants of one right initializer."""
    return tuple(Mutant(*entry, right) for entry in entries)


def outcome_of(subject: Subject, case: str, seed: int) -> Outcome:
    """What the suite says of one case, in the default profile, as in a run of all cases.

    Args:
        subject: wrong or right.
        case: the identity of a case that the subject's claims lead to.
        seed: of the keys.

    Raises:
        ValueError: there is no such case.
    """
    cases = promised(
        subject,
        devices=subject.devices()[:1],
        dtypes=DTYPES,
        profile="default",
        manners=(*MANNERS, DEVICES),
        references=[_RECORDED],
    )
    laws = sum(one.kind == "law" for one in cases)
    for one in cases:
        if one.id == case:
            plan = Plan(subject, (one,), seed, _ALARM / max(laws, 1), "default", (), False)
            return execute(plan, one)
    raise ValueError(f"case must be one of a run of {subject.name}, got {case!r}")
