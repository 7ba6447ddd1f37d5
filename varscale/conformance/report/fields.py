"""The fields of a JSON object, each asked for by its kind; the errors say where it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["Fields"]


class Fields:
    """A JSON object that is read.

    Each method gives a field of one kind, and raises ValueError where there is none, or of another
    kind. JSON has no tuples: lists are given as such.
    """

    def __init__(self, data: Any, where: str):
        """Read an object.

        Args:
            data: what should be a JSON object.
            where: its JSON pointer.

        Raises:
            ValueError: it is none.
        """
        if not isinstance(data, dict):
            raise _wrong(where or "the text", "an object", data)
        self._data: dict[str, Any] = data
        self._where = where

    def text(self, name: str) -> str:
        """A text."""
        return _text(self._get(name), self._at(name))

    def one_of(self, name: str, allowed: tuple[Any, ...]) -> Any:
        """A text that is one of some."""
        found = self.text(name)
        if found not in allowed:
            wanted = ", ".join(map(repr, allowed))
            raise ValueError(f"{self._at(name)} must be one of {wanted}, got {found!r}")
        return found

    def truth(self, name: str) -> bool:
        """True or false."""
        found = self._get(name)
        if not isinstance(found, bool):
            raise _wrong(self._at(name), "true or false", found)
        return found

    def whole(self, name: str) -> int:
        """An integer."""
        return _whole(self._get(name), self._at(name))

    def real(self, name: str) -> float:
        """A number."""
        return _real(self._get(name), self._at(name))

    def real_or_null(self, name: str) -> float | None:
        """A number, or None."""
        return None if self._get(name) is None else self.real(name)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(_text(one, where) for where, one in self._list(name))

    def wholes(self, name: str) -> tuple[int, ...]:
        """A list of integers."""
        return tuple(_whole(one, where) for where, one in self._list(name))

    def reals(self, name: str) -> tuple[float, ...]:
        """A list of numbers."""
        return tuple(_real(one, where) for where, one in self._list(name))

    def rows(self, name: str, length: int) -> list[tuple[float, ...]]:
        """A list of lists of so many numbers."""
        rows = []
        for where, one in self._list(name):
            if not isinstance(one, list) or len(one) != length:
                raise _wrong(where, f"a list of {length}", one)
            rows.append(tuple(_real(value, where) for value in one))
        return rows

    def texts_by_name(self, name: str) -> dict[str, str]:
        """An object whose values are texts."""
        inner = Fields(self._get(name), self._at(name))
        return {one: inner.text(one) for one in inner._data}

    def facts(self, name: str) -> dict[str, Any]:
        """An object of any plain values."""
        inner = Fields(self._get(name), self._at(name))
        return {one: _frozen(value) for one, value in inner._data.items()}

    def inner(self, name: str) -> Fields | None:
        """An object, or None."""
        found = self._get(name)
        return None if found is None else Fields(found, self._at(name))

    def each(self, name: str) -> Iterator[Fields]:
        """A list of objects."""
        for where, one in self._list(name):
            yield Fields(one, where)

    def _at(self, name: str) -> str:
        return f"{self._where}/{name}"

    def _get(self, name: str) -> Any:
        if name not in self._data:
            raise ValueError(f"{self._at(name)} is missing")
        return self._data[name]

    def _list(self, name: str) -> Iterator[tuple[str, Any]]:
        found = self._get(name)
        if not isinstance(found, list):
            raise _wrong(self._at(name), "a list", found)
        for place, one in enumerate(found):
            yield f"{self._at(name)}/{place}", one


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(where, "a text", value)
    return value


def _whole(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(where, "an integer", value)
    return value


def _real(value: Any, where: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _wrong(where, "a number", value)
    return value


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _frozen(one) for name, one in value.items()}
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


def _wrong(where: str, wanted: str, value: Any) -> ValueError:
    return ValueError(f"{where} must be {wanted}, got {_shown(value)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
