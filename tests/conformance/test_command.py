"""The command: what it prints and writes, its exit statuses, and one line where it cannot run."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from varscale.conformance import command
from varscale.conformance.command import main
from varscale.conformance.parallel import usual_jobs
from varscale.conformance.report import as_json
from varscale.conformance.running import carry_out, plan
from varscale.conformance.subject import find_subject

pytest.importorskip("scipy", reason="not installed: pip install scipy")
pytest.importorskip("rich", reason="not installed: pip install rich")

SUBJECTS = """
import os
import sys
import numpy as np
from varscale.conformance.subject import NotOffered, seed_of

class Normal:
    claims = frozenset({"law"})

    def __init__(self, name, times):
        self.name, self.times = name, times

    def devices(self):
        return ["cpu"]

    def draw(self, spec, key, shape, dtype, device):
        if spec.samples != "normal":
            raise NotOffered(f"{spec.samples} samples")
        generator = np.random.default_rng(seed_of(key))
        times = self.times * spec.variance(shape) ** 0.5
        return (times * generator.standard_normal(shape)).astype(dtype)

    def to_numpy(self, array):
        return array

RIGHT = Normal("a name of its own", 1.0)
WRONG = Normal("wrong", 1.1)

class Interrupts(Normal):
    def draw(self, spec, key, shape, dtype, device):
        raise KeyboardInterrupt

INTERRUPTS = Interrupts("interrupts", 1.0)

class Raises(Normal):
    def draw(self, spec, key, shape, dtype, device):
        raise RuntimeError("of the\\nsubject")

RAISES = Raises("raises", 1.0)

class Dies(Normal):
    def draw(self, spec, key, shape, dtype, device):
        os._exit(1)

DIES = Dies("dies", 1.0)

class NeedsWhatIsNotThere(Normal):
    def devices(self):
        import no_such_library
        return ["cpu"]

NEEDS = NeedsWhatIsNotThere("needs", 1.0)

def nothing():
    return 3
