"""The pytest plug-in: a test for each case, its verdicts, its seed, the run as a whole."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("scipy", reason="not installed: pip install scipy")

from varscale.conformance import plugin
from varscale.conformance.cases import Case
from varscale.conformance.known import Deviation
from varscale.conformance.results import Finding, Outcome
from varscale.conformance.running import Plan
from varscale.conformance.specs import Spec

#: The module; the package's `run` is the function.
suite = importlib.import_module("varscale.conformance.running")

SCALE = Finding("scale", False, 1000, 0.137, 0.0061, 1e-9, 0.0095, "u", "at index 3")
OUTCOMES = {
    one.case: one
    for one in (
        Outcome("law/good", "law", "passed", (replace(SCALE, passed=True),)),
        Outcome("law/bad", "law", "failed", (SCALE,)),
        Outcome("law/late", "law", "not run", reason="not available: cuda"),
        Outcome("law/old", "law", "known", (SCALE,), reason="bounds in absolute units"),
        Outcome("law/better", "law", "unexpected", reason="passes, but is known to fail"),
    )
}
SUBJECT = """
class Subject:
    name = "{name}"
    claims = frozenset({{"manners"}})

    def devices(self):
        return ["cpu"]

    def draw(self, spec, key, shape, dtype, device):
        import os
        import numpy as np
        from varscale.conformance.subject import seed_of
        with open("drawn.txt", "a") as log:
            log.write(f"{{os.getpid()}} {{key.words}}\\n")
        size = int(np.prod(shape))
        return np.random.default_rng(seed_of(key)).normal(size=size).reshape(shape).astype(dtype)

    def to_numpy(self, array):
        return array
"""
Run = Callable[..., pytest.RunResult]


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Instead of the suite's cases the `OUTCOMES`; gives what was asked of `plan`."""
    asked: dict[str, Any] = {"seeds": [], "known": ()}

    def plan(subject: Any, **options: Any) -> Plan:
        asked["seeds"].append(options["seed"])
        asked["options"] = options
        cases = tuple(Case(one, "law", "cpu", "float32", Spec("normal"), (1,)) for one in OUTCOMES)
        seed = 4242 if options["seed"] is None else options["seed"]
        known = asked["known"]
        return Plan(subject, cases, seed, 1e-6, "default", known, True)

    monkeypatch.setattr(suite, "plan", plan)
    monkeypatch.setattr(suite, "execute", lambda plan, case: OUTCOMES[case.id])
    return asked


@pytest.fixture
def tests(pytester: pytest.Pytester, planned: dict[str, Any]) -> Run:
    """pytest in a folder with two subjects, none of whose cases is really carried out."""
    pytester.makepyfile(one_subject=SUBJECT.format(name="one"))
    pytester.makepyfile(other_subject=SUBJECT.format(name="other"))
    # Hypothesis' own plug-in imports all of it for each session.
    given = ("-p", "no:hypothesispytest", "--varscale-subject=one_subject:Subject")
    return lambda *arguments: pytester.runpytest(*given, *arguments)


def whole(result: pytest.RunResult) -> str:
    """The verdict on the run itself, as `-v` prints it."""
    (line,) = [line for line in result.outlines if "the run itself " in line and "::" in line
               and not line.startswith(("FAILED", "SKIPPED"))]  # fmt: skip
    return line.split("the run itself ")[1].split()[0]


def test_each_case_is_a_test_with_its_own_verdict(tests: Run) -> None:
    result = tests("-v")
    result.assert_outcomes(passed=2, failed=2, skipped=1, xfailed=1)  # and the run itself
    root = "varscale-conformance::one_subject:Subject::"
    for case, verdict in (
        ("law/good", "PASSED"), ("law/bad", "FAILED"), ("law/late", "SKIPPED"),
        ("law/old", "XFAIL"), ("law/better", "FAILED"), ("the run itself", "PASSED"),
    ):  # fmt: skip
        result.stdout.fnmatch_lines([f"{root}{case} {verdict}*"])
    assert result.ret == 1


def test_a_failure_shows_the_findings_and_the_command_and_no_traceback(tests: Run) -> None:
    result = tests("-k", "bad", "--varscale-seed=7")
    result.stdout.fnmatch_lines(
        [
            "*one_subject:Subject law/bad*",
            "one_subject:Subject: law/bad: failed",
            "  scale failed: 0.137, at most 0.0061 u; n 1000; would see 0.0095; at index 3",
            "again: python -m varscale.conformance --subject one_subject:Subject --seed 7 "
            "--case law/bad",
        ]
    )
    text = result.stdout.str()
    assert "plugin.py" not in text
    assert "Deviation" not in text


