"""Record recipes and the parameters that the installed JAX makes, for tests that run without JAX.

    JAX_PLATFORMS=cpu python tools/record_recipes.py [--reason "why the values change"]

writes tests/recipe/vectors/NAME.json, a recipe, and NAME.sha256, a JSON file of the SHA-256 of each
parameter's bytes for several seeds, as JAX itself made them, with their provenance. Values are this
project's API, so a file that exists is overwritten with a reason only, which the file then carries.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import platform
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
VECTORS = ROOT / "tests" / "recipe" / "vectors"
SEEDS = (0, 42, -1, 2**32 - 1, 2**40 + 5)


def models() -> dict[str, Callable[[Any], Any]]:
    """Init functions; the models are those of the tests."""
    sys.path.insert(0, str(ROOT))
    from tests.recipe.models import LINEN, NNX

    return {
        "linen-mlp": LINEN["mlp"],
        "linen-scanned-transformer": LINEN["scanned transformer"],
        "linen-lstm": LINEN["lstm"],
        "nnx-net": NNX["nnx"],
    }


def digests(function: Callable[[Any], Any], paths: list[str], seed: int) -> dict[str, str]:
    """The SHA-256 of each parameter, as JAX makes it."""
    leaves = [
        leaf
        for leaf in jax.tree_util.tree_leaves(function(jax.random.key(seed)))
        if not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    ]
    arrays = map(np.asarray, leaves)
    return {
        path: hashlib.sha256(array.tobytes()).hexdigest()
        for path, array in zip(paths, arrays, strict=True)
    }


def main() -> None:
    """Record all models."""
    from varscale import recipe

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reason", help="why files that exist are written again")
    options = parser.parse_args()
    VECTORS.mkdir(exist_ok=True)
    for name, function in models().items():
        target, sums = VECTORS / f"{name}.json", VECTORS / f"{name}.sha256"
        if target.exists() and not options.reason:
            sys.exit(f"{target} exists: values change for a reason only, which --reason gives")
        made = recipe.record(function)
        paths = [one.path for one in made.outputs]
        provenance = {
            **made.recorded,
            "command": shlex.join(["python", "tools/record_recipes.py", *sys.argv[1:]]),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "machine": platform.machine(),
            "recipe": hashlib.sha256(recipe.dumps(made).encode()).hexdigest(),
            **({"reason": options.reason} if options.reason else {}),
        }
        seeds = {str(seed): digests(function, paths, seed) for seed in SEEDS}
        recipe.save(made, target)
        sums.write_text(json.dumps({"provenance": provenance, "seeds": seeds}, indent=1) + "\n")
        print(f"{target.relative_to(ROOT)}: {len(paths)} parameters, {len(SEEDS)} seeds")


if __name__ == "__main__":
    main()
