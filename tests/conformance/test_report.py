"""What shows a run: JSON and back, the table of the terminal, the page as text."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.example_runs import HOSTILE, KILLS, a_run, law_outcome, right_run, wrong_run
from varscale.conformance.report import as_json, pictures, table
from varscale.conformance.report.html import page
from varscale.conformance.report.summary import columns, summarise_checks, tally
from varscale.conformance.results import Finding, Outcome, Picture, Run, Status

TEXTS = st.text(max_size=12)
NUMBERS = st.floats()
FACTS = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=2).map(tuple),
    max_leaves=4,
)
FINDINGS = st.builds(
    Finding, TEXTS, st.booleans(), st.integers(0), NUMBERS, NUMBERS, NUMBERS,
    st.none() | NUMBERS, TEXTS, TEXTS,
)  # fmt: skip
PICTURES = st.builds(
    Picture,
    st.sampled_from(["law", "ulp"]),
    st.lists(NUMBERS, max_size=4).map(tuple),
    st.lists(st.integers(0, 2**60), max_size=4).map(tuple),
    st.lists(NUMBERS, max_size=4).map(tuple),
    st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3).map(tuple),
)
NAMES = st.sampled_from(["dtype", "distribution", "device", "scale", "scale_low", "scale_high"])
OUTCOMES = st.builds(
    Outcome,
    TEXTS,
    TEXTS,
    st.sampled_from(get_args(Status)),
    st.lists(FINDINGS, max_size=2).map(tuple),
    TEXTS,
    NUMBERS,
    st.dictionaries(NAMES | TEXTS, FACTS, max_size=4),
    st.none() | PICTURES,
)
SOME_TEXTS = st.lists(TEXTS, max_size=2).map(tuple)
RUNS = st.builds(
    Run, TEXTS, SOME_TEXTS, st.integers(0, 2**64), TEXTS, NUMBERS,
    st.lists(OUTCOMES, max_size=3).map(tuple), SOME_TEXTS, st.dictionaries(TEXTS, TEXTS),
    TEXTS, TEXTS, NUMBERS,
)  # fmt: skip


# JSON


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


# The page


class Structure(HTMLParser):
    """The elements of a page; fails where they are not nested."""

    VOID = frozenset({"meta", "br", "path", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.titles = 0
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        assert len(dict(attrs)) == len(attrs)
        if tag == "title" and self.open[-1] == "svg":
            self.titles += 1
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.VOID
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def whole_page() -> str:
    return page([right_run(), wrong_run()], missing={"timm": "timm is not installed"}, kills=KILLS)


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    elements = Structure(whole_page()).elements
    tags = Counter(tag for tag, _ in elements)
    assert not set(tags) & {"script", "link", "img", "iframe", "object", "base", "form"}
    targets = [value for _, has in elements for name, value in has.items()
               if name in ("href", "src", "srcset", "data", "action")]  # fmt: skip
    assert targets
    assert all(target.startswith("#") for target in targets)
    assert not [name for _, has in elements for name in has if name.startswith("on")]
    assert "url(" not in whole_page()
    assert "@import" not in whole_page()


def test_the_page_refuses_to_load_or_run_what_a_message_would_bring_in() -> None:
    metas = [has for tag, has in Structure(whole_page()).elements if tag == "meta"]
    policies = [has["content"] for has in metas if "http-equiv" in has]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_the_page_escapes_what_subjects_say() -> None:
    text = whole_page()
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp;" in text
    assert HOSTILE not in text
    assert not set("\x1b\x00\ud800") & set(text)


def test_every_link_of_the_page_has_a_target_and_every_id_is_one_elements() -> None:
    elements = Structure(whole_page()).elements
    ids = Counter(has["id"] for _, has in elements if "id" in has)
    assert set(ids.values()) == {1}
    links = {has["href"] for tag, has in elements if tag == "a"}
    assert links <= {f"#{one}" for one in ids}
    assert len(links) > 10


def test_every_picture_has_a_text_alternative() -> None:
    structure = Structure(whole_page())
    svgs = [has for tag, has in structure.elements if tag == "svg"]
    assert len(svgs) > 40
    assert all(has["role"] == "img" for has in svgs)
    assert structure.titles == len(svgs)


def assert_finite(structure: Structure) -> None:
    for tag, has in structure.elements:
        if tag in ("path", "rect", "text"):
            numbers = " ".join(has.get(name, "") for name in ("d", "x", "y", "width", "height"))
            assert not re.search("nan|inf", numbers), numbers


def test_pictures_have_finite_coordinates_only() -> None:
    assert_finite(Structure(whole_page()))


def test_the_page_has_the_command_of_each_failing_case() -> None:
    text = re.sub(r"</?span[^>]*>", "", whole_page())
    run = wrong_run()
    for one in run.outcomes:
        if one.bad:
            assert run.command(one).replace("'", "&#x27;") in text


def test_a_cell_of_the_matrix_says_its_verdict_by_sign_and_by_words() -> None:
    text = page([wrong_run()])
    cell = re.search(r'<a class="cell is-failed"[^>]*>(.*?)</a>', text)
    assert cell is not None
    assert cell[1].startswith("\N{BALLOT X} 3<span")
    assert "3 passed, 3 failed" in cell[1]


def test_every_cell_whose_cases_are_on_the_page_leads_to_one() -> None:
    cells = [has for tag, has in Structure(page([right_run(cases=150)])).elements
             if "cell" in has.get("class", "").split()]  # fmt: skip
    assert len(cells) == 16
    assert sum("href" in has for has in cells) == 15  # what was not run has no case of its own


def test_a_case_without_a_device_is_in_the_row_of_the_first_device() -> None:
    rows = Structure(page([right_run()])).elements
    assert sum(tag == "th" and has.get("scope") == "row" for tag, has in rows) == 1


def test_the_page_says_what_was_not_run_and_why() -> None:
    text = whole_page()
    assert "timm is not installed" in text
    assert "not offered: no samples of float8" in text
    assert "not available: cuda" in text


def test_the_page_names_mutants_that_survived() -> None:
    text = whole_page()
    assert "3 of 4 wrong initializers were found" in text
    assert len(re.findall("survived", text)) == 1


def test_thirteen_runs_fit_in_three_megabytes() -> None:
    runs = [wrong_run(f"subject{place}", failing=40) for place in range(5)]
    runs += [right_run(f"right{place}", cases=150) for place in range(8)]
    assert len(page(runs).encode()) < 3_000_000


def test_a_run_with_many_failures_has_pictures_of_some_and_says_so() -> None:
    run = wrong_run(failing=60)
    text = page([run])
    assert "36 of these cases have no pictures here" in text
    assert text.count('class="case case-failed"') == sum(one.bad for one in run.outcomes)


def test_a_page_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^runs must hold at least one run$"):
        page([])


@settings(max_examples=50, deadline=None)
@given(st.lists(RUNS, min_size=1, max_size=2))
def test_any_run_gives_a_page(runs: list[Run]) -> None:
    text = page(runs)
    assert_finite(Structure(text))
    text.encode()


EDGES = st.lists(st.floats(-5, 5) | NUMBERS, min_size=2, max_size=5)


@settings(deadline=None)
@given(st.data())
def test_any_picture_is_drawn_with_finite_coordinates_or_not_at_all(data: st.DataObject) -> None:
    edges = data.draw(EDGES.map(sorted) | EDGES)
    counts = data.draw(st.lists(st.integers(0, 2**60), min_size=len(edges) - 1,
                                max_size=len(edges) - 1))  # fmt: skip
    expected = data.draw(
        st.lists(NUMBERS, min_size=len(counts), max_size=len(counts)) | st.just([])
    )
    pairs = data.draw(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3))
    kind = data.draw(st.sampled_from(["law", "ulp"]))
    picture = Picture(kind, tuple(edges), tuple(counts), tuple(expected), tuple(pairs))
    drawn = [pictures.quantiles(picture), pictures.scale(*data.draw(st.tuples(*[NUMBERS] * 3)))]
    if pictures.is_drawable(picture):
        drawn.append((pictures.ulp if kind == "ulp" else pictures.histogram)(picture))
    for svg in drawn:
        assert_finite(Structure(svg))


def test_pictures_as_a_run_makes_them_are_drawn() -> None:
    made = [one.picture for one in right_run().outcomes if one.picture is not None]
    assert {one.kind for one in made} == {"law", "ulp"}
    assert all(pictures.is_drawable(one) for one in made)


@pytest.mark.parametrize(
    ("deviation", "place"),
    [(0.0, 50.0), (2.0, 100.0), (-2.0, 0.0), (99.0, 100.0), (-math.inf, 0.0), (math.nan, 50.0)],
)
def test_the_axis_of_deviations_ends_where_it_should(deviation: float, place: float) -> None:
    assert pictures.deviation_place(deviation) == place


def test_the_histogram_names_the_bin_that_is_furthest_from_the_law() -> None:
    expected = (100.0, 100.0)
    picture = Picture("law", (-1.0, 0.0, 1.0), (130, 70), expected)
    svg = pictures.histogram(picture)
    # 30 over the standard error of a binomial count, sqrt(200 / 4).
    assert "the bin furthest from it is 4.2 standard errors away" in svg


def test_an_ulp_histogram_names_the_distances_of_each_bin() -> None:
    svg = pictures.ulp(Picture("ulp", (-0.5, 0.5, 1.5, 4.0, math.inf), (90, 7, 2, 1)))
    said = re.search("<title>(.*)</title>", svg)
    assert said is not None
    assert said[1] == "Distances from the reference in ulp: 90 at 0, 7 at 1, 2 at 2-3, 1 at 4 up"


def test_cases_that_passed_are_drawn_once_for_each_dtype_and_distribution() -> None:
    text = page([right_run(cases=150)])
    assert len(re.findall('<details id="case-0-', text)) == 15 + 1  # and the ulp histogram


def test_a_known_deviation_is_marked_as_such_and_not_as_a_failure() -> None:
    known = [one for one in wrong_run().outcomes if one.status == "known"]
    text = page([replace(wrong_run(), outcomes=tuple(known), faults=())])
    assert 'class="case case-known"' in text
    assert "case-failed" not in text.split("</style>")[1]
    assert "fans of the transposed kernel" in text
