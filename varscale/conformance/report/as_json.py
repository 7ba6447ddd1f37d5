"""The result as JSON for machines, and back to the same data.

The document is one object:

- "format": "varscale-conformance"; "version": 1. A reader refuses another version.
- "runs": a list of runs, each an object with "subject", "claims" (list of texts), "seed" (integer),
  "profile", "alarm", "passed" (the verdict), "counts" (cases by status), "command" (repeats the
  run), "faults" (list of texts), "versions" (text by name), "machine", "date" (ISO 8601), "seconds"
  and "outcomes".
- "outcomes": a list of cases, each an object with "case", "layer", "status" ("passed", "failed",
  "known", "unexpected", "not run"), "reason", "seconds", "facts" (by name; what they say is in
  `varscale.conformance.results.Outcome`), "findings", "picture" (or null), and "command" (repeats
  the case) where it makes the run fail.
- "findings": a list of checks, each an object with "check", "passed", "n", "statistic", "bound",
  "alarm", "detectable" (or null: the check is exact), "unit", "note".
- "picture": an object with "kind" ("law", "ulp"), "edges", "counts", "expected", "quantiles" (list
  of pairs).
- "missing": why a subject that was asked for has no run, by the subject's name.
- "not_finite": numbers are finite or null; for each null that is not one in the data, this has its
  JSON pointer (RFC 6901), as "/runs/0/outcomes/3/findings/0/statistic", and "nan", "inf" or "-inf".

"passed", "counts" and "command" follow from the rest, and are not read. Integers may be larger than
2**53: a seed needs a reader with whole 64-bit integers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple, get_args

from varscale.conformance.report.fields import Fields
from varscale.conformance.results import Finding, Outcome, Picture, Run, Status

__all__ = ["FORMAT", "VERSION", "Results", "dumps", "loads"]

FORMAT = "varscale-conformance"
VERSION = 1


class Results(NamedTuple):
    """What a document holds.

    Attributes:
        runs: in their order.
        missing: why a subject that was asked for has no run, by its name.
    """

    runs: tuple[Run, ...]
    missing: dict[str, str]


def dumps(runs: Sequence[Run], missing: Mapping[str, str] | None = None) -> str:
    """Runs as JSON; each outcome has a line of its own.

    Args:
        runs: any number.
        missing: why a subject that was asked for has no run, by its name.

    Returns:
        Text without characters beyond ASCII.

    Raises:
        TypeError: a fact that is no plain data: text, number, truth value, None, or a sequence or
            mapping of these.

    Example:
        >>> run = Run("mine", ("law",), 1, "fast", 1e-6, (), (), {}, "", "2026-01-31", 0.5)
        >>> loads(dumps([run])).runs[0] == run
        True
    """
    gaps: dict[str, str] = {}
    data = {
        "format": FORMAT,
        "version": VERSION,
        "runs": _plain([_run_fields(run) for run in runs], "/runs", gaps),
        "missing": dict(missing or {}),
        "not_finite": gaps,
    }
    return _lines(data, 4) + "\n"


def loads(text: str) -> Results:
    """The runs of a JSON document.

    Args:
        text: as `dumps` gives it.

    Returns:
        Equal data. A sequence among the facts comes back as a tuple.

    Raises:
        ValueError: it is not JSON, of another format or version, or a field is missing or of
            another kind; the text has the field's JSON pointer.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"a JSON text is wanted: {error}") from None
    top = Fields(data, "")
    if (found := top.text("format")) != FORMAT:
        raise ValueError(f"/format must be {FORMAT!r}, got {found!r}")
    if (version := top.whole("version")) != VERSION:
        raise ValueError(f"/version must be {VERSION}, got {version}: it needs another varscale")
    for pointer, value in top.texts_by_name("not_finite").items():
        _put_back(data, pointer, value)
    return Results(tuple(_run(one) for one in top.each("runs")), top.texts_by_name("missing"))


