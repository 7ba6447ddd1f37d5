"""A run: plan the cases, carry them out, compare what was done with what was promised."""

from __future__ import annotations

import datetime
import importlib.metadata
import importlib.util
import platform
import secrets
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from varscale.conformance.bits_case import bits_case, vectors_case
from varscale.conformance.cases import DTYPES, Case, Profile, promised
from varscale.conformance.known import Deviation, expected, read_known, shipped, unmatched
from varscale.conformance.law_case import law_case
from varscale.conformance.manners import DEVICES, MANNERS, manners_case
from varscale.conformance.reference import VECTORS, references
from varscale.conformance.results import Finding, Outcome, Run
from varscale.conformance.scale_case import scale_case
from varscale.conformance.subject import NotOffered, Subject

__all__ = ["ALARM", "LostError", "Plan", "carry_out", "execute", "plan", "run"]

#: The probability that a subject that is as it should be fails a run, by default.
ALARM = 1e-6
#: Distributions whose versions a run names, where they are installed.
_PACKAGES = (
    *("varscale", "numpy", "scipy", "jax", "jaxlib", "torch", "tensorflow-cpu", "tensorflow"),
    *("keras", "flax", "dm-haiku", "equinox", "timm", "ml_dtypes"),
)


class LostError(Exception):
    """The rest of a run's outcomes cannot be had; the text says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do.

    Attributes:
        subject: what is tested.
        cases: that are promised, in their order.
        seed: of all keys.
        alarm: the probability that a right subject fails, over all cases.
        profile: how much is drawn.
        known: known deviations.
        whole: whether these are all cases of the subject: none was chosen, nor left out by "fast".
        options: see `Run`.
        patterns: see `Run`.
    """

    subject: Subject
    cases: tuple[Case, ...]
    seed: int
    alarm: float
    profile: Profile
    known: tuple[Deviation, ...]
    whole: bool
    options: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    def finish(self, outcomes: Sequence[Outcome], lost: str = "") -> tuple[str, ...]:
        """What is wrong with a run of these outcomes as a whole.

        Args:
            outcomes: of the cases that were carried out.
            lost: why the others were not, if that is known.
        """
        done, wanted = [one.case for one in outcomes], [one.id for one in self.cases]
        missing = [one for one in wanted if one not in done]
        if lost:
            return (f"{lost}; no outcome of {len(missing)} of {len(wanted)} cases",)
        faults = [f"promised, but not carried out: {one}" for one in missing]
        faults += [f"carried out, but not promised: {one}" for one in done if one not in wanted]
        if len(set(done)) < len(done):
            faults.append("a case was carried out twice")
        if self.whole:
            faults += unmatched(outcomes, self.known)
        return tuple(faults)


def plan(
    subject: Subject,
    *,
    seed: int | None = None,
    devices: Sequence[str] | None = None,
    dtypes: Sequence[str] | None = None,
    profile: Profile = "default",
    alarm: float = ALARM,
    cases: Sequence[str] | None = None,
    known: Path | Literal["shipped"] | None = "shipped",
) -> Plan:
    """Decide what a run does; nothing is drawn.

    Args:
        subject: what is tested.
        seed: an integer in [0, 2**31 - 1); default: a fresh one.
        devices: to draw on; default: all that the subject has here.
        dtypes: some of `DTYPES`; default: all.
        profile: "fast", "default" or "thorough", how much is drawn.
        alarm: the probability that a subject that is as it should be fails the run.
        cases: patterns (fnmatch) of the cases to carry out; default: all.
        known: a file of known deviations, or the one that varscale ships for a subject of this
            name, or none.

    Raises:
        ValueError: a seed, dtype, profile or alarm out of range; patterns that match no case.
        ModuleNotFoundError: SciPy is not installed.
    """
    if not importlib.util.find_spec("scipy"):
        raise ModuleNotFoundError(
            "the conformance suite needs scipy: pip install 'varscale[conformance]'", name="scipy"
        )
    seed = secrets.randbelow(2**31 - 1) if seed is None else seed
    if not 0 <= seed < 2**31 - 1:
        raise ValueError(f"seed must be in [0, 2**31 - 1), got {seed}")
    if not 0 < alarm < 1:
        raise ValueError(f"alarm must be a probability between 0 and 1, got {alarm}")
    asked = tuple(devices) if devices is not None else tuple(subject.devices())
    found = promised(
        subject,
        devices=asked,
        dtypes=DTYPES if dtypes is None else dtypes,
        profile=profile,
        manners=(*MANNERS, DEVICES),
        references=references(subject.name) if "bits" in subject.claims else (),
    )
    chosen = tuple(
        one
        for one in found
        if cases is None or any(fnmatchcase(one.id, pattern) for pattern in cases)
    )
    if not chosen:
        raise ValueError(f"no case of {subject.name} matches {', '.join(cases or ['anything'])}")
    deviations = _deviations(subject, known)
    whole = cases is None and dtypes is None and devices is None and profile != "fast"
    said = _options(devices, dtypes, alarm, known)
    patterns = tuple(cases or ())
    return Plan(subject, chosen, seed, alarm, profile, deviations, whole, said, patterns)


