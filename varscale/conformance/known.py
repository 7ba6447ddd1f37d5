"""A subject's known deviations: a strict file of its own, so that the suite has no exceptions.

The file is TOML:

    [[deviation]]
    cases = ["law/conv_transpose/*"]      # patterns of case identities, as in fnmatch
    reason = "fans of the transposed kernel, in and out exchanged"
    link = "https://..."                  # optional
    since = "torch 1.0"                   # optional
    where = "jax<0.11"                    # optional: only with this version of a distribution
    backend = "tensorflow"                # optional: only where Keras runs on this backend
    strict = false                        # optional: so small that chance decides; may pass too

Every case that a pattern matches has to fail: an unexpected pass is a failure of the run. So is a
pattern that matches nothing, in a run of all cases.
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from varscale.conformance.results import Outcome

__all__ = ["Deviation", "expected", "read_known", "shipped", "unmatched"]

_FIELDS = frozenset({"cases", "reason", "link", "since", "where", "backend", "strict"})
_WHERE = re.compile(r"([\w-]+)(<|>=)(\d+(?:\.\d+)*)")


@dataclass(frozen=True, slots=True)
class Deviation:
    """An entry of the file: see the module."""

    cases: tuple[str, ...]
    reason: str
    link: str = ""
    since: str = ""
    strict: bool = True

    def matches(self, case: str) -> bool:
        """Whether a case is one of those."""
        return any(fnmatchcase(case, pattern) for pattern in self.cases)


def shipped(subject: str) -> tuple[Deviation, ...]:
    """The known deviations that varscale ships for a subject of this name, if any."""
    folder = importlib.resources.files("varscale.conformance") / "known"
    entry = folder / f"{subject}.toml"
    return _parse(entry.read_text("utf-8"), f"{subject}.toml") if entry.is_file() else ()


def read_known(path: Path) -> tuple[Deviation, ...]:
    """The known deviations of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not what the module's text says.
    """
    return _parse(path.read_text("utf-8"), str(path))


def expected(outcome: Outcome, known: Sequence[Deviation]) -> Outcome:
    """The outcome as the file has it: a failure that is known, a pass that is unexpected."""
    found = next((one for one in known if one.matches(outcome.case)), None)
    if found is None or outcome.status not in ("passed", "failed"):
        return outcome
    reason = " ".join(part for part in (found.reason, found.link) if part)
    if outcome.status == "failed":
        return replace(outcome, status="known", reason=reason)
    if not found.strict:
        return outcome
    return replace(outcome, status="unexpected", reason=f"passes, but is known to fail: {reason}")


def unmatched(outcomes: Sequence[Outcome], known: Sequence[Deviation]) -> list[str]:
    """The patterns that match no case that was run."""
    ran = [one.case for one in outcomes if one.status != "not run"]
    return [
        f"known deviation {pattern!r} matches no case that was run"
        for one in known
        for pattern in one.cases
        if not any(fnmatchcase(case, pattern) for case in ran)
    ]


def _parse(text: str, name: str) -> tuple[Deviation, ...]:
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{name}: {error}") from None
    if set(read) - {"deviation"}:
        raise ValueError(f"{name}: only [[deviation]] is allowed, got {sorted(read)}")
    found = []
    for entry in read.get("deviation", []):
        wrong = set(entry) - _FIELDS
        patterns = entry.get("cases")
        listed = isinstance(patterns, list) and all(isinstance(one, str) for one in patterns)
        if wrong or not listed or not patterns or "reason" not in entry:
            raise ValueError(
                f"{name}: a deviation has a list of cases and a reason, and may have link, since, "
                f"where, backend, strict, got {sorted(entry)}"
            )
        if not _applies(entry.get("where"), name) or not _is_backend(entry.get("backend")):
            continue
        link, since = entry.get("link", ""), entry.get("since", "")
        strict = entry.get("strict", True)
        found.append(Deviation(tuple(patterns), entry["reason"], link, since, strict))
    return tuple(found)


def _applies(where: str | None, name: str) -> bool:
    """Whether the installed version is one that the entry is for."""
    if where is None:
        return True
    asked = _WHERE.fullmatch(where)
    if asked is None:
        raise ValueError(f"{name}: where must be like 'jax<0.11' or 'jax>=0.11', got {where!r}")
    distribution, relation, version = asked.groups()
    try:
        installed = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    have, want = (
        [int(part) for part in re.findall(r"\d+", one)[:3]] for one in (installed, version)
    )
    return have < want if relation == "<" else have >= want


def _is_backend(backend: str | None) -> bool:
    """Whether Keras runs on the backend that the entry is for."""
    if backend is None:
        return True
    try:
        import keras
    except ModuleNotFoundError:
        return False
    return bool(keras.backend.backend() == backend)
