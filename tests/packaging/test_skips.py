"""The rule for skips (tests/conftest.py): what a promised run refuses, on small test files."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"

# The names that pip and Python know everywhere stand for torch and the like.
MODULES = {
    "test_of_an_extra": "importorskip('none', reason='not installed: pip install varscale[pip]')",
    "test_of_a_package": "importorskip('none', reason='not installed: pip install pytest')",
    "test_undeclared": "skip('later', allow_module_level=True)",
}
TESTS = """
import pytest

def test_passes(): pass

def test_cuda(): pytest.skip("not available: cuda")

def test_without_reason(): pytest.skip("could not import 'pytest': broken")

def test_later(): pytest.skip("later")

def test_older(): pytest.skip("not available: pytest<2")

def test_newer(): pytest.skip("not available: pytest>=2")

@pytest.fixture
def device(): pytest.skip("not available: cuda")

def test_fixture(device): pass

@pytest.mark.skipif(True, reason="not installed: pip install pytest")
def test_mark(): pass

@pytest.mark.xfail(reason="a known bug")
def test_expected_failure(): assert False
"""
UNDECLARED = {"test_undeclared.py", "test_later", "test_newer"}
OF_CUDA = {"test_cuda", "test_fixture"}
OF_PYTEST = {"test_of_a_package.py", "test_without_reason", "test_mark"}
RUNS = {
    None: set(),
    "": UNDECLARED,
    "cuda": UNDECLARED | OF_CUDA,
    "pip, pytest": UNDECLARED | OF_PYTEST | {"test_of_an_extra.py"},
}


@pytest.fixture
def files(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST.read_text("utf-8"))
    lines = "import pytest\npytest.{}\ndef test_nothing(): pass\n"
    pytester.makepyfile(**{name: lines.format(text) for name, text in MODULES.items()})
    pytester.makepyfile(test_inside=TESTS)
    return pytester


@pytest.mark.parametrize("required", RUNS, ids=repr)
def test_a_skip_is_refused_where_it_breaks_a_promise(
    required: str | None, files: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    if required is None:
        monkeypatch.delenv("VARSCALE_REQUIRE", raising=False)
    else:
        monkeypatch.setenv("VARSCALE_REQUIRE", required)
    run = files.inline_run("--continue-on-collection-errors", "-p", "no:hypothesispytest")
    reports = run.getreports("pytest_collectreport pytest_runtest_logreport")
    refused = {report.nodeid.rpartition("::")[2] for report in reports if report.failed}
    assert refused == RUNS[required]
    passed = {report.nodeid for report in reports if report.passed and report.when == "call"}
    assert passed == {"test_inside.py::test_passes"}


def test_a_promised_module_that_is_missing_stops_the_run(
    files: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VARSCALE_REQUIRE", "none")
    result = files.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*VARSCALE_REQUIRE lists modules that are not installed: *"])
