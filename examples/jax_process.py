"""The process that initialises the JAX models and compares the twins; no varscale.

What each tensor of a twin must be is written a second time in `pairs` and `layouts`.
"""

import importlib.metadata
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from examples import dump
from examples.compare import compare, largest_difference
from examples.models import MODELS
from examples.pairs import expected
from examples.starts import start


def run(name: str, twins: list[str], seed: int, directory: Path) -> list[dict[str, Any]]:
    """Initialise one JAX model and compare each twin's dump of it."""
    model = MODELS[name]
    with np.load(directory / "inputs.npz") as inputs:
        params, outputs, cost = start(name, seed, *(inputs[one] for one in model.inputs))
    version = importlib.metadata.version
    title = f"{model.like} {version(model.package)} on JAX {version('jax')}"
    return [
        report(expected(name, twin, params), outputs, dump.read(directory / f"{name}-{twin}.npz"))
        | {"model": name, "jax": title, "jax_cost": str(cost)}
        for twin in twins
    ]


def report(want: dump.Arrays, outputs: dump.Arrays, got: dump.Dump) -> dict[str, Any]:
    """Compare one twin's dump, and collect what the command prints."""
    rows = [asdict(one) | got.facts.get(one.name, {}) for one in compare(want, got.parameters)]
    return {
        "twin": got.title,
        "rows": rows,
        "unwritten": got.unwritten,
        "forward": largest_difference(outputs, got.outputs),
        "twin_cost": got.cost,
    }


def main(directory: Path, seed: int, models: list[str], twins: list[str]) -> None:
    """Leave directory/report.json."""
    reports = [each for model in models for each in run(model, twins, seed, directory)]
    (directory / "report.json").write_text(json.dumps(reports))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4].split(","))
