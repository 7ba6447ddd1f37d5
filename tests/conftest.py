"""The rule for skips: which skips are allowed, and when a skip is a failure. No fixtures live here.

Also where JAX keeps what it compiles, most of the tests' time: `VARSCALE_JAX_CACHE` names a
folder, in which each worker of pytest-xdist has its own (JAX writes without a lock).

A test skips for one of two declared reasons, written so that a person knows what to do:

    torch = pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
    pytest.skip("not available: cuda")

The first names an extra of varscale or a package; the second a capability of the machine, or a
version (`not available: jax>=0.5`). On a developer's machine both are visible skips.

The environment variable `VARSCALE_REQUIRE` is a promise about the run, made by tox for every one of
its environments: `VARSCALE_REQUIRE=torch,jax,scipy` says that these must be tested. Where it is set
(it may be empty), (1) a listed module that is not installed stops the run before the first test,
(2) a skip for a listed name is a failure, or for a version that is installed, and (3) so is a skip
with any other reason than the two.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import re
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytest_plugins = ["pytester"]  # for the tests of this file


def _keep_what_jax_compiles(folder: Path) -> None:
    """Give this process a folder of its own, with what others compiled in runs before this one."""
    own = folder / os.environ.get("PYTEST_XDIST_WORKER", "main")
    own.mkdir(parents=True, exist_ok=True)
    for entry in folder.glob("*/*-cache"):
        # A file that is being written is a young one.
        if time.time() - entry.stat().st_mtime > 10:
            with contextlib.suppress(FileExistsError):
                os.link(entry, own / entry.name)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(own)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


if folder := os.environ.get("VARSCALE_JAX_CACHE"):
    _keep_what_jax_compiles(Path(folder))

_VARIABLE = "VARSCALE_REQUIRE"

# What a skip's reason may look like; the third form is importorskip's own, without reason=.
_DECLARED = re.compile(
    r"not installed: pip install (?:varscale\[(?P<extra>\w+)\]|(?P<package>[\w-]+))"
    r"|not available: (?P<version>\w+[<>=!]=?[\w.]+)"
    r"|not available: (?P<capability>[\w-]+)"
    r"|could not import '(?P<module>\w+)"
)

# Names that differ between "what pip installs" and "what Python imports".
_IMPORT_NAMES = {
    "orthogonal": "scipy",
    "conformance": "scipy",
    "tensorflow-cpu": "tensorflow",
    "dm-haiku": "haiku",
}

# Names in VARSCALE_REQUIRE that are capabilities, not modules.
_CAPABILITIES = frozenset({"chromium", "cuda", "git", "kernels"})


def _required() -> frozenset[str] | None:
    """The names that this run must test, or None where nothing was promised."""
    value = os.environ.get(_VARIABLE)
    if value is None:
        return None
    return frozenset(name.strip() for name in value.split(",") if name.strip())


def _objection(reason: str, required: frozenset[str]) -> str | None:
    """Why this skip is not allowed in this run, or None where it is."""
    declared = _DECLARED.search(reason)
    if declared is None:
        return (
            f"undeclared skip: {reason!r}; a reason starts with 'not installed: pip install ...' "
            "or 'not available: ...' (tests/conftest.py)"
        )
    name = next(text for text in declared.groups() if text is not None)
    if declared["version"] is not None:
        return f"skipped, but {name} is installed" if _installed(name) else None
    name = _IMPORT_NAMES.get(name, name)
    if name in required:
        return f"skipped, but {_VARIABLE} lists {name!r}: {reason}"
    return None


def _installed(requirement: str) -> bool:
    """Whether a requirement such as `jax>=0.5` is met."""
    wanted = Requirement(requirement)
    try:
        return importlib.metadata.version(wanted.name) in wanted.specifier
    except importlib.metadata.PackageNotFoundError:
        return False


def _refuse(report: pytest.CollectReport | pytest.TestReport) -> None:
    """Turn a skip that this run does not allow into a failure."""
    required = _required()
    if required is None or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    longrepr = report.longrepr
    reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    objection = _objection(reason.removeprefix("Skipped: "), required)
    if objection is not None:
        report.outcome = "failed"
        report.longrepr = objection


def pytest_configure(config: pytest.Config) -> None:
    """Stop before the first test where a promised module is not there."""
    missing = sorted(
        name
        for name in (_required() or frozenset()) - _CAPABILITIES
        if importlib.util.find_spec(name) is None
    )
    if missing:
        raise pytest.UsageError(f"{_VARIABLE} lists modules that are not installed: {missing}")


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Skips of whole modules: `pytest.importorskip` at a module's top."""
    report = yield
    _refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skips of one test: marks, fixtures, and `pytest.skip` inside the test."""
    report = yield
    _refuse(report)
    return report
