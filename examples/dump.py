"""What a twin's process leaves for the comparison: one .npz per model. NumPy only."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Dump:
    """An initialised twin.

    Attributes:
        title: framework and version.
        parameters: by Linen path, each in the twin's own layout.
        inits: by Linen path, the initializer as one writes it.
        outputs: of the forward pass on the fixed images; feature maps are (batch, h, w, c).
        unwritten: values of the twin's parameters that nothing wrote.
        seconds: to initialise the twin.
    """

    title: str
    parameters: Arrays
    inits: dict[str, str]
    outputs: Arrays
    unwritten: int
    seconds: float


def write(path: Path, dump: Dump) -> None:
    """Write a dump that `read` reads."""
    arrays = {f"parameters/{name}": array for name, array in dump.parameters.items()}
    arrays |= {f"outputs/{name}": array for name, array in dump.outputs.items()}
    facts = json.dumps([dump.title, dump.inits, dump.unwritten, dump.seconds])
    np.savez(path, facts=np.array(facts), **arrays)


def read(path: Path) -> Dump:
    """Read what `write` wrote."""
    parts: dict[str, Arrays] = {"parameters": {}, "outputs": {}}
    with np.load(path) as file:
        title, inits, unwritten, seconds = json.loads(str(file["facts"]))
        for entry in file.files:
            part, _, name = entry.partition("/")
            if name:
                parts[part][name] = file[entry]
    return Dump(title, parts["parameters"], inits, parts["outputs"], unwritten, seconds)
