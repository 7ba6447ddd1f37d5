"""Pieces of HTML: escaped text, statuses with their signs, tables that fit a phone."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from varscale.conformance.report.summary import printable
from varscale.conformance.results import Status

__all__ = ["SIGNS", "badge", "code", "kind", "safe", "scroll", "table"]

#: A status is never said by its colour alone.
SIGNS: Mapping[Status, str] = MappingProxyType(
    {"passed": "✓", "failed": "✗", "known": "≈", "unexpected": "!", "not run": "\N{EN DASH}"}
)


#: An option is not broken after its hyphens.
_OPTION = re.compile(r"(?<= )(-[\w-]+)")


def safe(text: object) -> str:
    """Any text, escaped for elements and attributes."""
    return html.escape(printable(str(text)))


def kind(status: Status) -> str:
    """The class of what is coloured by a status."""
    return f"is-{status.replace(' ', '-')}"


def badge(status: Status, text: str = "") -> str:
    """A status: its sign, and its word or another text."""
    return f'<span class="badge {kind(status)}">{SIGNS[status]} {safe(text or status)}</span>'


def code(text: str) -> str:
    """A command, to be copied whole."""
    whole = _OPTION.sub(r'<span class="nowrap">\1</span>', safe(text))
    return f"<pre><code>{whole}</code></pre>"


def scroll(content: str, label: str, *, tall: bool = False) -> str:
    """A box that scrolls by itself where its content is wider than the page, or too tall for it."""
    kind = "scroll tall" if tall else "scroll"
    return (
        f'<div class="{kind}" role="region" aria-label="{safe(label)}" tabindex="0">{content}</div>'
    )


def table(name: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose rows become blocks on a narrow page.

    Args:
        name: its class; the style gives each cell its label there.
        heads: texts.
        rows: cells, as HTML.
    """
    head = "".join(f'<th scope="col">{safe(one)}</th>' for one in heads)
    body = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<table class="flow {name}"><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>'
    )
