"""The page in a real browser: wide and narrow, light and dark, read by measuring it.

Each measurement is also made of a page that is wrong on purpose, so that it is known to see.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.example_runs import KILLS, right_run, wrong_run
from varscale.conformance.report.html import page

pytest.importorskip("playwright", reason="not installed: pip install playwright")

from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
VIEWS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]

#: Of every element that has text of its own and is to be seen: what a reader's eyes get.
TEXTS = """
() => {
  const found = [];
  const solid = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = getComputedStyle(at).backgroundColor.match(/[\\d.]+/g).map(Number);
      layers.push([r, g, b, a]);
      if (a === 1) break;
    }
    return layers.reverse().reduce(
      (under, [r, g, b, a]) => [r, g, b].map((one, i) => one * a + under[i] * (1 - a)),
      [255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((one) => one / 255)
      .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].filter((one) => one.nodeType === 3)
      .map((one) => one.data.trim()).join(" ").trim();
    if (!own || element.closest(".hidden") || element.tagName === "title") continue;
    if (!element.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) continue;
    const style = getComputedStyle(element);
    const svg = element.ownerSVGElement;
    const drawn = svg ? element.getScreenCTM().d : 1;
    const [r, g, b, a = 1] = (svg ? style.fill : style.color).match(/[\\d.]+/g).map(Number);
    const under = solid(svg ? svg.parentElement : element);
    const over = [r, g, b].map((one, i) => one * a + under[i] * (1 - a));
    const [low, high] = [light(over), light(under)].sort((x, y) => x - y);
    found.push({
      text: own.slice(0, 40),
      size: parseFloat(style.fontSize) * drawn,
      contrast: (high + 0.05) / (low + 0.05),
    });
  }
  return found;
}
"""
#: The share of the pixels that have the commonest colour, and the mean of all, from 0 to 255.
PIXELS = """
async (data) => {
  const bitmap = await createImageBitmap(await (await fetch(data)).blob());
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const counts = new Map();
  let sum = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    const colour = pixels[at] << 16 | pixels[at + 1] << 8 | pixels[at + 2];
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
    sum += pixels[at] + pixels[at + 1] + pixels[at + 2];
  }
  const number = pixels.length / 4;
  return {commonest: Math.max(...counts.values()) / number, mean: sum / number / 3};
}
"""
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"
UNFOLD = "document.querySelectorAll('details').forEach((one) => { one.open = true })"


class Sight:
    """A page as it is shown, and what the browser said of it."""

    def __init__(self, shown: Page):
        self.shown = shown
        self.said: list[str] = []
        self.asked: list[str] = []
        shown.on("console", lambda message: self.said.append(message.text))
        shown.on("pageerror", lambda error: self.said.append(str(error)))
        shown.on("request", lambda request: self.asked.append(request.url))

    def texts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.shown.evaluate(TEXTS)
        return found

    def overflow(self) -> int:
        return int(self.shown.evaluate(OVERFLOW))

    def pixels(self) -> dict[str, float]:
        image = base64.b64encode(self.shown.screenshot()).decode()
        empty = self.shown.context.new_page()  # the page itself loads nothing, by its policy
        found: dict[str, float] = empty.evaluate(PIXELS, f"data:image/png;base64,{image}")
        empty.close()
        return found


def faint(texts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in texts if one["contrast"] < 4.5]


def small(texts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in texts if one["size"] < 11.99]


Look = Callable[..., Sight]


@pytest.fixture(scope="module")
def browser() -> Generator[Browser, None, None]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("not available: chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def look(browser: Browser, tmp_path: Path) -> Generator[Look, None, None]:
    """Open a page's text with everything unfolded."""
    contexts = []

    def opened(text: str, width: int = 390, scheme: Any = "light", unfold: bool = True) -> Sight:
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(text, "utf-8")
        viewport: Any = {"width": width, "height": 900}
        contexts.append(browser.new_context(viewport=viewport, color_scheme=scheme))
        sight = Sight(contexts[-1].new_page())
        sight.shown.goto(path.as_uri())
        if unfold:
            sight.shown.evaluate(UNFOLD)
        return sight

    yield opened
    for context in contexts:
        context.close()


def whole_page() -> str:
    missing = {"timm": "timm is not installed"}
    return page([right_run(), wrong_run()], missing=missing, kills=KILLS)


def broken(old: str, new: str) -> str:
    """The page, wrong on purpose."""
    text = whole_page()
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_the_page_is_readable(look: Look, width: int, scheme: str) -> None:
    sight = look(whole_page(), width, scheme)
    assert sight.overflow() <= 0
    texts = sight.texts()
    assert len(texts) > 500
    assert small(texts) == []
    assert faint(texts) == []


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_the_browser_has_nothing_to_complain_of_and_asks_for_nothing(
    look: Look, width: int, scheme: str
) -> None:
    sight = look(whole_page(), width, scheme)
    assert sight.said == []
    assert sight.asked == [sight.shown.url]


