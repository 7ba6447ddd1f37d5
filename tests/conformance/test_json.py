"""A run as JSON, and back."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.example_runs import a_run, law_outcome, right_run, wrong_run
from tests.conformance.strategies import RUNS, TEXTS
from varscale.conformance.report import as_json
from varscale.conformance.results import Finding, Outcome, Run


@settings(deadline=None)
@given(st.lists(RUNS, max_size=2), st.dictionaries(TEXTS, TEXTS, max_size=2))
def test_json_gives_back_the_same_runs(runs: list[Run], missing: dict[str, str]) -> None:
    found = as_json.loads(as_json.dumps(runs, missing))
    # As texts, for a NaN is not equal to itself; they have all fields, types and digits.
    assert repr(found.runs) == repr(tuple(runs))
    assert found.missing == missing


@settings(deadline=None)
@given(RUNS)
def test_json_has_no_numbers_beyond_its_own(run: Run) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(as_json.dumps([run]), parse_constant=refuse)


def test_json_says_the_verdict_the_counts_and_the_commands() -> None:
    right, wrong = json.loads(as_json.dumps([right_run(), wrong_run()]))["runs"]
    assert (right["passed"], wrong["passed"]) == (True, False)
    assert wrong["counts"] == wrong_run().counts()
    failing = [one for one in wrong["outcomes"] if one["status"] in ("failed", "unexpected")]
    assert len(failing) == 8
    assert all(f"--case {shlex.quote(one['case'])}" in one["command"] for one in failing)
    assert not any("command" in one for one in right["outcomes"])


def test_json_has_a_line_for_each_outcome() -> None:
    lines = as_json.dumps([right_run()]).splitlines()
    assert sum(line.startswith('{"case": ') for line in lines) == len(right_run().outcomes)


def test_a_numpy_scalar_among_the_facts_is_a_number() -> None:
    run = a_run("one", [Outcome("a", "law", "passed", facts={"ulp": np.int64(3)})])
    assert as_json.loads(as_json.dumps([run])).runs[0].outcomes[0].facts == {"ulp": 3}


def test_a_fact_that_is_no_plain_data_is_refused() -> None:
    run = a_run("one", [Outcome("a", "law", "passed", facts={"x/y": np.zeros(3)})])
    with pytest.raises(TypeError) as error:
        as_json.dumps([run])
    pointer = "/runs/0/outcomes/0/facts/x~1y"
    assert str(error.value) == f"{pointer} must be plain data, got ndarray"


def small_run() -> Run:
    """One case, all of whose numbers are finite."""
    found = (Finding("scale", True, 9, 0.1, 0.2, 1e-9, 0.3), Finding("bits", True, 9, 0, 0))
    return a_run("one", [replace(law_outcome("law/a"), findings=found)])


STATUSES = "'passed', 'failed', 'known', 'unexpected', 'not run'"


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("format",), "x", "/format must be 'varscale-conformance', got 'x'"),
        (("version",), 2, "/version must be 1, got 2: it needs another varscale"),
        (("version",), True, "/version must be an integer, got True"),
        (("runs",), {}, "/runs must be a list, got {}"),
        (("runs", 0), [], "/runs/0 must be an object, got []"),
        (("runs", 0, "seed"), "7", "/runs/0/seed must be an integer, got '7'"),
        (("runs", 0, "subject"), None, "/runs/0/subject must be a text, got None"),
        (("runs", 0, "faults"), [3], "/runs/0/faults/0 must be a text, got 3"),
        (("runs", 0, "alarm"), True, "/runs/0/alarm must be a number, got True"),
        (
            ("runs", 0, "outcomes", 0, "status"),
            "fine",
            f"/runs/0/outcomes/0/status must be one of {STATUSES}, got 'fine'",
        ),
        (
            ("runs", 0, "outcomes", 0, "findings", 1, "passed"),
            1,
            "/runs/0/outcomes/0/findings/1/passed must be true or false, got 1",
        ),
        (
            ("runs", 0, "outcomes", 0, "picture", "quantiles", 0),
            [1],
            "/runs/0/outcomes/0/picture/quantiles/0 must be a list of 2, got [1]",
        ),
        (
            ("not_finite", "/runs/0/seed"),
            "inf",
            "/not_finite must have pointers to nulls with 'nan', 'inf' or '-inf', "
            "got '/runs/0/seed': 'inf'",
        ),
    ],
)
def test_json_of_another_kind_is_refused_by_its_place(
    place: tuple[Any, ...], value: object, message: str
) -> None:
    data = json.loads(as_json.dumps([small_run()]))
    inner = data
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        as_json.loads(json.dumps(data))


def test_json_without_a_field_is_refused_by_its_place() -> None:
    data = json.loads(as_json.dumps([small_run()]))
    del data["runs"][0]["outcomes"][0]["findings"][0]["n"]
    with pytest.raises(ValueError, match=r"^/runs/0/outcomes/0/findings/0/n is missing$"):
        as_json.loads(json.dumps(data))


def test_a_text_that_is_not_json_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a JSON text is wanted: Expecting value"):
        as_json.loads("x")
