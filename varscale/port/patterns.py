"""What a user says by regular expressions of the twin's names, and which of them were of use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Patterns", "match"]

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


def match(pattern: str, at: str) -> re.Match[str] | None:
    """A user's regular expression against a path, whole; ValueError where it is none."""
    try:
        return re.fullmatch(pattern, at)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
