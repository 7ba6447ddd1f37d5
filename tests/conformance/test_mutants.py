"""Every wrong initializer is killed by the check that is meant for it; the right ones live.

The seed is fresh; a failing test names the command that repeats it.
"""

from __future__ import annotations

import functools
import secrets
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from varscale.conformance.manners import ERRORS
from varscale.conformance.mutants import (
    GROUPS,
    MUTANTS,
    Mutant,
    kill_matrix,
    kills,
    markdown,
    outcome_of,
)
from varscale.conformance.mutants.__main__ import main
from varscale.conformance.results import Outcome

SEED = secrets.randbelow(2**31 - 1)
PAGE = Path(__file__).parents[2] / "docs" / "kill-matrix.md"


@pytest.fixture(scope="module", autouse=True)
def scipy() -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[conformance]")


@pytest.mark.parametrize("mutant", MUTANTS, ids=[one.name for one in MUTANTS])
def test_a_mutant_is_killed_by_the_check_that_is_meant_for_it(mutant: Mutant) -> None:
    (row,) = kill_matrix([mutant], seed=SEED)
    assert row.as_meant, (
        f"{mutant.about} Meant: {mutant.check}; failed: {', '.join(row.fired) or 'nothing'}; again:"
        f" python -m varscale.conformance.mutants --seed {SEED} --mutant '{mutant.name}'"
    )


#: The right initializer of each case that a mutant fails, once.
RIGHT = {(type(one.right).__name__, one.case): one for one in MUTANTS}


@functools.cache
def right_outcome(kind: str, case: str) -> Outcome:
    return outcome_of(RIGHT[kind, case].right, case, SEED)


@pytest.mark.parametrize(("kind", "case"), RIGHT, ids=[case for _, case in RIGHT])
def test_the_same_without_the_mistake_passes_everything(kind: str, case: str) -> None:
    outcome = right_outcome(kind, case)
    wrong = [one for one in outcome.findings if not one.passed]
    assert outcome.status == "passed", f"seed {SEED}: {outcome.reason} {wrong}"


def test_the_checks_that_are_meant_are_made() -> None:
    for one in MUTANTS:
        outcome = right_outcome(type(one.right).__name__, one.case)
        made = {found.check for found in outcome.findings}
        assert one.check in made | {"call"}, one.name


def test_every_check_of_the_suite_kills_a_mutant_that_is_meant_for_it() -> None:
    meant = Counter(one.check for one in MUTANTS)
    checks = {found.check for one in RIGHT for found in right_outcome(*one).findings}
    # Of shapes, dtypes, errors and devices, one check for each that is asked: some are enough.
    many = ("shape ", "dtype ", *ERRORS, "float32 on ", "bfloat16 on ")
    single = {one for one in checks if not one.startswith(many)}
    assert not single - set(meant)
    for kind in many[:2]:
        assert any(one.startswith(kind) for one in meant)
    assert len(set(ERRORS) & set(meant)) >= 5


def test_mutants_are_many_and_told_apart() -> None:
    assert len(MUTANTS) >= 50
    assert len({one.name for one in MUTANTS}) == len(MUTANTS)
    assert sum(len(group) for group in GROUPS.values()) == len(MUTANTS)
    for one in MUTANTS:
        assert one.about.endswith("."), one.name
        assert "|" not in one.name + one.about, one.name


def test_a_case_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="case must be one of a run of right, got 'law/none'"):
        outcome_of(MUTANTS[0].right, "law/none", 1)


# The matrix and its command


def few() -> list[Mutant]:
    """Three that are fast: killed as meant, by another check, not at all."""
    killed = next(one for one in MUTANTS if one.name == "negative zero for zero")
    other = replace(killed, name="by another", check="lags")
    return [killed, other, replace(killed, name="survives", subject=killed.right)]


def test_the_matrix_tells_what_was_killed_as_meant_by_others_and_not_at_all() -> None:
    told: list[tuple[str, int, int]] = []
    rows = kill_matrix(
        few(), seed=3, progress=lambda row, done, of: told.append((row.mutant.name, done, of))
    )
    assert [row.as_meant for row in rows] == [True, False, False]
    assert [row.fired for row in rows] == [("bits",), ("bits",), ()]
    assert kills(rows) == {
        "negative zero for zero": ("bits",),
        "by another": ("bits",),
        "survives": (),
    }
    assert told == [("negative zero for zero", 1, 3), ("by another", 2, 3), ("survives", 3, 3)]


def test_the_killer_that_is_meant_comes_first() -> None:
    rows = kill_matrix([one for one in MUTANTS if one.name == "truncated at 3"], seed=SEED)
    assert rows[0].fired[0] != "support"
    assert kills(rows)["truncated at 3"][0] == "support"


def test_a_fresh_seed_is_told_and_a_wrong_one_refused() -> None:
    assert kill_matrix(few()[:1])[0].seed != kill_matrix(few()[:1])[0].seed
    with pytest.raises(ValueError, match="seed must be in"):
        kill_matrix(few(), seed=-1)


def test_the_page_says_what_was_not_seen_as_meant() -> None:
    rows = kill_matrix(few(), seed=3)
    shown = next(iter(GROUPS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(GROUPS, shown, tuple(few()))
        text = markdown(rows, date="2026-01-31", versions="numpy 2")
    assert "2 of 3 mutants were killed, 1 of them by other checks" in text
    assert "2026-01-31, seed 3, numpy 2." in text
    lines = {line.split(" | ")[0]: line for line in text.splitlines() if line.startswith("| ")}
    assert lines["| negative zero for zero"].endswith("| bits |  |")
    assert lines["| by another"].endswith("| **lags: not seen** | bits |")
    assert lines["| survives"].endswith("| **bits: not seen** |  |")


def test_the_command_prints_a_line_each_and_writes_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    assert main(["--mutant", "negative*", "--seed", "3", "--markdown", str(page)]) == 0
    assert capsys.readouterr().out == (
        "1/1 negative zero for zero: killed, meant: bits\n1 of 1 as meant, seed 3\n"
    )
    assert "1 of 1 mutants were killed" in page.read_text("utf-8")


def test_the_command_fails_where_a_mutant_survives(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("varscale.conformance.mutants.__main__.MUTANTS", few())
    assert main(["--seed", "3"]) == 1
    printed = capsys.readouterr().out
    assert "survives: SURVIVED, meant: bits" in printed
    assert "by another: KILLED BY OTHERS, meant: lags; also bits" in printed
    assert main(["--quiet", "--seed", "3"]) == 1
    assert capsys.readouterr().out == "1 of 3 as meant, seed 3\n"


def test_the_command_refuses_what_it_cannot_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--mutant", "nobody"]) == 2
    assert main(["--mutant", "negative*", "--seed", "-1"]) == 2
    assert capsys.readouterr().err == (
        "python -m varscale.conformance.mutants: no mutant's name matches nobody\n"
        "python -m varscale.conformance.mutants: seed must be in [0, 2**31 - 1), got -1\n"
    )


def test_the_page_of_the_docs_has_every_mutant_and_no_survivor() -> None:
    if not PAGE.exists():  # the tests of a wheel, without the checkout's docs
        pytest.skip("not available: docs")
    lines = [line.split(" | ") for line in PAGE.read_text("utf-8").splitlines()]
    rows = {line[0].removeprefix("| "): line for line in lines if len(line) == 5}
    assert set(rows) - {"mutant"} == {one.name for one in MUTANTS}
    for one in MUTANTS:
        assert rows[one.name][1:3] == [one.about, f"`{one.case}`"]
        assert rows[one.name][3] == one.check