def _options(
    devices: Sequence[str] | None,
    dtypes: Sequence[str] | None,
    alarm: float,
    known: Path | Literal["shipped"] | None,
) -> tuple[str, ...]:
    """The arguments of the command that say the same, where they are not its defaults."""
    said = [f"--device={one}" for one in devices or ()]
    said += [f"--dtype={one}" for one in dtypes or ()]
    if alarm != ALARM:
        said.append(f"--alarm={alarm}")
    if known != "shipped":
        said.append(f"--known={'none' if known is None else known}")
    return tuple(said)


def _deviations(subject: Subject, known: Path | Literal["shipped"] | None) -> tuple[Deviation, ...]:
    if known is None:
        return ()
    return shipped(subject.name) if known == "shipped" else read_known(Path(known))


def execute(plan: Plan, case: Case) -> Outcome:
    """Carry out one case of a plan; an exception of the subject is a failure of the case."""
    started = time.perf_counter()
    try:
        outcome = _carry_out(plan, case)
    except NotOffered as error:
        reason = f"not offered: {error}"
        outcome = Outcome(case.id, case.kind, "not run", reason=reason, facts=case.facts)
    except Exception as error:  # whatever a subject raises
        note = f"{type(error).__name__}: {' '.join(str(error).split())}"
        found = Finding("call", False, 0, 1.0, 0.0, unit="errors", note=note)
        outcome = Outcome(case.id, case.kind, "failed", (found,), facts=case.facts)
    outcome = replace(outcome, seconds=time.perf_counter() - started)
    return expected(outcome, plan.known)


def _carry_out(plan: Plan, case: Case) -> Outcome:
    subject = plan.subject
    if case.device not in subject.devices():
        reason = f"not available: {case.device}"
        return Outcome(case.id, case.kind, "not run", reason=reason, facts=case.facts)
    # A seed of its own for each case, the same whether it is carried out alone or with others.
    seed = (plan.seed + zlib.crc32(case.id.encode())) % (2**31 - 1)
    if case.kind == "law":
        number = sum(one.kind == "law" for one in plan.cases)
        return law_case(subject, case, seed, plan.alarm / number)
    if case.kind == "scale":
        return scale_case(subject, case, seed)
    if case.kind == "manners":
        return manners_case(subject, case, seed)
    if case.what in VECTORS:
        return vectors_case(subject, case)
    return bits_case(subject, case, seed)


def run(
    subject: Subject,
    *,
    seed: int | None = None,
    devices: Sequence[str] | None = None,
    dtypes: Sequence[str] | None = None,
    profile: Profile = "default",
    alarm: float = ALARM,
    cases: Sequence[str] | None = None,
    known: Path | Literal["shipped"] | None = "shipped",
    progress: Callable[[Outcome, int, int], None] | None = None,
) -> Run:
    """Test a subject.

    Args:
        subject: what is tested; see `varscale.conformance.subject.find_subject`.
        seed: see `plan`, as all but the last.
        devices: see `plan`.
        dtypes: see `plan`.
        profile: see `plan`.
        alarm: see `plan`.
        cases: see `plan`.
        known: see `plan`.
        progress: called after each case with its outcome, how many are done, and of how many.

    Returns:
        The results; `Run.passed` is the verdict.

    Raises:
        ValueError: as `plan`.
        ModuleNotFoundError: as `plan`.

    Example:
        >>> from varscale.conformance import find_subject, run
        >>> result = run(find_subject("varscale.numpy"), seed=1, cases=["manners/*"])
        >>> result.passed
        True
    """
    made = plan(
        subject, seed=seed, devices=devices, dtypes=dtypes, profile=profile, alarm=alarm,
        cases=cases, known=known,
    )  # fmt: skip
    return carry_out(made, progress)


def carry_out(
    plan: Plan,
    progress: Callable[[Outcome, int, int], None] | None = None,
    results: Iterable[Outcome] | None = None,
) -> Run:
    """Carry out all cases of a plan.

    Args:
        plan: the plan.
        progress: see `run`.
        results: where the outcomes come from, in any order; default: each case is executed here.
            Where it raises `LostError`, the run has the outcomes so far, and a fault.
    """
    started, date = time.perf_counter(), datetime.datetime.now(datetime.UTC)
    outcomes: list[Outcome] = []
    if results is None:
        results = (execute(plan, case) for case in plan.cases)
    lost = ""
    try:
        for outcome in results:
            outcomes.append(outcome)
            if progress is not None:
                progress(outcome, len(outcomes), len(plan.cases))
    except LostError as error:
        lost = str(error)
    places = {case.id: place for place, case in enumerate(plan.cases)}
    outcomes.sort(key=lambda one: places.get(one.case, len(places)))
    return Run(
        subject=plan.subject.name,
        claims=tuple(sorted(plan.subject.claims)),
        seed=plan.seed,
        profile=plan.profile,
        alarm=plan.alarm,
        outcomes=tuple(outcomes),
        faults=plan.finish(outcomes, lost),
        versions=versions(),
        machine=machine(),
        date=date.isoformat(timespec="seconds"),
        seconds=time.perf_counter() - started,
        options=plan.options,
        patterns=plan.patterns,
    )


def versions() -> dict[str, str]:
    """The installed versions of what may be tested, Python's, and the backend that Keras is on."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if keras := sys.modules.get("keras"):
        found["keras backend"] = keras.backend.backend()
    return found


def machine() -> str:
    """Processor and system, in words."""
    return f"{platform.machine()}, {platform.system()} {platform.release()}"
