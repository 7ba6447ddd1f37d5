"""Record recipes and the parameters that the installed JAX makes, for tests that run without JAX.

    JAX_PLATFORMS=cpu python tools/record_recipes.py [--reason "why the values change"]

writes tests/recipe/vectors/NAME.json, a recipe, and NAME.sha256, a JSON file of the SHA-256 of each
parameter's bytes for several seeds, as JAX itself made them, with their provenance. Of orthogonal
matrices the values: LAPACK's last bits are not the same on every processor. Values are this
project's API, so a file that exists is overwritten with a reason only, which the file then carries.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import platform
import re
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


def orthogonal(recipe: Any) -> set[str]:
    """The paths of the parameters that an orthogonal matrix has a part in."""
    found, count = set(), 1  # value 0 is the key
    for operation in recipe.program:
        results = len(operation.fields["results"]) if operation.name == "scan" else 1
        body = operation.fields.get("body", ())
        if (
            operation.name == "orthogonal"
            or found.intersection(operation.inputs)
            or any(one.name == "orthogonal" for one in body)
        ):
            found.update(range(count, count + results))
        count += results
    return {output.path for output in recipe.outputs if output.value in found}


def recorded(
    function: Callable[[Any], Any], paths: list[str], exact: set[str], seed: int
) -> dict[str, Any]:
    """The SHA-256 of each parameter as JAX makes it, or its values where it is not `exact`."""
    leaves = [
        leaf
        for leaf in jax.tree_util.tree_leaves(function(jax.random.key(seed)))
        if not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    ]
    arrays = map(np.asarray, leaves)
    return {
        path: hashlib.sha256(array.tobytes()).hexdigest() if path in exact else array.tolist()
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
        exact = set(paths) - orthogonal(made)
        seeds = {str(seed): recorded(function, paths, exact, seed) for seed in SEEDS}
        recipe.save(made, target)
        text = json.dumps({"provenance": provenance, "seeds": seeds}, indent=1)
        row = re.compile(r"\[\s+([^][]+?)\s+\]")
        sums.write_text(row.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n")
        print(f"{target.relative_to(ROOT)}: {len(paths)} parameters, {len(SEEDS)} seeds")


if __name__ == "__main__":
    main()
