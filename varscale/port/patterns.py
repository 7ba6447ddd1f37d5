"""What a user says by regular expressions of the twin's names, and which of them were of use."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from varscale.arguments import check_kind

__all__ = ["Patterns", "by_pattern", "check_template", "match", "nearest"]

V = TypeVar("V")


@dataclass(frozen=True)
class Patterns(Generic[V]):
    """Regular expressions, each matched against a whole name, and what is said by them.

    Of several that match, the first counts; only transforms add up.

    Attributes:
        said: by regular expression.
        used: those that matched something that was asked about.
    """

    said: Mapping[str, V] = field(default_factory=dict)
    used: set[str] = field(default_factory=set, compare=False)

    def matches(self, at: str) -> Iterator[tuple[re.Match[str], V]]:
        """Those that match a name, in the user's order.

        Raises:
            ValueError: one is no regular expression.
        """
        for pattern, value in self.said.items():
            found = match(pattern, at)
            if found:
                self.used.add(pattern)
                yield found, value

    def first(self, at: str) -> tuple[re.Match[str], V] | None:
        """The one that counts."""
        return next(self.matches(at), None)

    @property
    def unused(self) -> list[str]:
        """Those that match nothing."""
        return [pattern for pattern in self.said if pattern not in self.used]


def by_pattern(
    name: str, given: Any, checked: Callable[[str, str, Any], Any], of: str = "of the twin's names"
) -> dict[str, Any]:
    """A mapping of the user's, checked.

    Args:
        name: of the argument.
        given: the mapping, or None.
        checked: takes the words for a value, its expression, and the value.
        of: what the expressions are matched against.

    Raises:
        TypeError: it is none, or a key is no text.
        ValueError: a key is no regular expression.
    """
    if given is None:
        return {}
    check_kind(name, given, Mapping, f"a mapping from regular expressions {of}")
    for pattern in given:
        _check_pattern(name, pattern)
    return {
        pattern: checked(f"{name}[{pattern!r}]", pattern, one) for pattern, one in given.items()
    }


def _check_pattern(name: str, pattern: Any) -> None:
    """Refuse a key that is no regular expression.

    Raises:
        TypeError: it is no text.
        ValueError: it is none.
    """
    check_kind(f"each key of {name}", pattern, str, "a regular expression")
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"each key of {name} must be one, but {pattern!r} is not a regular expression: {error}"
        ) from None


def check_template(name: str, pattern: str, template: Any, said: str) -> None:
    """Refuse what cannot be made of the groups of a regular expression.

    Raises:
        TypeError: it is no text.
        ValueError: it uses a group that is not there.
    """
    check_kind(name, template, str, said)
    try:
        re.compile(pattern).sub(template, "")
    except (re.error, IndexError) as error:
        raise ValueError(
            f"{name} must use groups of its regular expression only, got {template!r}: {error}"
        ) from None


def match(pattern: str, at: str) -> re.Match[str] | None:
    """A user's regular expression against a path, whole; ValueError where it is none."""
    try:
        return re.fullmatch(pattern, at)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None


def nearest(wanted: Iterable[str], known: Iterable[str]) -> str:
    """What to say of names that are like wanted ones, or like regular expressions; "" for none."""
    there, near = list(known), dict[str, None]()
    for one in wanted:
        plain = re.sub(r"\\\w|[\\()\[\]+*?^$]", "", one)
        near |= dict.fromkeys(difflib.get_close_matches(plain, there))
    return f"; the nearest: {', '.join(map(repr, near))}" if near else ""
