"""Known deviations are strict: what passes, matches nothing or is misspelt makes the run fail."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from varscale.conformance import Outcome, Spec, run
from varscale.conformance.known import Deviation, expected, read_known, shipped, unmatched
from varscale.conformance.subject import names
from varscale.keys import Key

FAILED = Outcome("law/conv/fan_in/normal/float32/cpu", "law", "failed")
KNOWN = (
    Deviation(("law/conv/*",), "other fans", "https://example.org/1"),
    Deviation(("law/*",), "a later entry"),
)


@pytest.fixture(scope="module", autouse=True)
def scipy() -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[conformance]")


@dataclass
class Small:
    """A subject of one law, whose manners are right but for the ones that are named."""

    wrong: frozenset[str] = frozenset()
    name: str = "small"
    claims: frozenset[Any] = field(default_factory=lambda: frozenset({"manners"}))

    def devices(self) -> list[str]:
        return ["cpu"]

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        if "shapes" in self.wrong and shape == (7,):
            shape = (1, 7)
        return np.random.default_rng(key.words).standard_normal(shape, np.float32)

    def to_numpy(self, array: Any) -> Any:
        return np.asarray(array)


def file_of(folder: Path, text: str) -> Path:
    path = folder / "known.toml"
    path.write_text(text, "utf-8")
    return path


def entry(cases: str, extra: str = "") -> str:
    return f'[[deviation]]\ncases = {cases}\nreason = "r"\n{extra}\n'


# One outcome


def test_a_failure_that_is_known_says_why() -> None:
    found = expected(FAILED, KNOWN)
    assert (found.status, found.reason, found.bad) == (
        *("known", "other fans https://example.org/1", False),
    )


def test_a_pass_that_is_known_to_fail_is_unexpected() -> None:
    found = expected(Outcome(FAILED.case, "law", "passed"), KNOWN)
    assert (found.status, found.bad) == ("unexpected", True)
    assert found.reason == "passes, but is known to fail: other fans https://example.org/1"


def test_a_pass_may_be_left_to_chance_where_the_file_says_so() -> None:
    known = [replace(KNOWN[0], strict=False)]
    passed = Outcome(FAILED.case, "law", "passed")
    assert expected(passed, known).status == "passed"
    assert not expected(passed, known).bad
    assert expected(FAILED, known).status == "known"


def test_a_case_that_was_not_run_stays_so() -> None:
    outcome = Outcome(FAILED.case, "law", "not run", reason="not offered")
    assert expected(outcome, KNOWN) is outcome


@pytest.mark.parametrize("status", ["passed", "failed"])
def test_a_case_that_no_pattern_matches_is_as_it_was(status: Any) -> None:
    outcome = Outcome("manners/errors/cpu", "manners", status)
    assert expected(outcome, KNOWN) is outcome


def test_patterns_are_of_whole_identities_and_mind_their_case() -> None:
    one = Deviation(("law/conv/*", "bits/?/cpu"), "r")
    assert one.matches("law/conv/x")
    assert one.matches("bits/a/cpu")
    assert not one.matches("LAW/conv/x")
    assert not one.matches("x/law/conv/x")
    assert not one.matches("bits/ab/cpu")


def test_every_pattern_has_to_match_a_case_that_was_run() -> None:
    known = [Deviation(("law/conv/*", "law/none/*"), "r"), Deviation(("manners/*",), "r")]
    outcomes = [FAILED, Outcome("manners/errors/cpu", "manners", "not run")]
    assert unmatched(outcomes, known) == [
        "known deviation 'law/none/*' matches no case that was run",
        "known deviation 'manners/*' matches no case that was run",
    ]


# A run


def statuses(subject: Small, known: Path | None) -> tuple[bool, dict[str, str], tuple[str, ...]]:
    result = run(subject, seed=1, known=known)
    return result.passed, {one.case: one.status for one in result.outcomes}, result.faults


WRONG_ALWAYS = '["manners/dtypes/cpu", "manners/errors/cpu"]'  # float32 alone, and no errors


def test_a_run_passes_where_what_fails_is_what_is_known(tmp_path: Path) -> None:
    passed, found, faults = statuses(Small(), file_of(tmp_path, entry(WRONG_ALWAYS)))
    assert passed
    assert found["manners/errors/cpu"] == "known"
    assert found["manners/shapes/cpu"] == "passed"
    assert not faults
    assert not statuses(Small(), None)[0]


def test_a_run_fails_where_something_else_fails(tmp_path: Path) -> None:
    known = file_of(tmp_path, entry(WRONG_ALWAYS))
    passed, found, _ = statuses(Small(frozenset({"shapes"})), known)
    assert not passed
    assert found["manners/shapes/cpu"] == "failed"


def test_a_run_fails_where_a_known_deviation_is_none(tmp_path: Path) -> None:
    known = file_of(tmp_path, entry(WRONG_ALWAYS) + entry('["manners/shapes/cpu"]'))
    passed, found, faults = statuses(Small(), known)
    assert not passed
    assert found["manners/shapes/cpu"] == "unexpected"
    assert not faults
    assert statuses(Small(frozenset({"shapes"})), known)[0]


def test_a_run_fails_where_a_pattern_matches_nothing(tmp_path: Path) -> None:
    known = file_of(tmp_path, entry(WRONG_ALWAYS) + entry('["manners/shape/*"]'))
    passed, _, faults = statuses(Small(), known)
    assert not passed
    assert faults == ("known deviation 'manners/shape/*' matches no case that was run",)


def test_patterns_of_cases_that_were_not_chosen_are_no_fault(tmp_path: Path) -> None:
    known = file_of(tmp_path, entry(WRONG_ALWAYS) + entry('["law/none"]'))
    result = run(Small(), seed=1, known=known, cases=["manners/shapes/*", "manners/errors/*"])
    assert result.passed
    assert [one.status for one in result.outcomes] == ["passed", "known"]


def test_patterns_of_cases_that_the_fast_profile_leaves_out_are_no_fault(tmp_path: Path) -> None:
    known = file_of(tmp_path, entry(WRONG_ALWAYS) + entry('["law/none"]'))
    assert run(Small(), seed=1, known=known, profile="fast").passed
    assert not run(Small(), seed=1, known=known).passed


# The file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            entry('["a"]', 'becuase = "x"'),
            "a deviation has a list of cases and a reason, and may have link",
        ),
        ('[[deviation]]\ncases = ["a"]\n', "got ['cases']"),
        ('[[deviation]]\nreason = "r"\n', "got ['reason']"),
        (entry("[]"), "a deviation has a list of cases and a reason"),
        (entry('"law/*"'), "a deviation has a list of cases and a reason"),
        ('[[deviations]]\ncases = ["a"]\n', "only [[deviation]] is allowed, got ['deviations']"),
        ("[[deviation]\n", "Expected"),
        (entry('["a"]', 'where = "jax==0.11"'), "where must be like 'jax<0.11' or 'jax>=0.11'"),
    ],
)
def test_a_file_that_is_misspelt_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = file_of(tmp_path, text)
    with pytest.raises(ValueError, match=r"known\.toml: ") as raised:
        read_known(path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("cases", ["[3]", '[["a"]]'])
def test_patterns_that_are_no_list_of_texts_are_refused(cases: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cases"):
        read_known(file_of(tmp_path, entry(cases)))


def test_a_file_is_read_in_its_order(tmp_path: Path) -> None:
    text = entry('["a", "b*"]', 'link = "l"\nsince = "s"') + entry('["c"]', "strict = false")
    assert read_known(file_of(tmp_path, text)) == (
        Deviation(("a", "b*"), "r", "l", "s"),
        Deviation(("c",), "r", strict=False),
    )
    assert read_known(file_of(tmp_path, "")) == ()


@pytest.mark.parametrize(
    ("where", "applies"),
    [
        ("numpy<2", False),
        ("numpy>=2", True),
        ("numpy>=2.0.0", True),
        (f"numpy>={np.__version__}", True),
        (f"numpy<{np.__version__}", False),
        ("numpy>=999.1", False),
        ("numpy<999.1", True),
        ("no-such-distribution>=1", False),
        ("no-such-distribution<1", False),
    ],
)
def test_an_entry_can_be_for_some_versions_only(where: str, applies: bool, tmp_path: Path) -> None:
    text = entry('["a"]', f'where = "{where}"')
    assert bool(read_known(file_of(tmp_path, text))) is applies


def test_a_file_that_is_not_there_is_an_error_and_none_is_shipped_for_a_stranger(
    tmp_path: Path,
) -> None:
    with pytest.raises(OSError, match=r"known\.toml"):
        read_known(tmp_path / "known.toml")
    assert shipped("no.such.subject") == ()


def test_the_files_that_are_shipped_can_be_read_and_are_of_registered_subjects() -> None:
    folder = importlib.resources.files("varscale.conformance") / "known"
    found = [one for one in folder.iterdir() if one.name != "__pycache__"]
    assert found
    for one in found:
        assert one.name.endswith(".toml")
        subject = one.name.removesuffix(".toml")
        assert subject in names()
        shipped(subject)


@pytest.mark.parametrize("backend", ["tensorflow", "torch", "jax"])
def test_an_entry_can_be_for_one_backend_of_keras_only(backend: str, tmp_path: Path) -> None:
    keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")
    text = entry('["a"]', f'backend = "{backend}"')
    found = read_known(file_of(tmp_path, text))
    assert bool(found) == (keras.backend.backend() == backend)
