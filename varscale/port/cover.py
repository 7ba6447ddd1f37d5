"""Whether a plan covers the twin and the JAX model: nothing left out, nothing written twice."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from varscale.port.options import Model
from varscale.port.plan import Plan, Row
from varscale.port.slots import Slot

__all__ = ["check_cover"]


def check_cover(
    slots: Sequence[Slot],
    rows: Sequence[Row],
    model: Model,
    left: Sequence[str],
    expect: Mapping[str, tuple[int, ...]] | None,
) -> None:
    """Every element of the twin is written once, every parameter of JAX is used."""
    written: Counter[str] = Counter()
    for row in rows:
        written[row.to] += math.prod(row.where.extent)
    uncovered = any(name not in left and not written[name] for name in model.parameters)
    problems = [
        f"the twin's {name} {model.shapes[name]}: "
        + ("no rule covers it" if not written[name] else f"{written[name]} of its elements written")
        for name in model.parameters
        if name not in left and written[name] != math.prod(model.shapes[name])
    ]
    owners: dict[tuple[str, tuple[int, ...]], set[str]] = {}
    for slot in slots:
        for param in slot.layer.params:
            owner = (slot.path_of(param), slot.stack)
            owners.setdefault(owner, set()).add(slot.at or "the model")
    problems += [
        f"JAX's {path} has several places: {', '.join(sorted(modules))}"
        for (path, _), modules in owners.items()
        if len(modules) > 1
    ]
    if expect is not None:
        problems += _differences(Plan(tuple(rows)).shapes(), expect)
    if problems:
        if uncovered:
            problems.append(
                "(a parameter of no layer is said in params, a layer of your own needs a rule)"
            )
        raise ValueError("the twin and the JAX model do not fit:\n  " + "\n  ".join(problems))


def _differences(
    have: Mapping[str, tuple[int, ...]], want: Mapping[str, tuple[int, ...]]
) -> list[str]:
    missing = [
        f"JAX's {path} {want[path]}: nothing in the twin" for path in want if path not in have
    ]
    extra = [
        f"the twin's {path} {have[path]}: not in JAX's model" for path in have if path not in want
    ]
    other = [
        f"JAX's {path}: shape {want[path]}, the twin's gives {have[path]}"
        for path in want
        if path in have and want[path] != have[path]
    ]
    return [*missing, *extra, *other]
