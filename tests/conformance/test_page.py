"""The page of a run, as text; how it looks: test_page_in_browser.py."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.example_runs import HOSTILE, KILLS, right_run, wrong_run
from tests.conformance.strategies import NUMBERS, RUNS
from varscale.conformance.report import pictures
from varscale.conformance.report.html import page
from varscale.conformance.results import Picture, Run


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
