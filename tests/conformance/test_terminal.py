"""What the terminal shows of a run: summaries, the table, progress."""

from __future__ import annotations

import re

import pytest

from tests.conformance.example_runs import a_run, law_outcome, right_run, wrong_run
from varscale.conformance.report import table
from varscale.conformance.report.summary import columns, summarise_checks, tally
from varscale.conformance.results import Finding, Outcome, Run, Status

# Summaries


def outcomes(*statuses: Status) -> list[Outcome]:
    return [Outcome(str(place), "law", one) for place, one in enumerate(statuses)]


@pytest.mark.parametrize(
    ("statuses", "verdict", "words"),
    [
        (("passed", "not run"), "passed", "1 passed, 1 not run"),
        (("known", "passed", "passed"), "known", "2 passed, 1 known"),
        (("known", "unexpected"), "unexpected", "1 known, 1 unexpected"),
        (("unexpected", "failed", "passed"), "failed", "1 passed, 1 failed, 1 unexpected"),
        (("not run",), "not run", "1 not run"),
        ((), "not run", "nothing run"),
    ],
)
def test_a_group_is_as_bad_as_its_worst(
    statuses: tuple[Status, ...], verdict: Status, words: str
) -> None:
    found = tally(outcomes(*statuses))
    assert (found.verdict, found.words) == (verdict, words)


def test_a_check_is_summed_up_by_its_weakest_case() -> None:
    cases = [
        Finding("scale", True, 100, -0.2, 0.4, 1e-9, 0.5, "u"),
        Finding("scale", True, 900, 0.3, 0.4, 1e-9, 0.7, "u"),
        Finding("scale", False, 400, 9.0, 0.4, 1e-9, 0.6, "u"),
        Finding("bits", True, 5, 0, 0),
    ]
    run = a_run("one", [Outcome(str(i), "law", "passed", (one,)) for i, one in enumerate(cases)])
    scale, bits = summarise_checks(run)
    assert (scale.cases, scale.failed, scale.n) == (3, 1, (100, 900))
    assert (scale.closest, scale.detectable) == (pytest.approx(0.75), 0.7)
    assert (bits.closest, bits.detectable) == (None, None)


def test_the_columns_are_in_a_fixed_order_and_what_has_no_dtype_is_last() -> None:
    run = a_run(
        "one",
        [
            Outcome("a", "manners", "passed"),
            Outcome("b", "law", "passed", facts={"dtype": "zfloat", "distribution": "normal"}),
            Outcome("c", "law", "passed", facts={"dtype": "bfloat16", "distribution": "normal"}),
            Outcome("d", "law", "passed", facts={"dtype": "bfloat16", "distribution": "uniform"}),
            Outcome("e", "law", "passed", facts={"dtype": "float32", "initializer": "odd"}),
        ],
    )
    assert columns([run]) == [
        ("float32", "odd"), ("bfloat16", "uniform"), ("bfloat16", "normal"), ("zfloat", "normal"),
        ("", ""),
    ]  # fmt: skip


# The terminal


def printed(run: Run, width: int = 100, *, quiet: bool = False, terminal: bool = False) -> str:
    rich = pytest.importorskip("rich.console", reason="not installed: pip install rich")
    console = rich.Console(width=width, force_terminal=terminal, record=True, file=_Nowhere())
    table.show(run, console, quiet=quiet)
    text: str = console.export_text(styles=terminal)
    return text


class _Nowhere:
    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("width", [40, 100])
def test_the_table_has_each_failing_case_and_its_command_in_one_line(width: int) -> None:
    run = wrong_run()
    lines = [line.strip() for line in printed(run, width).splitlines()]
    bad = [one for one in run.outcomes if one.bad]
    assert len(bad) == 8
    for one in bad:
        assert run.command(one) in lines


def test_the_table_says_of_a_finding_all_that_judges_it() -> None:
    text = printed(wrong_run())
    assert (
        "scale failed: 0.137, at most 0.0061 relative error of the standard deviation; "
        "n 262144; would see 0.0095"
    ) in text


def test_the_table_ends_with_counts_seed_time_and_command() -> None:
    run = wrong_run()
    *_, last, again = printed(run).splitlines()
    assert last == (
        "torch.nn.init FAILED: 31 passed, 7 failed, 1 known, 1 unexpected, 3 not run; "
        "seed 123456789, 83.5 s"
    )
    assert again == f"again: {run.command()}"


def test_the_table_names_the_reasons_of_what_was_not_run_and_of_known_deviations() -> None:
    text = printed(wrong_run())
    assert "not offered: no samples of float8: law/none, law/none/2" in text
    assert "fans of the transposed kernel https://example.org/issues/1: law/known" in text
    assert "fault of the run: known deviation 'law/x' matches no case that was run" in text


def test_the_table_has_a_line_for_each_group() -> None:
    lines = printed(right_run()).splitlines()
    groups = [line.split() for line in lines if re.match(r"(law|bits|manners) ", line)]
    assert ["law", "bfloat16", "cpu", "24", "passed", "4.8", "s"] in groups
    assert len(groups) == 7


def test_a_quiet_table_has_failures_and_the_last_lines_only() -> None:
    assert len(printed(right_run(), quiet=True).strip().splitlines()) == 2
    quiet = printed(wrong_run(), quiet=True)
    assert "law/wrong0" in quiet
    assert "not offered" not in quiet


def test_a_run_in_which_nothing_ran_is_said_to_have_failed() -> None:
    run = a_run("one", outcomes("not run"))
    assert "one FAILED, for nothing was run: 0 passed" in printed(run)


def test_messages_of_a_subject_do_not_steer_the_terminal() -> None:
    text = printed(wrong_run(), terminal=False)
    assert "<script>alert" in text
    assert not set("\x1b\x00\ud800") & set(text)


def test_a_table_that_is_no_terminals_has_no_colours() -> None:
    assert "\x1b[" not in printed(wrong_run())
    assert "\x1b[" in printed(wrong_run(), terminal=True)


def test_a_progress_bar_is_for_terminals_only() -> None:
    rich = pytest.importorskip("rich.console", reason="not installed: pip install rich")
    with table.progress(rich.Console(file=_Nowhere(), force_terminal=False), "one") as step:
        assert step is None
    console = rich.Console(file=_Nowhere(), force_terminal=True, width=100, record=True)
    with table.progress(console, "one") as step:
        assert step is not None
        step(law_outcome("law/first"), 1, 2)
        step(law_outcome("law/second", "failed", 1.1), 2, 2)
    shown = console.export_text()
    assert all(part in shown for part in ("one", "2/2", "1 failed", "law/second"))
