"""The port demo: it passes for another seed, and everything that it checks can fail."""

import importlib
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("examples.compare")


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("examples.port")


def parameters() -> dict[str, np.ndarray]:
    kernel = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    return {"head/kernel": kernel, "head/bias": np.zeros(4, np.float32)}


def verdicts(compare: ModuleType, got: dict[str, np.ndarray]) -> dict[str, str]:
    return {each.name: each.verdict for each in compare.compare(parameters(), got)}


def installed(*modules: str) -> list[str]:
    return [name for name in modules if importlib.util.find_spec(name) is not None]


def test_every_parameter_of_the_twins_is_identical_for_another_seed() -> None:
    # One run for all: JAX's compilation of the models is most of its time.
    for module in ("jax", "flax", "keras"):
        if not installed(module):
            pytest.skip(f"not installed: pip install {module}")
    done = run("examples.port", "--seed", "123456789", "--summary")
    assert done.returncode == 0, done.stdout + done.stderr
    twins = len(installed("torch", "keras"))
    models = 7 + len(installed("haiku", "equinox"))
    same = f"identical: {twins * models} of {twins * models} twins compared"
    assert same in done.stdout
    equal = re.findall(r"equal: (\d+) of (\d+) tensors, ([\d,]+) of ([\d,]+) values", done.stdout)
    assert len(equal) == twins * models
    sizes = {name: (int(tensors), values) for name, tensors, values in counted(done.stdout)}
    assert sizes["vit, Keras"] == (104, "2,710,948")
    assert sizes["scanned, Keras"] == (88, "6,912")
    assert all(have == all_ and values == of for have, all_, values, of in equal)


def counted(text: str) -> list[tuple[str, str, str]]:
    """Of each comparison: the model and the twin's framework, tensors and values that are equal."""
    pattern = r"^(\w+): .* -> (\w+) .*\n  equal: (\d+) of \d+ tensors, ([\d,]+) of"
    found = re.findall(pattern, text, re.MULTILINE)
    return [(f"{model}, {twin}", tensors, values) for model, twin, tensors, values in found]


def test_a_framework_that_is_missing_is_named_and_does_not_pass() -> None:
    done = run("examples.isolated", "keras", "examples.port", "--twin", "keras", "--summary")
    assert done.returncode == 1
    # Others may be missing here too.
    assert re.search(r"^not run: keras; pip install .*\bkeras\b", done.stdout, re.MULTILINE)
    assert "identical: 0 of 0 twins compared" in done.stdout


def test_the_same_parameters_are_equal(compare: ModuleType) -> None:
    assert verdicts(compare, parameters()) == {"head/kernel": "equal", "head/bias": "equal"}


def test_one_flipped_bit_is_different(compare: ModuleType) -> None:
    got = parameters()
    got["head/kernel"].view(np.uint32)[1, 2] ^= 1
    assert verdicts(compare, got)["head/kernel"] == "1 of 12 values differ"


def test_minus_zero_is_different_from_zero(compare: ModuleType) -> None:
    got = parameters() | {"head/bias": -np.zeros(4, np.float32)}
    assert verdicts(compare, got)["head/bias"] == "4 of 4 values differ"


def test_another_shape_or_dtype_is_different(compare: ModuleType) -> None:
    kernel = parameters()["head/kernel"]
    transposed, double = {"head/kernel": kernel.T}, {"head/kernel": kernel.astype(np.float64)}
    must_be = "must be float32 (3, 4)"
    assert verdicts(compare, transposed)["head/kernel"] == f"float32 (4, 3), {must_be}"
    assert verdicts(compare, double)["head/kernel"] == f"float64 (3, 4), {must_be}"


def test_a_parameter_on_one_side_only_is_different(compare: ModuleType) -> None:
    got = {"head/kernel": parameters()["head/kernel"], "neck/bias": np.zeros(4, np.float32)}
    found = verdicts(compare, got)
    assert (found["head/bias"], found["neck/bias"]) == ("not there", "not in the JAX model")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"rows": [{"name": "head/bias", "verdict": "not there"}]}, "head/bias: not there"),
        ({"unwritten": 4}, "4 values of the twin were never written"),
        ({"forward": 0.5}, "outputs differ by 5.0e-01, more than 1e-04"),
        ({"forward": float("nan")}, "outputs differ by nan, more than 1e-04"),
    ],
)
def test_whatever_is_wrong_is_a_problem(
    port: ModuleType, change: dict[str, object], problem: str | None
) -> None:
    report = {"rows": [{"name": "head/bias", "verdict": "equal"}], "unwritten": 0, "forward": 1e-6}
    assert port.problems(report | change) == ([problem] if problem else [])