def test_a_pass_that_is_known_to_fail_is_a_failure_with_its_reason(tests: Run) -> None:
    result = tests("-k", "better")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["passes, but is known to fail"])


def test_reasons_are_in_the_summary(tests: Run) -> None:
    result = tests("-ra")
    result.stdout.fnmatch_lines_random(
        ["SKIPPED*not available: cuda", "XFAIL*law/old - bounds in absolute units"]
    )


def test_known_deviations_fail_where_xfail_is_turned_off(tests: Run) -> None:
    tests("--runxfail", "-k", "old").assert_outcomes(failed=1, skipped=1, deselected=4)


def test_the_seed_is_fresh_unless_it_is_given_and_stands_in_the_header(
    tests: Run, planned: dict[str, Any]
) -> None:
    line = "varscale conformance: one_subject:Subject, 5 cases, profile default, --varscale-seed="
    tests().stdout.fnmatch_lines([f"{line}4242"])
    tests("--varscale-seed=7").stdout.fnmatch_lines([f"{line}7"])
    assert planned["seeds"] == [None, 7]


def test_all_subjects_have_one_seed(tests: Run, planned: dict[str, Any]) -> None:
    tests("--varscale-subject=other_subject:Subject").assert_outcomes(
        passed=4, failed=4, skipped=2, xfailed=2
    )
    assert planned["seeds"] == [None, 4242]


def test_options_reach_the_plan(tests: Run, planned: dict[str, Any]) -> None:
    tests(
        "--varscale-device=cpu", "--varscale-dtype=float32", "--varscale-dtype=float64",
        "--varscale-profile=fast",
    )  # fmt: skip
    assert planned["options"] == {
        "seed": None, "devices": ["cpu"], "dtypes": ["float32", "float64"], "profile": "fast",
    }  # fmt: skip


def test_a_fault_of_the_run_fails_the_session(
    tests: Run, planned: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for case, one in OUTCOMES.items():
        monkeypatch.setitem(OUTCOMES, case, replace(one, status="passed"))
    assert tests("-v").ret == 0
    planned["known"] = (Deviation(("law/no such case",), "a reason"),)
    result = tests("-v")
    assert (whole(result), result.ret) == ("FAILED", 1)
    result.stdout.fnmatch_lines(
        [
            "one_subject:Subject: the run itself is at fault",
            "  known deviation 'law/no such case' matches no case that was run",
        ]
    )


def test_where_only_some_cases_were_chosen_the_run_itself_is_skipped_and_says_so(
    tests: Run, planned: dict[str, Any]
) -> None:
    planned["known"] = (Deviation(("law/no such case",), "a reason"),)
    result = tests("-v", "-ra", "-k", "good")
    assert (whole(result), result.ret) == ("SKIPPED", 0)
    result.stdout.fnmatch_lines(["SKIPPED*: one_subject:Subject: 1 of 5 cases were carried out"])


def test_the_tests_of_the_user_run_beside_them(tests: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own="def test_own():\n    pass")
    tests().assert_outcomes(passed=3, failed=2, skipped=1, xfailed=1)
    tests("-k", "own").assert_outcomes(passed=1, skipped=1, deselected=5)
    result = tests("--collect-only", "-q")
    result.stdout.fnmatch_lines(["test_own.py::test_own", "*law/better", "6 tests collected*"])


def test_where_all_tests_are_deselected_there_is_no_report_and_no_success(tests: Run) -> None:
    result = tests("-k", "nothing")
    result.assert_outcomes(deselected=5)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_the_counts_and_the_percentages_are_right(tests: Run) -> None:
    result = tests()
    result.stdout.fnmatch_lines(["collected 5 items", "*[[]100%[]]*"])
    assert "varscale-conformance .FsxF." in result.stdout.str()


def test_a_session_that_stops_early_says_nothing_of_the_run_itself(tests: Run) -> None:
    result = tests("-x")
    result.assert_outcomes(passed=1, failed=1)
    assert "the run itself" not in result.stdout.str()


def test_junit_has_every_case_and_the_run_itself(tests: Run, pytester: pytest.Pytester) -> None:
    tests("--junitxml=out.xml")
    names = re.findall(r'<testcase classname="[^"]*" name="([^"]*)"', Path("out.xml").read_text())
    assert names == [*OUTCOMES, "the run itself"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--varscale-subject=no.such"],
            "--varscale-subject=no.such: subject must be module:object or one of *",
        ),
        (
            ["--varscale-subject=no_such_module:X"],
            "--varscale-subject=no_such_module:X: no_such_module is not installed",
        ),
        (
            ["--varscale-subject=one_subject:Subject", "--varscale-dtype=float12"],
            "--varscale-subject=one_subject:Subject: dtype must be *",
        ),
    ],
)
def test_what_cannot_be_run_is_a_usage_error_in_one_line(
    pytester: pytest.Pytester, arguments: list[str], message: str
) -> None:
    pytester.makepyfile(one_subject=SUBJECT.format(name="one"))
    result = pytester.runpytest(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert "Traceback" not in result.stderr.str()


def test_a_missing_scipy_names_the_extra(tests: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin.importlib.util, "find_spec", lambda name: None)
    result = tests()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --varscale-subject needs scipy: pip install 'varscale[conformance]'"]
    )


