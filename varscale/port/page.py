"""A table as HTML that stands alone: inline CSS, no scripts, light and dark, wide and narrow."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape

from varscale.arguments import check_kind

__all__ = ["document", "fragment"]

#: Colours are made of the text's own, so that they are right on any background.
_STYLE = """
.varscale-plan { font: 13px/1.45 ui-sans-serif, system-ui, sans-serif; overflow-x: auto }
.varscale-plan table { border-collapse: collapse; min-width: 60% }
.varscale-plan th, .varscale-plan td { text-align: left; padding: .3em .9em .3em 0;
  border-bottom: 1px solid rgba(128, 128, 128, .25); vertical-align: baseline;
  background: none; white-space: nowrap }
.varscale-plan th { font-weight: 600; opacity: .7 }
.varscale-plan td { font-variant-numeric: tabular-nums }
.varscale-plan .mono { font-family: ui-monospace, monospace; font-size: 12px }
.varscale-plan .path { white-space: normal; overflow-wrap: anywhere; min-width: 15em }
.varscale-plan .part { white-space: nowrap; opacity: .7 }
.varscale-plan .bar { display: inline-block; width: 72px; height: .55em; margin-right: .6em;
  border-radius: .28em; background: rgba(128, 128, 128, .18); overflow: hidden }
.varscale-plan .bar > span { display: block; height: 100% }
.varscale-plan p { margin: .6em 0 0; opacity: .75 }
@media (max-width: 640px) {
  .varscale-plan thead { display: none }
  .varscale-plan table, .varscale-plan tbody, .varscale-plan tr { display: block; min-width: 0 }
  .varscale-plan tr { padding: .6em 0; border-bottom: 1px solid rgba(128, 128, 128, .4) }
  .varscale-plan td { display: flex; gap: 10px; align-items: baseline; border: 0; padding: .1em 0;
    white-space: normal; overflow-wrap: anywhere; min-width: 0 }
  .varscale-plan td::before { content: attr(data-label); flex: 0 0 76px; opacity: .7;
    font: 13px/1.45 ui-sans-serif, system-ui, sans-serif; overflow-wrap: normal }
  .varscale-plan td:first-child { font-weight: 600 }
  .varscale-plan .bar { flex: none; margin: 0 }
  .varscale-plan td:empty { display: none }
}
"""
_PAGE_STYLE = """
:root { color-scheme: light dark }
body { margin: 1.5em; background: Canvas; color: CanvasText }
h1 { font: 600 18px/1.3 ui-sans-serif, system-ui, sans-serif; margin: 0 0 .8em }
"""
_MONO = frozenset({"twin", "JAX", "key", "initializer", "layout"})
#: Names that may be long, and break after a separator rather than push the other columns aside.
_PATHS = frozenset({"twin", "JAX"})
_BREAK = re.compile(r"(?<=[/.])(?=\w)")


def fragment(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    spreads: Sequence[float | None],
    notes: Sequence[str],
) -> str:
    """A table, its style and its notes; all text is escaped.

    Args:
        columns: their names; the one that is called "std" has bars.
        rows: the text of each cell.
        spreads: for each row, what its bar shows, on a logarithmic scale; None and 0 have none.
        notes: lines below the table.
    """
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    levels = _levels(spreads)
    body = "\n".join(
        "<tr>"
        + "".join(_cell(name, text, level) for name, text in zip(columns, row, strict=True))
        + "</tr>"
        for row, level in zip(rows, levels, strict=True)
    )
    lines = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        f'<div class="varscale-plan"><style>{_STYLE}</style>\n'
        f"<table><thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table>{lines}</div>\n"
    )


def document(title: str, content: str) -> str:
    """A whole page around a fragment.

    Raises:
        TypeError: a title that is no text.
    """
    check_kind("title", title, str, "a text")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_PAGE_STYLE}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{content}</body></html>\n"
    )


def _cell(name: str, text: str, level: float | None) -> str:
    kinds = " ".join(kind for kind, of in (("mono", _MONO), ("path", _PATHS)) if name in of)
    kind = f' class="{kinds}"' if kinds else ""
    shown = escape(text)
    if name in _PATHS and shown:  # one element, which a narrow page sets beside the cell's label
        at, _, part = _BREAK.sub("<wbr>", shown).partition("  ")
        shown = f"<span>{at}" + (f'  <span class="part">{part}</span>' if part else "") + "</span>"
    bar = _bar(level) if name == "std" and level is not None else ""
    return f'<td{kind} data-label="{escape(name)}">{bar}{shown}</td>'


def _bar(level: float) -> str:
    """Longer and warmer for a larger value; the number stands beside it, for those who see none."""
    hue = round(215 - 190 * level)
    style = f"width: {round(8 + 92 * level)}%; background: hsl({hue} 65% 50%)"
    return f'<span class="bar" aria-hidden="true"><span style="{style}"></span></span>'


def _levels(spreads: Sequence[float | None]) -> list[float | None]:
    """From 0 for the smallest to 1 for the largest, by their logarithms."""
    logs = [math.log(one) for one in spreads if one and math.isfinite(one)]
    if not logs:
        return [None] * len(spreads)
    high, span = max(logs), max(max(logs) - min(logs), 1e-12)
    return [
        1 - (high - math.log(one)) / span if one and math.isfinite(one) else None for one in spreads
    ]
