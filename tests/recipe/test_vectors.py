"""Recorded recipes replay to the parameters that JAX made of them: no JAX is needed to see it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from varscale import recipe

VECTORS = Path(__file__).parent / "vectors"
NAMES = sorted(path.stem for path in VECTORS.glob("*.json"))


def expected(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((VECTORS / f"{name}.sha256").read_text("utf-8"))
    return data


def test_there_are_vectors() -> None:
    assert len(NAMES) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_recipe_gives_the_parameters_of_jax(name: str) -> None:
    made = recipe.load(VECTORS / f"{name}.json")
    if any(one.name == "orthogonal" for one in made.program):
        pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
    for seed, wanted in expected(name)["seeds"].items():
        got = recipe.replay(made, int(seed))
        assert got.keys() == wanted.keys()
        for path, array in got.items():
            if isinstance(wanted[path], str):
                found = hashlib.sha256(array.tobytes()).hexdigest()
                assert found == wanted[path], f"{name}, seed {seed}: {path}"
            else:  # of orthogonal matrices, whose last bits are the processor's
                values = np.array(wanted[path], np.float32)
                assert (array.shape, array.dtype) == (values.shape, values.dtype)
                np.testing.assert_allclose(array, values, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_is_the_one_that_the_sums_are_of(name: str) -> None:
    text = (VECTORS / f"{name}.json").read_bytes()
    assert hashlib.sha256(text).hexdigest() == expected(name)["provenance"]["recipe"]


def test_no_framework_is_imported_to_replay() -> None:
    """In a process in which none can be imported, not even one that is installed."""
    code = f"""
import sys
for name in ("jax", "jaxlib", "flax", "haiku", "equinox", "torch", "tensorflow", "keras"):
    sys.modules[name] = None
from varscale import recipe
made = recipe.load({str(VECTORS / "linen-mlp.json")!r})
print(sorted(recipe.replay(made, 1)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "params/Dense_0/kernel" in run.stdout