def test_help_and_version_plan_nothing(tests: Run, planned: dict[str, Any]) -> None:
    tests("--help").stdout.fnmatch_lines(["*--varscale-subject=NAME*"])
    assert planned["seeds"] == []


def test_without_a_subject_the_plugin_does_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_own(request):
            assert request.config.pluginmanager.hasplugin("varscale")
            assert not request.config.pluginmanager.hasplugin("varscale-conformance")
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(passed=1)
    assert "conformance" not in result.stdout.str()


def test_the_plugin_itself_imports_pytest_and_the_standard_library_only() -> None:
    tree = ast.parse(Path(plugin.__file__).read_text("utf-8"))
    modules = {
        name.split(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else
                     [one.name for one in node.names])
    }  # fmt: skip
    assert modules <= {*sys.stdlib_module_names, "pytest"}


def keys_by_process(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in (folder / "drawn.txt").read_text().splitlines():
        process, key = line.split(" ", 1)
        found.setdefault(process, set()).add(key)
    (folder / "drawn.txt").unlink()
    return found


def test_all_workers_of_xdist_draw_with_the_seed_of_the_header(pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist", reason="not installed: pip install pytest-xdist")
    pytester.makepyfile(one_subject=SUBJECT.format(name="one"))
    arguments = ["--varscale-subject=one_subject:Subject", "-p", "no:cacheprovider"]
    spread = pytester.runpytest_subprocess(*arguments, "-n2", "-v")
    by_process = keys_by_process(pytester.path)
    assert len(by_process) == 2
    assert whole(spread) == "PASSED"
    seed = re.search(r"--varscale-seed=(\d+)", spread.stdout.str())
    assert seed is not None
    alone = pytester.runpytest_subprocess(*arguments, f"--varscale-seed={seed[1]}", "-v")
    (keys,) = keys_by_process(pytester.path).values()
    assert set.union(*by_process.values()) == keys
    assert spread.parseoutcomes() == alone.parseoutcomes()


def test_a_fault_of_the_run_is_seen_from_the_outcomes_of_all_workers(
    pytester: pytest.Pytester,
) -> None:
    pytest.importorskip("xdist", reason="not installed: pip install pytest-xdist")
    pytester.makepyfile(one_subject=SUBJECT.format(name="one"))
    pytester.makeconftest(
        """
        import importlib
        from dataclasses import replace
        from varscale.conformance.known import Deviation
        run = importlib.import_module("varscale.conformance.running")
        real = run.plan
        run.plan = lambda *given, **named: replace(
            real(*given, **named), known=(Deviation(("law/nothing",), "a reason"),)
        )
        """
    )
    subject = "--varscale-subject=one_subject:Subject"
    result = pytester.runpytest_subprocess(subject, "-n2", "-v")
    assert (whole(result), result.ret) == ("FAILED", 1)
    result.stdout.fnmatch_lines(["*known deviation 'law/nothing' matches no case*"])


def test_pytest_loads_the_plugin_without_a_framework(tmp_path: Path) -> None:
    program = (
        "import pytest, sys; pytest.main(['-q']);"
        "print(sorted({'torch', 'tensorflow', 'jax', 'scipy', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "[]"