"""
CASE = "law/dense/fan_in/normal/float32/cpu"
ONE = ("--profile", "fast", "--case", CASE)
SOME = ("--profile", "fast", "--seed", "3", "--case", "law/dense/*/float32/cpu")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory has a module of subjects."""
    (tmp_path / "drawn.py").write_text(SUBJECTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.delitem(sys.modules, "drawn", raising=False)
    importlib.invalidate_caches()
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on stderr of a command that cannot be carried out."""
    assert main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line.removeprefix("python -m varscale.conformance: ")


def test_a_subject_that_is_right_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--subject", "drawn:RIGHT", *ONE]) == 0
    captured = capsys.readouterr()
    assert (
        "drawn:RIGHT passed: 1 passed, 0 failed, 0 known, 0 unexpected, 0 not run" in captured.out
    )
    assert captured.err == ""


def test_a_subject_that_is_wrong_fails_and_the_printed_command_repeats_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--subject", "drawn:WRONG", *ONE]) == 1
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    (scale,) = [line for line in lines if line.startswith("scale failed: ")]
    said = f" --case {shlex.quote(CASE)}"
    (again,) = [line for line in lines if line.startswith("python") and line.endswith(said)]
    program, *arguments = shlex.split(again)
    assert [program, *arguments[:2]] == ["python", "-m", "varscale.conformance"]
    assert main(arguments[2:]) == 1
    assert scale in [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_an_exception_of_the_subject_is_a_failure_that_shows_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--subject", "drawn:RAISES", *ONE]) == 1
    assert "RuntimeError: of the subject" in capsys.readouterr().out


def test_python_m_runs_the_command_and_imports_no_framework(folder: Path) -> None:
    program = (
        "import runpy, sys\n"
        f"sys.argv = ['conformance', '--subject', 'drawn:WRONG', '--quiet', *{ONE!r}]\n"
        "try: runpy.run_module('varscale.conformance', run_name='__main__')\n"
        "except SystemExit as end: status = end.code\n"
        "loaded = {'torch', 'tensorflow', 'keras', 'jax', 'timm', 'flax'} & set(sys.modules)\n"
        "print(status, sorted(loaded))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.stdout.splitlines()[-1:] == ["1 []"], done.stderr


def test_json_and_page_are_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--subject", "drawn:RIGHT", "-s", "drawn:WRONG", *ONE]
    assert main([*arguments, "--json", "out.json", "--report", "out.html"]) == 1
    runs = as_json.loads((folder / "out.json").read_text("utf-8")).runs
    assert [(one.subject, one.passed) for one in runs] == [
        ("drawn:RIGHT", True), ("drawn:WRONG", False),
    ]  # fmt: skip
    assert len({one.seed for one in runs}) == 1
    page = (folder / "out.html").read_text("utf-8")
    assert "1 of 2 subjects pass" in page
    assert CASE in page


def test_seeds_are_fresh_and_a_given_one_repeats_the_run(folder: Path) -> None:
    found = []
    for place, seed in enumerate([(), (), ("--seed", "7"), ("--seed", "7")]):
        arguments = ["-s", "drawn:RIGHT", *ONE, *seed, "--quiet", "--json", f"{place}.json"]
        assert main(arguments) == 0
        found += as_json.loads((folder / f"{place}.json").read_text("utf-8")).runs
    first, second, third, fourth = found
    assert len({first.seed, second.seed, 7}) == 3
    assert first.outcomes[0].findings != second.outcomes[0].findings
    assert third.seed == fourth.seed == 7
    assert third.outcomes[0].findings == fourth.outcomes[0].findings


def test_a_file_of_known_deviations_is_used_unless_it_is_none(folder: Path) -> None:
    entry = f'[[deviation]]\ncases = ["{CASE}"]\nreason = "a tenth too large"\n'
    (folder / "known.toml").write_text(entry)
    assert main(["-s", "drawn:WRONG", *ONE, "--known", "known.toml"]) == 0
    assert main(["-s", "drawn:WRONG", *ONE, "--known", "none"]) == 1
    assert main(["-s", "drawn:RIGHT", *ONE, "--known", "known.toml"]) == 1


def test_options_reach_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def planned(subject: Any, **options: Any) -> Any:
        asked.update(options)
        return plan(subject, seed=1, profile="fast", cases=[CASE])

    def carried_out(made: Any, progress: Any, results: Any) -> Any:
        asked["progress"] = progress
        return carry_out(made, progress, results)

    monkeypatch.setattr(command, "plan", planned)
    monkeypatch.setattr(command, "carry_out", carried_out)
    arguments = ["--device", "cpu", "--dtype", "float32", "--dtype", "float64", "--seed", "5"]
    arguments += ["--thorough", "--case", "law/*", "--alarm", "1e-3", "--known", "none"]
    assert main(["-s", "drawn:RIGHT", *arguments]) == 0
    progress = asked.pop("progress")
    assert progress is None  # the tests' stderr is no terminal
    assert asked == {
        "devices": ["cpu"], "dtypes": ["float32", "float64"], "seed": 5, "profile": "thorough",
        "cases": ["law/*"], "alarm": 1e-3, "known": None,
    }  # fmt: skip


def test_quiet_prints_the_last_lines_of_what_passed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-s", "drawn:RIGHT", *ONE, "--quiet"]) == 0
    assert len(capsys.readouterr().out.strip().splitlines()) == 2


def test_the_subjects_and_their_cases_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert {"torch.nn.init", "varscale.numpy"} <= set(capsys.readouterr().out.split("\n"))
    assert main(["--list", "-s", "drawn:RIGHT", "--dtype", "float32"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert CASE in lines
    assert len(lines) > 20


def test_all_runs_what_is_installed_and_says_what_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(name: str) -> Any:
        if name == "timm":
            raise ModuleNotFoundError("No module named 'timm'", name="timm")
        return find_subject(name)

    monkeypatch.setattr(command, "names", lambda: ["drawn:RIGHT", "timm"])
    monkeypatch.setattr(command, "find_subject", found)
    files = ["--json", "out.json", "--report", "out.html"]
    assert main(["-s", "all", *ONE, *files]) == 0
    assert "timm: not run: timm is not installed" in capsys.readouterr().out
    results = as_json.loads((folder / "out.json").read_text("utf-8"))
    assert results.missing == {"timm": "timm is not installed"}
    assert [one.subject for one in results.runs] == ["drawn:RIGHT"]
    assert "timm is not installed" in (folder / "out.html").read_text("utf-8")
    monkeypatch.setattr(command, "names", lambda: ["timm"])
    assert refused(capsys, "-s", "all") == "timm is not installed"


def test_a_device_that_is_not_there_is_not_passed(folder: Path) -> None:
    case = CASE.replace("cpu", "cuda")
    arguments = ["-s", "drawn:RIGHT", "--device", "cuda", "--case", case, "--json", "out.json"]
    assert main(arguments) == 1
    data = json.loads((folder / "out.json").read_text("utf-8"))
    assert data["runs"][0]["counts"]["not run"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--subject is wanted; --list names those that are registered"),
        (["-s", "no.such"], "subject must be module:object or one of "),
        (["-s", "drawn:NOTHING"], "subject: module drawn has no 'NOTHING'"),
        (
            ["-s", "drawn:nothing"],
            "subject 'drawn:nothing' must have name, claims, devices, draw, to_numpy",
        ),
        (["-s", "no_such_module:X"], "no_such_module:X: no_such_module is not installed"),
        (["-s", "drawn:NEEDS"], "drawn:NEEDS: no_such_library is not installed"),
        (["-s", "drawn:RIGHT", "--seed", "-1"], "drawn:RIGHT: seed must be in [0, 2**31 - 1), got"),
        (["-s", "drawn:RIGHT", "--alarm", "2"], "drawn:RIGHT: alarm must be a probability"),
        (["-s", "drawn:RIGHT", "--dtype", "float12"], "drawn:RIGHT: dtype must be "),
        (["-s", "drawn:RIGHT", "--case", "x/*"], "drawn:RIGHT: no case of "),
        (["-s", "drawn:RIGHT", "--known", "no.toml"], "drawn:RIGHT: "),
        (["-s", "drawn:RIGHT", "--json", "no/x.json"], "no/x.json: the folder does not exist"),
        (["-s", "drawn:RIGHT", "--report", "no/x.html"], "no/x.html: the folder does not exist"),
        (["--list", "-s", "no.such"], "subject must be module:object or one of "),
    ],
)
def test_what_cannot_be_run_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, *arguments).startswith(message)


@pytest.mark.parametrize("package", ["scipy", "rich"])
def test_a_missing_requirement_names_the_extra(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else real(name)
    )
    line = refused(capsys, "-s", "drawn:RIGHT", *ONE)
    assert line == f"the conformance suite needs {package}: pip install 'varscale[conformance]'"


def test_an_unknown_option_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--profile", "slow"])
    assert end.value.code == 2
    assert "invalid choice: 'slow'" in capsys.readouterr().err


def test_an_interrupted_run_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-s", "drawn:INTERRUPTS", *ONE]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.skipif(os.name == "nt", reason="not available: pty")
def test_a_terminal_sees_a_progress_bar_on_stderr_and_the_table_on_stdout(folder: Path) -> None:
    import pty

    leader, follower = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "varscale.conformance", "-s", "drawn:RIGHT", *ONE],
        stdout=subprocess.PIPE, stderr=follower, text=True, cwd=folder,
        env=os.environ | {"TERM": "xterm"},
    )  # fmt: skip
    os.close(follower)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal ends
        while part := os.read(leader, 4096):
            shown += part
    os.close(leader)
    out, _ = running.communicate()
    assert running.returncode == 0
    assert b"1/1" in shown
    assert "drawn:RIGHT passed" in out
    assert "\x1b" not in out


def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    found = []
    for jobs in ("1", "3"):
        path = tmp_path / f"{jobs}.json"
        assert main(["-s", "drawn:WRONG", *SOME, "--jobs", jobs, "--json", str(path)]) == 1
        (run,) = as_json.loads(path.read_text("utf-8")).runs
        found.append([replace(one, seconds=0.0) for one in run.outcomes])
        assert not run.faults
    assert found[0] == found[1]
    assert {one.status for one in found[0]} == {"failed", "not run"}


def test_a_process_that_dies_fails_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.json"
    assert main(["-s", "drawn:DIES", *SOME, "--jobs", "2", "--json", str(path)]) == 1
    (run,) = as_json.loads(path.read_text("utf-8")).runs
    (fault,) = run.faults
    assert fault.startswith("a process of the run ended before its time (crashed, ")
    assert re.search(r"; no outcome of \d+ of \d+ cases$", fault)
    assert " ".join(capsys.readouterr().out.split()).count(fault) == 1


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5"])
def test_a_number_of_processes_is_positive(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["-s", "drawn:RIGHT", f"--jobs={jobs}"])
    assert "argument --jobs/-j: must be 1 or more" in capsys.readouterr().err


def test_few_cases_are_carried_out_in_one_process_and_many_in_as_many_as_there_are_cpus() -> None:
    subject = find_subject("varscale.numpy")
    assert usual_jobs(plan(subject, cases=["law/dense/fan_in/uniform/float32/cpu"])) == 1
    whole = plan(subject)
    assert usual_jobs(whole) == (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )
    elsewhere = tuple(replace(one, device="cuda") for one in whole.cases)
    assert usual_jobs(replace(whole, cases=elsewhere)) == 1
