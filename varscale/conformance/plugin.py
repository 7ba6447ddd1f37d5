"""The pytest plug-in: `pytest --varscale-subject=torch.nn.init` adds a test for each case.

pytest loads this module in every run where varscale is installed: it imports nothing but pytest and
the standard library before a subject is asked for, and registers no hook that does more.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from varscale.conformance.cases import Case
    from varscale.conformance.results import Outcome
    from varscale.conformance.running import Plan

__all__ = ["CaseItem", "Conformance", "Deviation", "Suite", "Suites"]

#: The part of a test's id that stands where others have a file.
ROOT = "varscale-conformance"
#: The name of the report on a subject's run as a whole.
WHOLE = "the run itself"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("varscale", "conformance with JAX's initializers")
    group.addoption(
        "--varscale-subject", action="append", default=[], metavar="NAME",
        help='add tests of a subject: a registered name or "module:object"; repeatable',
    )  # fmt: skip
    group.addoption(
        "--varscale-seed", type=int, metavar="N", help="repeats a run; default: a fresh one"
    )
    group.addoption(
        "--varscale-profile", default="default", choices=("fast", "default", "thorough"),
        help="how much is drawn",
    )  # fmt: skip
    group.addoption(
        "--varscale-device", action="append", metavar="NAME",
        help="default: all there are; repeatable",
    )  # fmt: skip
    group.addoption(
        "--varscale-dtype", action="append", metavar="NAME", help="default: all; repeatable"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the rest, where a subject is asked for."""
    if config.getoption("varscale_subject"):
        config.pluginmanager.register(Conformance(config), ROOT)


class Planned(NamedTuple):
    """What one test carries out: a case of a plan, and the name that its subject was asked for."""

    subject: str
    plan: Plan
    case: Case


_PLANS = pytest.StashKey[dict[str, "Plan"]]()
_PLANNED = pytest.StashKey[Planned]()
_OUTCOME = pytest.StashKey["Outcome"]()


class Deviation(Exception):
    """A case that failed; the text says all that was found."""


class Suites(pytest.Collector):
    """All subjects that were asked for."""

    def collect(self) -> Iterator[pytest.Collector]:
        """A suite for each subject."""
        for name, plan in self.stash[_PLANS].items():
            suite = Suite.from_parent(self, name=name)
            suite.stash[_PLANS] = {name: plan}
            yield suite


class Suite(pytest.Collector):
    """One subject."""

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each case."""
        for name, plan in self.stash[_PLANS].items():
            for case in plan.cases:
                item = CaseItem.from_parent(self, name=case.id)
                item.stash[_PLANNED] = Planned(name, plan, case)
                yield item


class CaseItem(pytest.Item):
    """One case of one subject."""

    def runtest(self) -> None:
        """Carry out the case."""
        from varscale.conformance.running import execute

        planned = self.stash[_PLANNED]
        outcome = self.stash[_OUTCOME] = execute(planned.plan, planned.case)
        if outcome.status == "not run":
            pytest.skip(outcome.reason)
        if outcome.status == "known":
            pytest.xfail(outcome.reason)  # with --runxfail it goes on
        if outcome.status != "passed":
            raise Deviation(_told(planned, outcome))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What was found, and no traceback: the code that ran is the suite's."""
        if isinstance(excinfo.value, Deviation):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where the test is: in no file."""
        return self.path, None, f"{self.stash[_PLANNED].subject} {self.name}"


class Conformance:
    """The hooks of a session that tests subjects.

    Attributes:
        plans: by the name that a subject was asked for.
        outcomes: of each subject, by case; all of them in the process that reports.
    """

    def __init__(self, config: pytest.Config):
        """Nothing is planned yet: `pytest --help` needs no subject.

        Args:
            config: of the session.
        """
        self._config = config
        self.plans: dict[str, Plan] = {}
        self.outcomes: dict[str, dict[str, Outcome]] = {}

    def pytest_sessionstart(self) -> None:
        """Find the subjects and plan their cases."""
        if importlib.util.find_spec("scipy") is None:
            raise pytest.UsageError(
                "--varscale-subject needs scipy: pip install 'varscale[conformance]'"
            )
        self.plans = _plans(self._config)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Under pytest-xdist: all workers draw with the controller's seed."""
        node.workerinput["varscale_seed"] = next(iter(self.plans.values())).seed

    def pytest_report_header(self) -> list[str]:
        """The seed: it repeats the run."""
        return [
            f"varscale conformance: {name}, {len(plan.cases)} cases, profile {plan.profile}, "
            f"--varscale-seed={plan.seed}"
            for name, plan in self.plans.items()
        ]

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Add the suites to what the session has collected from files."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            suites = Suites.from_parent(collector, name=ROOT, nodeid=ROOT)
            suites.stash[_PLANS] = self.plans
            report.result.append(suites)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Send what came out along with the report: pytest-xdist's workers have only that."""
        report = yield
        outcome = item.stash.get(_OUTCOME, None)
        if outcome is not None and call.when == "call":
            name = item.stash[_PLANNED].subject
            sent = [name, outcome.case, outcome.layer, outcome.status]
            report.varscale = sent  # type: ignore[attr-defined]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what came out."""
        from varscale.conformance.results import Outcome

        if sent := getattr(report, "varscale", None):
            name, case, layer, status = sent
            self.outcomes.setdefault(name, {})[case] = Outcome(case, layer, status)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """After the tests: report on each run as a whole, where all processes' tests are known."""
        result = yield
        reports = not (self._config.option.collectonly or _workers_input(self._config))
        if session.testscollected and reports:
            for name, plan in self.plans.items():
                session.testscollected += 1
                self._report(_whole(name, plan, self.outcomes.get(name, {})))
        return result

    def _report(self, report: pytest.TestReport) -> None:
        hook = self._config.hook
        hook.pytest_runtest_logstart(nodeid=report.nodeid, location=report.location)
        hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)


