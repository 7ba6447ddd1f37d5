"""The process that initialises the Flax models with JAX and compares the twins; no varscale.

Everything that it knows about the twins' layouts is plain NumPy, written here a second time.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import flax
import jax
import numpy as np
from flax.traverse_util import flatten_dict

from examples import dump
from examples.compare import compare, largest_difference
from examples.flax_models import MODELS

Rule = tuple[str, Callable[[np.ndarray], np.ndarray]]

#: For each twin: the first rule whose pattern is found in "path ndim" brings a Flax array into
#: the twin's layout.
LAYOUTS: dict[str, list[Rule]] = {
    "torch": [
        (r"/(query|key|value)/kernel ", lambda k: k.reshape(k.shape[0], -1).T),
        (r"/(query|key|value)/bias ", np.ravel),
        (r"Attention_0/out/kernel ", lambda k: k.reshape(-1, k.shape[-1]).T),
        (r"/up/kernel ", lambda k: k[::-1, ::-1].transpose(2, 3, 0, 1)),
        (r"^hidden/kernel ", lambda k: k.reshape(4, 4, 256, -1).transpose(3, 2, 0, 1)),
        (r"/kernel 4", lambda k: k.transpose(3, 2, 0, 1)),
        (r"/kernel 2", np.transpose),
        (r"", np.asarray),
    ],
    "keras": [
        (r"/up/kernel ", lambda k: k[::-1, ::-1].transpose(0, 1, 3, 2)),
        (r"/depthwise/kernel ", lambda k: k.transpose(0, 1, 3, 2)),
        (r"", np.asarray),
    ],
}


def in_layout_of(twin: str, path: str, array: np.ndarray) -> np.ndarray:
    """Bring a Flax parameter into the twin's layout."""
    rules = LAYOUTS[twin]
    return next(rule for name, rule in rules if re.search(name, f"{path} {array.ndim}"))(array)


def fans(path: str, shape: tuple[int, ...]) -> tuple[int, int] | None:
    """fan_in and fan_out by JAX's rule, on the shape that Flax's initializer sees."""
    if not path.endswith("/kernel") or len(shape) < 2:
        return None
    if re.search(r"/(query|key|value)/", path):
        shape = (shape[0], shape[1] * shape[2])
    elif len(shape) == 3:
        shape = (shape[0] * shape[1], shape[2])
    receptive_field = int(np.prod(shape[:-2]))
    return receptive_field * shape[-2], receptive_field * shape[-1]


def run(name: str, twins: list[str], seed: int, directory: Path) -> list[dict[str, Any]]:
    """Initialise one Flax model and compare each twin's dump of it."""
    model, images = MODELS[name](), np.load(directory / "images.npy")
    start = time.perf_counter()
    # Under jit, as models are initialised in practice: there, and in jax >= 0.11 everywhere, the
    # constants of a normal draw are multiplied first, which is varscale's default. Older eager
    # values differ from these by up to 2 ulp; varscale has them as `compiled=False`.
    variables = jax.block_until_ready(jax.jit(model.init)(jax.random.key(seed), images))
    seconds = time.perf_counter() - start
    outputs = {k: np.asarray(y) for k, y in jax.jit(model.apply)(variables, images).items()}
    flat = flatten_dict(variables["params"], sep="/")
    parameters = {path: np.asarray(array) for path, array in flat.items()}
    return [
        report(name, twin, parameters, outputs, dump.read(directory / f"{name}-{twin}.npz"))
        | {"flax_seconds": seconds}
        for twin in twins
    ]


def report(
    model: str, twin: str, parameters: dump.Arrays, outputs: dump.Arrays, got: dump.Dump
) -> dict[str, Any]:
    """Compare one twin's dump, and collect what the command prints."""
    expected = {path: in_layout_of(twin, path, array) for path, array in parameters.items()}
    rows = []
    for comparison in compare(expected, got.parameters):
        path = comparison.path
        shape = parameters[path].shape if path in parameters else got.parameters[path].shape
        facts = {"shape": shape, "init": got.inits.get(path, "?"), "fans": fans(path, shape)}
        rows.append(asdict(comparison) | facts)
    return {
        "model": model,
        "flax": f"Flax {flax.__version__} on JAX {jax.__version__}",
        "twin": got.title,
        "rows": rows,
        "unwritten": got.unwritten,
        "forward": largest_difference(outputs, got.outputs),
        "twin_seconds": got.seconds,
    }


def main(directory: Path, seed: int, models: list[str], twins: list[str]) -> None:
    """Leave directory/report.json."""
    reports = [each for model in models for each in run(model, twins, seed, directory)]
    (directory / "report.json").write_text(json.dumps(reports))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4].split(","))
