"""`python -m examples.port`: JAX models and their PyTorch and Keras twins, from one seed.

The twins are initialised by varscale in processes that cannot import JAX, the JAX models by JAX in
a process that cannot import varscale, where the parameters are compared bit for bit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from examples.compare import FORWARD_LIMIT
from examples.models import MODELS, PACKAGES
from examples.sizes import inputs

TWINS = ("torch", "keras")
ROOT = Path(__file__).parent.parent

Report = dict[str, Any]


def missing(packages: Sequence[str]) -> list[str]:
    """Those of the packages that are not installed."""
    return [name for name in packages if find_spec(name) is None]


def start(module: str, *arguments: str, without: str, backend: str) -> None:
    """Run one of the processes to its end; what it logs is shown only where it fails."""
    python = [sys.executable, "-m"]
    isolated = ["examples.isolated", without] if without else []
    process = subprocess.run(
        [*python, *isolated, f"examples.{module}", *arguments],
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise SystemExit(f"{process.stderr}\n{module} failed with exit code {process.returncode}")


def needs_jax(twin: str, backend: str) -> bool:
    """Whether a twin runs on JAX itself, so that its process cannot be free of JAX."""
    return twin == "keras" and backend == "jax"


def run(twins: Sequence[str], models: Sequence[str], seed: int, backend: str) -> list[Report]:
    """Initialise the twins, then the JAX models; return the comparison of each pair."""
    with tempfile.TemporaryDirectory() as directory:
        np.savez(Path(directory) / "inputs.npz", **inputs())
        common = directory, str(seed)
        for twin in twins:
            without = "" if needs_jax(twin, backend) else "jax,jaxlib"
            start(f"{twin}_process", *common, ",".join(models), without=without, backend=backend)
        lists = ",".join(models), ",".join(twins)
        start("jax_process", *common, *lists, without="varscale", backend=backend)
        reports: list[Report] = json.loads((Path(directory) / "report.json").read_text())
        return reports


def problems(report: Report) -> list[str]:
    """Everything that keeps a twin from being the same model; none where it is."""
    found = [f"{r['name']}: {r['verdict']}" for r in report["rows"] if r["verdict"] != "equal"]
    if report["unwritten"]:
        found.append(f"{report['unwritten']} values of the twin were never written")
    if not report["forward"] <= FORWARD_LIMIT:
        found.append(f"outputs differ by {report['forward']:.1e}, more than {FORWARD_LIMIT:.0e}")
    return found


def show(report: Report, *, summary: bool) -> None:
    """Print one comparison: its table, its totals, what is wrong."""
    rows = report["rows"]
    print(f"\n{report['model']}: {report['jax']} -> {report['twin']}")
    if not summary:
        layout = "  {:<48} {:<11} {:<52} {:>6} {:>7}  {}"
        print(layout.format("tensor", "shape", "initializer", "fan_in", "fan_out", "bits"))
        for row in rows:
            shape = "x".join(map(str, row.get("shape", ())))
            fans = [f"{fan:g}" for fan in row.get("fans") or ()] or ["", ""]
            init = ", ".join(row.get("init", ()))
            print(layout.format(row["name"], shape, init, *fans, row["verdict"]))
    equal = [row for row in rows if row["verdict"] == "equal"]
    values, equal_values = (sum(row["values"] for row in group) for group in (rows, equal))
    print(f"  equal: {len(equal)} of {len(rows)} tensors, {equal_values:,} of {values:,} values")
    print(f"  outputs: largest absolute difference {report['forward']:.1e}")
    print(f"  cost: JAX's init {report['jax_cost']}, compilation included")
    print(f"        the twin's {report['twin_cost']}, keys included")
    for problem in problems(report):
        print(f"  DIFFERENT: {problem}")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.port", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--twin", choices=[*TWINS, "all"], default="all")
    parser.add_argument("--model", choices=[*MODELS, "all"], default="all")
    parser.add_argument("--summary", action="store_true", help="print totals only")
    return parser.parse_args()


def main() -> int:
    """Run the command; 0 where something was compared and all of it was equal, else 1."""
    options = arguments()
    twins = TWINS if options.twin == "all" else (options.twin,)
    models = tuple(MODELS) if options.model == "all" else (options.model,)
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    needs = {"torch": ["torch"], "keras": ["keras", backend]}
    lacks = {twin: missing(["jax", *needs[twin]]) for twin in twins}
    lacks |= {name: missing([MODELS[name].module]) for name in models}
    runnable = [[name for name in names if not lacks[name]] for names in (twins, models)]
    reports = run(*runnable, options.seed, backend) if all(runnable) else []
    for report in reports:
        show(report, summary=options.summary)
    print(f"\nseed {options.seed}")
    if any(needs_jax(twin, backend) for twin in runnable[0]):
        print("note: keras ran on JAX, so its process was not free of JAX")
    for name in lacks:
        if lacks[name]:
            packages = [PACKAGES.get(module, module) for module in lacks[name]]
            print(f"not run: {name}; pip install {' '.join(packages)}")
    different = [report for report in reports if problems(report)]
    same = len(reports) - len(different)
    print(f"identical: {same} of {len(reports)} twins compared")
    return 1 if different or not reports else 0


if __name__ == "__main__":
    sys.exit(main())
