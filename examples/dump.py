"""What a twin's process leaves for the comparison: one .npz per model. NumPy only."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
#: What the command prints beside a tensor: shape, initializer, fans.
Facts = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Dump:
    """An initialised twin.

    Attributes:
        title: framework and version.
        parameters: by the twin's own names.
        facts: by the same names.
        outputs: of the forward pass on the fixed inputs; feature maps are (batch, h, w, c).
        unwritten: values of the twin's parameters that nothing wrote.
        cost: of initialising the twin, as one prints it.
    """

    title: str
    parameters: Arrays
    facts: Facts
    outputs: Arrays
    unwritten: int
    cost: str


def facts(explanation: Any, parameters: Arrays) -> Facts:
    """What is known of each tensor, from varscale's explanation of a plan."""
    found: Facts = {}
    for row in explanation.rows:
        shape = parameters[row.to].shape
        one = found.setdefault(row.to, {"shape": shape, "init": [], "fans": row.fans})
        if row.initializer not in one["init"]:
            one["init"].append(row.initializer)
    return found


def write(path: Path, dump: Dump) -> None:
    """Write a dump that `read` reads."""
    arrays = {f"parameters/{name}": array for name, array in dump.parameters.items()}
    arrays |= {f"outputs/{name}": array for name, array in dump.outputs.items()}
    text = json.dumps([dump.title, dump.facts, dump.unwritten, dump.cost])
    np.savez(path, text=np.array(text), **arrays)


def read(path: Path) -> Dump:
    """Read what `write` wrote."""
    parts: dict[str, Arrays] = {"parameters": {}, "outputs": {}}
    with np.load(path) as file:
        title, known, unwritten, cost = json.loads(str(file["text"]))
        for entry in file.files:
            part, _, name = entry.partition("/")
            if name:
                parts[part][name] = file[entry]
    return Dump(title, parts["parameters"], known, parts["outputs"], unwritten, cost)
