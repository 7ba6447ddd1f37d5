"""How the cases of a run are divided among processes."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("scipy", reason="not installed: pip install varscale[conformance]")

from varscale.conformance.parallel import _groups
from varscale.conformance.reference import VECTORS
from varscale.conformance.running import plan
from varscale.conformance.subject import find_subject

CASES = plan(find_subject("varscale.numpy"), seed=1).cases


def test_every_case_is_in_one_group() -> None:
    found = Counter(case.id for group in _groups(CASES) for case in group)
    assert found == Counter(case.id for case in CASES)


def test_cases_of_one_program_are_together_and_others_apart() -> None:
    groups = _groups(CASES)
    assert len(groups) > 20
    programs = [{(case.shape, case.dtype, case.spec.samples) for case in one} for one in groups[1:]]
    assert all(len(each) == 1 for each in programs)
    assert len({frozenset(each) for each in programs}) >= len(programs) - 1  # manners are apart


def test_the_recorded_draws_come_first_as_they_take_longest() -> None:
    first, *others = _groups(CASES)
    assert {case.what for case in first} == set(VECTORS)
    assert [len(one) for one in others] == sorted(map(len, others), reverse=True)