def _run_fields(run: Run) -> dict[str, Any]:
    fields = {name: getattr(run, name) for name in ("subject", "claims", "seed", "profile")}
    fields |= {"alarm": run.alarm, "passed": run.passed, "counts": run.counts()}
    fields |= {"command": run.command(), "faults": run.faults, "versions": run.versions}
    fields |= {"machine": run.machine, "date": run.date, "seconds": run.seconds}
    fields |= {"options": run.options, "patterns": run.patterns}
    return fields | {"outcomes": [_outcome_fields(run, one) for one in run.outcomes]}


def _outcome_fields(run: Run, outcome: Outcome) -> dict[str, Any]:
    fields = asdict(outcome)
    return fields | ({"command": run.command(outcome)} if outcome.bad else {})


def _plain(value: Any, pointer: str, gaps: dict[str, str]) -> Any:
    """The value in JSON's own kinds; what is not finite is null, and written down in `gaps`."""
    if isinstance(value, Mapping):
        return {
            str(name): _plain(one, f"{pointer}/{_escaped(str(name))}", gaps)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(one, f"{pointer}/{place}", gaps) for place, one in enumerate(value)]
    if hasattr(value, "dtype") and hasattr(value, "item") and not getattr(value, "shape", None):
        value = value.item()  # a scalar of NumPy's
    if isinstance(value, float) and not math.isfinite(value):
        gaps[pointer] = str(float(value))
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{pointer} must be plain data, got {type(value).__name__}")


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _put_back(data: Any, pointer: str, value: str) -> None:
    place = data
    *path, last = (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    try:
        for part in path:
            place = place[int(part) if isinstance(place, list) else part]
        at: Any = int(last) if isinstance(place, list) else last
        if value not in ("nan", "inf", "-inf") or place[at] is not None:
            raise ValueError(value)
        place[at] = float(value)
    except (LookupError, ValueError, TypeError):
        raise ValueError(
            f"/not_finite must have pointers to nulls with 'nan', 'inf' or '-inf', "
            f"got {pointer!r}: {value!r}"
        ) from None


def _lines(value: Any, depth: int) -> str:
    """JSON that breaks lines down to a depth: a difference between two files can be read."""
    if not depth or not value or not isinstance(value, dict | list):
        return json.dumps(value, allow_nan=False)
    if isinstance(value, dict):
        inner = [f"{json.dumps(name)}: {_lines(one, depth - 1)}" for name, one in value.items()]
    else:
        inner = [_lines(one, depth - 1) for one in value]
    left, right = "{}" if isinstance(value, dict) else "[]"
    return left + "\n" + ",\n".join(inner) + "\n" + right


def _run(fields: Fields) -> Run:
    return Run(
        fields.text("subject"),
        fields.texts("claims"),
        fields.whole("seed"),
        fields.text("profile"),
        fields.real("alarm"),
        tuple(_outcome(one) for one in fields.each("outcomes")),
        fields.texts("faults"),
        fields.texts_by_name("versions"),
        fields.text("machine"),
        fields.text("date"),
        fields.real("seconds"),
        fields.texts("options"),
        fields.texts("patterns"),
    )


def _outcome(fields: Fields) -> Outcome:
    picture = fields.inner("picture")
    return Outcome(
        fields.text("case"),
        fields.text("layer"),
        fields.one_of("status", get_args(Status)),
        tuple(_finding(one) for one in fields.each("findings")),
        fields.text("reason"),
        fields.real("seconds"),
        fields.facts("facts"),
        None if picture is None else _picture(picture),
    )


def _finding(fields: Fields) -> Finding:
    return Finding(
        fields.text("check"),
        fields.truth("passed"),
        fields.whole("n"),
        fields.real("statistic"),
        fields.real("bound"),
        fields.real("alarm"),
        fields.real_or_null("detectable"),
        fields.text("unit"),
        fields.text("note"),
    )


def _picture(fields: Fields) -> Picture:
    pairs = fields.rows("quantiles", 2)
    return Picture(
        fields.one_of("kind", ("law", "ulp")),
        fields.reals("edges"),
        fields.wholes("counts"),
        fields.reals("expected"),
        tuple((one[0], one[1]) for one in pairs),
    )
