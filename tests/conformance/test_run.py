"""A run does what it promised, says what it did not do, and can be repeated from its seed."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from varscale.conformance import NotOffered, Outcome, Plan, Spec, execute, plan, run, seed_of
from varscale.conformance.cases import DTYPES, Reference, promised
from varscale.conformance.command import _parser
from varscale.conformance.manners import DEVICES, MANNERS
from varscale.conformance.results import Run
from varscale.keys import Key

Shape = tuple[int, ...]

LAW = "law/dense/fan_in/uniform/bfloat16/cpu"
SOME = (LAW, "law/dense/normal/bfloat16/cpu", "manners/shapes/cpu")


@dataclass
class Uniform:
    """A subject that draws with NumPy, right in its laws of real samples and most manners."""

    fails: tuple[str, ...] = ()
    offers: bool = True
    name: str = "uniform"
    claims: frozenset[Any] = field(default_factory=lambda: frozenset({"law", "manners"}))
    asked: list[tuple[Spec, Key, Shape, str, str]] = field(default_factory=list)

    def devices(self) -> Sequence[str]:
        return ("cpu", "second")

    def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Any:
        self.asked.append((spec, key, shape, dtype, device))
        if not self.offers:
            raise NotOffered("nothing at all")
        if spec.samples in self.fails:
            raise RuntimeError("no memory\nfor  this")
        spec.data.draw(key, shape, dtype)
        numbers = np.random.default_rng(seed_of(key))
        if spec.samples == "uniform":
            z = numbers.uniform(-np.sqrt(3), np.sqrt(3), shape)
        else:
            z = numbers.standard_normal(shape)
        return np.asarray(z * spec.variance(shape) ** 0.5).astype(np.dtype(dtype))

    def to_numpy(self, array: Any) -> Any:
        return array


def bare(result: Run) -> list[Outcome]:
    """The outcomes without their times."""
    return [replace(one, seconds=0.0) for one in result.outcomes]


@pytest.fixture(scope="module", autouse=True)
def scipy() -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[conformance]")


# Promised and executed


def outcomes_of(made: Plan, status: Any = "passed") -> list[Outcome]:
    return [Outcome(one.id, one.kind, status) for one in made.cases]


def test_a_run_that_did_what_it_promised_has_no_fault() -> None:
    made = plan(Uniform(), seed=1)
    assert len(made.cases) > 100
    assert made.whole
    assert made.finish(outcomes_of(made)) == ()


def test_a_case_that_was_left_out_is_a_fault() -> None:
    made = plan(Uniform(), seed=1)
    outcomes = outcomes_of(made)
    dropped = outcomes.pop(17)
    assert made.finish(outcomes) == (f"promised, but not carried out: {dropped.case}",)


def test_a_case_that_nobody_promised_is_a_fault() -> None:
    made = plan(Uniform(), seed=1)
    more = Outcome("law/other", "law", "passed")
    assert made.finish([*outcomes_of(made), more]) == ("carried out, but not promised: law/other",)


def test_a_case_that_was_carried_out_twice_is_a_fault() -> None:
    made = plan(Uniform(), seed=1)
    outcomes = outcomes_of(made)
    assert made.finish([*outcomes, outcomes[3]]) == ("a case was carried out twice",)


def test_a_fault_makes_the_run_fail() -> None:
    result = run(Uniform(), seed=1, cases=["manners/shapes/cpu"])
    assert result.passed
    assert not replace(result, faults=("x",)).passed


def test_every_case_that_is_promised_has_an_outcome_in_its_order() -> None:
    result = run(Uniform(), seed=1, cases=SOME)
    wanted = [one.id for one in plan(Uniform(), seed=1).cases if one.id in SOME]
    assert [one.case for one in result.outcomes] == wanted
    assert len(wanted) == 3


@pytest.mark.parametrize("profile", ["fast", "default", "thorough"])
def test_identities_are_unique_and_begin_with_their_kind(profile: Any) -> None:
    subject = Uniform(claims=frozenset({"law", "bits", "manners"}))
    cases = promised(
        subject,
        devices=subject.devices(),
        dtypes=DTYPES,
        profile=profile,
        manners=(*MANNERS, DEVICES),
        references=[Reference("jax-0.10.2", recorded=True), Reference("eager"), Reference("jit")],
    )
    assert len({one.id for one in cases}) == len(cases)
    assert all(one.id.split("/")[0] == one.kind for one in cases)
    assert {one.kind for one in cases} == {"law", "scale", "bits", "manners"}
    assert {one.device for one in cases} == {"cpu", "second"}


@pytest.mark.parametrize("claim", ["law", "bits", "manners"])
def test_claims_choose_the_cases(claim: Any) -> None:
    made = plan(Uniform(claims=frozenset({claim})), seed=1)
    kinds = {one.kind for one in made.cases}
    assert kinds == ({"law", "scale"} if claim == "law" else {claim})


# Seeds


def test_a_seed_repeats_the_run_exactly() -> None:
    first, again = (run(Uniform(), seed=123, cases=SOME, profile="fast") for _ in range(2))
    assert bare(first) == bare(again)
    other = run(Uniform(), seed=124, cases=SOME, profile="fast")
    assert bare(first) != bare(other)


def test_a_case_alone_draws_what_it_draws_among_others() -> None:
    together, alone = Uniform(), Uniform()
    run(together, seed=123, cases=SOME, profile="fast")
    run(alone, seed=123, cases=[LAW], profile="fast")
    assert len(alone.asked) == 2
    assert [one for one in together.asked if one in alone.asked] == alone.asked


def test_two_cases_of_a_run_draw_with_other_keys() -> None:
    subject = Uniform()
    run(subject, seed=123, cases=SOME[:2], profile="fast")
    keys = [key for _, key, *_ in subject.asked]
    assert len(set(keys)) == len(keys) == 4


def test_seeds_are_fresh_where_none_is_asked_for() -> None:
    seeds = {plan(Uniform()).seed for _ in range(8)}
    assert len(seeds) == 8
    assert run(Uniform(), cases=["manners/shapes/cpu"]).seed not in seeds


def test_the_command_of_a_run_repeats_it() -> None:
    result = run(Uniform(), seed=9, cases=SOME[:1], profile="fast")
    program = "python -m varscale.conformance --subject uniform --seed 9 --profile fast"
    assert result.command(result.outcomes[0]) == f"{program} --case {LAW}"
    assert result.command() == f"{program} --case {SOME[0]}"


def test_the_command_of_a_run_has_all_that_it_was_told() -> None:
    said = ["--device=cpu", "--dtype=float32", "--dtype=float64", "--alarm=0.001", "--known=none"]
    patterns = ["manners/*", "law/dense/*"]
    result = run(
        Uniform(), seed=9, devices=["cpu"], dtypes=["float32", "float64"], alarm=1e-3, known=None,
        cases=patterns,
    )  # fmt: skip
    program, _, given = result.command().partition(" --seed 9 ")
    assert program == "python -m varscale.conformance --subject uniform"
    assert shlex.split(given) == [*said, "--case", patterns[0], "--case", patterns[1]]
    options = vars(_parser().parse_args(shlex.split(result.command())[3:]))
    assert options | {"subject": ["uniform"], "seed": 9, "alarm": 1e-3, "known": "none"} == options
    assert (options["device"], options["dtype"]) == (["cpu"], ["float32", "float64"])
    assert options["case"] == patterns


# The alarm


def test_the_alarms_of_all_checks_have_the_sum_that_was_asked_for_at_most() -> None:
    result = run(Uniform(), seed=1, cases=["law/dense/*/bfloat16/cpu"], alarm=1e-3, profile="fast")
    given = [one.alarm for outcome in result.outcomes for one in outcome.findings]
    assert len(result.outcomes) > 3
    assert 0.5e-3 < sum(given) <= 1e-3 * (1 + 1e-12)
    for outcome in result.outcomes:
        assert sum(one.alarm for one in outcome.findings) == pytest.approx(
            sum(given) / len(result.outcomes)
        )


# What is not run, and what fails


def test_an_exception_of_the_subject_is_a_failed_case() -> None:
    result = run(Uniform(("uniform",)), seed=1, cases=SOME, profile="fast")
    failed = {one.case: one for one in result.outcomes}[LAW]
    assert failed.status == "failed"
    (finding,) = failed.findings
    assert (finding.check, finding.passed) == ("call", False)
    assert finding.note == "RuntimeError: no memory for this"
    assert not result.passed
    others = [one.status for one in result.outcomes if one.case != LAW]
    assert others == ["passed", "passed"]


def test_what_is_not_offered_is_not_run_and_not_passed() -> None:
    result = run(Uniform(offers=False), seed=1, cases=SOME)
    assert {one.status for one in result.outcomes} == {"not run"}
    assert {one.reason for one in result.outcomes} == {"not offered: nothing at all"}
    assert result.counts()["passed"] == 0
    assert not result.passed  # nothing was run


def test_a_device_that_is_missing_is_not_run() -> None:
    result = run(Uniform(), seed=1, devices=["cpu", "third"], cases=["manners/shapes/*"])
    assert [(one.status, one.reason) for one in result.outcomes] == [
        ("passed", ""),
        ("not run", "not available: third"),
    ]
    assert result.passed
    alone = run(Uniform(), seed=1, devices=["third"], cases=["manners/shapes/*"])
    assert not alone.passed


def test_every_device_that_is_there_is_drawn_on() -> None:
    subject = Uniform()
    result = run(subject, seed=1, cases=["manners/shapes/*", "manners/devices/*"])
    assert {device for *_, device in subject.asked} == {"cpu", "second"}
    assert [one.status for one in result.outcomes] == ["passed"] * 4


def test_a_wrong_dtype_or_shape_is_a_failure_that_names_both() -> None:
    class Wrong(Uniform):
        def to_numpy(self, array: Any) -> Any:
            return array.astype(np.float64).T

    made = plan(Wrong(), seed=1, cases=[LAW])
    (finding,) = execute(made, made.cases[0]).findings
    assert finding.note == (
        "ValueError: uniform gave float64[1024, 256], asked for bfloat16[256, 1024]"
    )


def test_scales_that_cannot_be_read_are_not_run() -> None:
    class Hashed(Uniform):
        def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Any:
            words = (key.words[0], key.words[1] ^ hash(shape) % 2**32)
            return super().draw(spec, replace(key, words=words), shape, dtype, device)

    case = ["scale/fan_in/normal/float32/cpu"]
    assert [one.status for one in run(Uniform(), seed=1, cases=case).outcomes] == ["passed"]
    (outcome,) = run(Hashed(), seed=1, cases=case).outcomes
    assert (outcome.status, outcome.findings) == ("not run", ())
    assert outcome.reason.startswith("not readable: ")


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, r"seed must be in \[0, 2\*\*31 - 1\), got -1"),
        ({"seed": 2**31 - 1}, "seed must be in"),
        ({"alarm": 0.0}, "alarm must be a probability between 0 and 1, got 0.0"),
        ({"alarm": 1.0}, "alarm must be"),
        ({"dtypes": ["float31"]}, "dtype must be .* got 'float31'"),
        ({"profile": "quick"}, "profile must be .* got 'quick'"),
        ({"cases": ["law/*", "nothing"], "dtypes": []}, r"no case of uniform matches law/\*, noth"),
        ({"devices": []}, "no case of uniform matches anything"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan(Uniform(), **arguments)


def test_progress_is_told_after_each_case() -> None:
    told: list[tuple[str, int, int]] = []
    result = run(
        Uniform(), seed=1, cases=SOME, profile="fast",
        progress=lambda outcome, done, of: told.append((outcome.case, done, of)),
    )  # fmt: skip
    assert told == [(one.case, i + 1, 3) for i, one in enumerate(result.outcomes)]


def test_a_run_names_what_it_was_made_with() -> None:
    result = run(Uniform(), seed=1, cases=["manners/shapes/cpu"])
    assert {"python", "numpy", "varscale"} <= set(result.versions)
    assert ("keras backend" in result.versions) == ("keras" in sys.modules)
    assert result.machine
    assert result.claims == ("law", "manners")
    assert result.seconds >= sum(one.seconds for one in result.outcomes) >= 0