@pytest.mark.parametrize("width", [1440, 390])
def test_light_and_dark_are_neither_blank_nor_the_same(look: Look, width: int) -> None:
    light = look(whole_page(), width, "light").pixels()
    dark = look(whole_page(), width, "dark").pixels()
    assert light["commonest"] < 0.98
    assert dark["commonest"] < 0.98
    assert light["mean"] > 200
    assert dark["mean"] < 60


@pytest.mark.parametrize("width", [1440, 390])
def test_the_command_of_each_failing_case_is_seen_after_unfolding(look: Look, width: int) -> None:
    run = wrong_run()
    sight = look(page([right_run(), run]), width, unfold=False)
    bad = [one for one in run.outcomes if one.bad]
    commands = sight.shown.locator("details.case-failed pre")
    assert not any(one.is_visible() for one in commands.all())
    sight.shown.get_by_role("heading", name=run.subject).click()
    for summary in sight.shown.locator("details.case-failed > summary").all():
        summary.click()
    shown = [one.inner_text() for one in commands.all() if one.is_visible()]
    assert shown == [run.command(one) for one in bad]
    for one in commands.all():
        box = one.bounding_box()
        assert box is not None
        assert box["width"] > 100
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width


def test_a_cell_of_the_matrix_leads_to_its_case_and_unfolds_the_subject(look: Look) -> None:
    sight = look(page([right_run(), wrong_run()]), 1440, unfold=False)
    cell = sight.shown.locator("a.cell.is-failed").first
    target = sight.shown.locator(str(cell.get_attribute("href")))
    assert not target.is_visible()
    cell.click()
    assert target.is_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_every_picture_is_seen_and_named(look: Look, width: int) -> None:
    sight = look(whole_page(), width)
    sizes = sight.shown.get_by_role("img").evaluate_all(
        "(all) => all.map((one) => [one.clientWidth, one.clientHeight])"
    )
    assert len(sizes) > 60
    assert all(wide > 60 and high >= 9 for wide, high in sizes)
    named = sight.shown.get_by_role("img", name="Histogram of").all()
    assert len(named) > 15


def test_a_wide_matrix_scrolls_in_its_own_box(look: Look) -> None:
    sight = look(whole_page())
    box = sight.shown.get_by_role("region", name="Results by subject").first
    assert box.evaluate("(one) => one.scrollWidth - one.clientWidth") > 100
    box.evaluate("(one) => { one.scrollLeft = 1000 }")
    name = sight.shown.locator(".matrix tbody th").first.bounding_box()
    assert name is not None
    assert name["x"] >= 0  # the subject's name stays


# The measurements see what is wrong


def test_a_page_that_overflows_is_seen(look: Look) -> None:
    assert look(broken(".scroll { overflow-x: auto;", ".scroll {")).overflow() > 100


def test_small_text_is_seen(look: Look) -> None:
    tables = broken(
        "table { border-collapse: collapse; font-size: .9rem }", "table { font-size: 11px }"
    )
    assert len(small(look(tables).texts())) > 10
    drawn = broken("svg text { font-size: 14px", "svg text { font-size: 8px")
    assert small(look(drawn).texts())


@pytest.mark.parametrize(
    ("scheme", "old", "new"),
    [
        ("light", "--soft: #59616b", "--soft: #8c949e"),
        ("dark", "--soft: #a0a8b3", "--soft: #59616b"),
        ("light", "--known: #7a4a00", "--known: #c08000"),
    ],
)
def test_faint_text_is_seen(look: Look, scheme: str, old: str, new: str) -> None:
    assert faint(look(broken(old, new), scheme=scheme).texts())


def test_what_the_page_would_load_or_run_is_seen(look: Look) -> None:
    script = "<body><script>console.warn('a script')</script>"
    refused = look(broken("<body>", script))
    assert any("Content Security Policy" in one for one in refused.said)
    text = broken("default-src 'none'", "default-src * 'unsafe-inline'")
    run = look(text.replace("<body>", script))
    assert "a script" in run.said
    asked = look(text.replace("<body>", '<body><img src="other.png" alt="">'))
    assert [one.rsplit("/")[-1] for one in asked.asked[1:]] == ["other.png"]


def test_a_blank_page_and_one_without_a_dark_palette_are_seen(look: Look) -> None:
    assert look(broken("<body>", "<body hidden>")).pixels()["commonest"] > 0.98
    light = broken("@media (prefers-color-scheme: dark)", "@media (width < 0)")
    assert look(light, scheme="dark").pixels()["mean"] > 200


def test_a_command_that_is_not_shown_is_seen(look: Look) -> None:
    sight = look(broken("pre { margin", ".case pre { display: none } pre { margin"))
    assert not any(one.is_visible() for one in sight.shown.locator("details.case-failed pre").all())
