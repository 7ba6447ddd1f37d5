"""What came out, as plain data: a finding of each check, an outcome of each case, a run of all."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

__all__ = ["Finding", "Outcome", "Picture", "Run", "Status"]

#: "known": fails, as the subject's file of known deviations says. "unexpected": passes, though that
#: file says otherwise. "not run": the reason says why; it is never counted as passed.
Status: TypeAlias = Literal["passed", "failed", "known", "unexpected", "not run"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        check: its name, as "scale".
        passed: the verdict.
        n: how many samples (or pairs, comparisons) it is made of.
        statistic: what was computed.
        bound: the most that abs(statistic) may be.
        alarm: the probability of a false alarm, at most; 0 where the check is exact.
        detectable: the smallest error that is seen with a probability of 99.9 %, in `unit`; None
            where the check is exact.
        unit: of the statistic, the bound and the detectable error.
        note: what a person should read: where the largest deviation is, which law is followed.
    """

    check: str
    passed: bool
    n: int
    statistic: float
    bound: float
    alarm: float = 0.0
    detectable: float | None = None
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a report draws of one case; sequences of plain numbers.

    Attributes:
        kind: "law" (samples against a law) or "ulp" (distances from JAX's values).
        edges: of the histogram's bins, in standard deviations or ulp; one more than the counts.
        counts: samples in each bin.
        expected: what the law expects there; empty where there is no law.
        quantiles: (of the law, of the samples) pairs, in standard deviations.
    """

    kind: Literal["law", "ulp"]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    expected: tuple[float, ...] = ()
    quantiles: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one case.

    Attributes:
        case: its identity, as "law/dense/fan_in/normal/float32/cpu".
        layer: which of the suite's layers it belongs to, the part before the first "/".
        status: see `Status`.
        findings: of its checks.
        reason: why it was not run; or the reason in the file of known deviations.
        seconds: that it took.
        facts: of the case, for tables: "layer", "mode", "distribution", "dtype", "device",
            "initializer", "law" (which law the samples follow: "jax", "rounded", "none"),
            "scale" (the measured standard deviation over JAX's), "scale_low", "scale_high" (its
            interval), "reference" and "ulp" (the largest distance from it), "equal" (the
            fraction that is equal to it). Any may be missing.
        picture: for the report, or None.
    """

    case: str
    layer: str
    status: Status
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)
    picture: Picture | None = None

    @property
    def bad(self) -> bool:
        """Whether it makes the run fail."""
        return self.status in ("failed", "unexpected")


@dataclass(frozen=True, slots=True)
class Run:
    """The results of one subject.

    Attributes:
        subject: its name.
        claims: what it claims, sorted.
        seed: what all keys were made from; the same seed repeats the run.
        profile: "fast", "default" or "thorough".
        alarm: the probability that a subject that is as it should be fails this run.
        outcomes: of each case that was promised, in their order.
        faults: what is wrong with the run itself: promised cases that were not executed, entries of
            the file of known deviations that match nothing. Any makes the run fail.
        versions: of what was tested, by name.
        machine: processor and system, in words.
        date: of the run, ISO 8601.
        seconds: that it took.
        options: what else the run was told, as the command's arguments.
        patterns: of the cases that were chosen; () for all.
    """

    subject: str
    claims: tuple[str, ...]
    seed: int
    profile: str
    alarm: float
    outcomes: tuple[Outcome, ...]
    faults: tuple[str, ...]
    versions: dict[str, str]
    machine: str
    date: str
    seconds: float
    options: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing failed, and something was run."""
        ran = any(one.status != "not run" for one in self.outcomes)
        return ran and not self.faults and not any(one.bad for one in self.outcomes)

    def counts(self) -> dict[str, int]:
        """How many cases ended with each status."""
        found = Counter(one.status for one in self.outcomes)
        return {status: found[status] for status in get_args(Status)}

    def command(self, outcome: Outcome | None = None) -> str:
        """The command that repeats the run, or one of its cases."""
        said = ["python", "-m", "varscale.conformance", "--subject", self.subject]
        said += ["--seed", str(self.seed)]
        if self.profile != "default":
            said += ["--profile", self.profile]
        said += self.options
        for pattern in self.patterns if outcome is None else (outcome.case,):
            said += ["--case", pattern]
        return shlex.join(said)