def _plans(config: pytest.Config) -> dict[str, Plan]:
    from varscale.conformance.running import plan
    from varscale.conformance.subject import find_subject

    seed = _workers_input(config).get("varscale_seed", config.getoption("varscale_seed"))
    found: dict[str, Plan] = {}
    for name in dict.fromkeys(config.getoption("varscale_subject")):
        try:
            found[name] = plan(
                find_subject(name),
                seed=seed,
                devices=config.getoption("varscale_device"),
                dtypes=config.getoption("varscale_dtype"),
                profile=config.getoption("varscale_profile"),
            )
        except ModuleNotFoundError as error:
            missing = error.name or "its library"
            raise pytest.UsageError(
                f"--varscale-subject={name}: {missing} is not installed"
            ) from None
        except (ValueError, TypeError) as error:
            raise pytest.UsageError(f"--varscale-subject={name}: {error}") from None
        seed = found[name].seed  # one for all
    return found


def _workers_input(config: pytest.Config) -> Mapping[str, Any]:
    """What pytest-xdist's controller tells this process; nothing where it is no worker."""
    found: Mapping[str, Any] = getattr(config, "workerinput", {})
    return found


def _whole(name: str, plan: Plan, outcomes: Mapping[str, Outcome]) -> pytest.TestReport:
    """Whether the cases were those that were promised; skipped where only some were chosen."""
    missing = len(plan.cases) - len(outcomes)
    faults = () if missing else plan.finish(list(outcomes.values()))
    said: Any = None
    if missing:
        said = (ROOT, 0, f"{name}: {len(outcomes)} of {len(plan.cases)} cases were carried out")
    elif faults:
        said = "\n".join([f"{name}: the run itself is at fault", *(f"  {one}" for one in faults)])
    return pytest.TestReport(
        nodeid=f"{ROOT}::{name}::{WHOLE}",
        location=(ROOT, None, f"{name} {WHOLE}"),
        keywords={},
        outcome="skipped" if missing else "failed" if faults else "passed",
        longrepr=said,
        when="call",
    )


def _told(planned: Planned, outcome: Outcome) -> str:
    from varscale.conformance.report.table import finding_line
    from varscale.conformance.results import Run

    plan = planned.plan
    run = Run(
        planned.subject, (), plan.seed, plan.profile, plan.alarm, (), (), {}, "", "", 0.0
    )  # without results, for its command
    lines = [f"{planned.subject}: {outcome.case}: {outcome.status}"]
    lines += [outcome.reason] if outcome.reason else []
    lines += [f"  {finding_line(one)}" for one in outcome.findings]
    return "\n".join([*lines, f"again: {run.command(outcome)}"])
