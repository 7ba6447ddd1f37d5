"""What an import costs: python -m benchmarks.imports. Fresh processes, interleaved, medians.

Timed inside each process, after the framework's own import, whose time on a shared machine varies
by more than varscale's import takes. The framework's objects are kept out of the garbage
collector's way: whether one of its rounds falls into the import is chance. The first process of
each pair is not counted: it compiles, into a folder of its own, as an installation would have.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

PAIRS = (("numpy", "varscale"), ("torch", "varscale.torch"), ("keras", "varscale.keras"))
_SCRIPT = """
import gc, time
start = time.perf_counter()
import {base}
between = time.perf_counter()
gc.freeze()
then = time.perf_counter()
import {ours}
print(between - start, time.perf_counter() - then)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    taken: dict[tuple[str, str], list[tuple[float, ...]]] = {pair: [] for pair in PAIRS}
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        environment["PYTHONPYCACHEPREFIX"] = folder
        for turn in range(rounds + 1):
            for (base, ours), times in taken.items():
                command = [sys.executable, "-P", "-c", _SCRIPT.format(base=base, ours=ours)]
                done = subprocess.run(
                    command, check=True, cwd="/", env=environment, capture_output=True, text=True
                )
                if turn:
                    times.append(tuple(float(word) * 1e3 for word in done.stdout.split()))
    for (base, ours), times in taken.items():
        before, after = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"import {base}: {before:.0f} ms; {ours} after it: {after:.0f} ms more")


if __name__ == "__main__":
    main()
