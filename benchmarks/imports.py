"""What an import costs: python -m benchmarks.imports. Fresh processes, interleaved, medians."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

PAIRS = (("import numpy", "import varscale"), ("import torch", "import varscale.torch"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    times: dict[str, list[float]] = {one: [] for pair in PAIRS for one in pair}
    for turn in range(rounds + 1):
        for statement, taken in times.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-P", "-c", statement], check=True, cwd="/")
            if turn:
                taken.append((time.perf_counter() - start) * 1e3)
    for base, ours in PAIRS:
        before, after = statistics.median(times[base]), statistics.median(times[ours])
        print(f"{base}: {before:.0f} ms; {ours}: {after:.0f} ms; {after - before:+.0f} ms")


if __name__ == "__main__":
    main()
