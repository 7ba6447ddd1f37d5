"""Throughput against peers, interleaved: python -m benchmarks.table [--threads 2] [--json FILE].

Every peer runs in a process of its own, on the same CPUs; the processes are timed in turns, round
after round, so that the machine's moods meet all of them. Prints for each cell the median
throughput, and how many times faster varscale is.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.peers import PEERS, installed

SIZES = (16, 4096, 1 << 20, 1 << 24)
DISTRIBUTIONS = ("uniform", "normal", "truncated")
DTYPES = ("float32", "float64", "float16", "bfloat16")
_COLUMNS = (
    *("distribution", "dtype", "size", "peer", "speed", "varscale is x times as fast"),
    *("first call, ms", "extra bytes per element"),
)
_PACKAGES = ("numpy", "torch", "timm", "jax", "keras", "tensorflow-cpu", "varscale")


class Worker:
    """A peer's process."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        command = [sys.executable, "-m", "benchmarks.worker", name, str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, cwd=Path(__file__).parents[1],
        )  # fmt: skip

    def ask(self, **request: Any) -> Any:
        """The answer; None where the peer has no such call. A peer that fails ends the program."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = json.loads(self.process.stdout.readline() or '{"error": "the process ended"}')
        if isinstance(answer, dict):
            sys.exit(f"{self.name}: {answer['error']}")
        return answer


def measure(
    workers: dict[str, Worker], cell: tuple[str, str, int], rounds: int, seconds: float
) -> dict[str, dict[str, float]]:
    """Of each peer that has the cell: samples per second, first call, peak of memory."""
    firsts = {name: worker.ask(cell=cell) for name, worker in workers.items()}
    present = {name: worker for name, worker in workers.items() if firsts[name] is not None}
    times: dict[str, list[float]] = {name: [] for name in present}
    for turn in range(rounds + 1):
        for name, worker in present.items():
            taken = worker.ask(time=seconds)
            if turn:  # the first round warms up
                times[name].append(taken)
    return {
        name: {
            "samples_per_second": cell[2] / statistics.median(times[name]),
            "first_call": firsts[name],
            "extra_bytes": worker.ask(memory=True) if cell[2] >= 1 << 20 else 0,
        }
        for name, worker in present.items()
    }


def rows(cell: tuple[str, str, int], results: dict[str, dict[str, float]]) -> list[str]:
    """A line of Markdown for each peer."""
    own, lines = results["varscale"]["samples_per_second"], []
    for name, one in results.items():
        rate = one["samples_per_second"]
        speed = f"{rate / 1e6:.0f} M/s" if cell[2] > 5000 else f"{cell[2] / rate * 1e6:.2f} us"
        extra = f"{one['extra_bytes'] / cell[2]:.1f}" if cell[2] >= 1 << 20 else ""
        lines.append(
            f"| {cell[0]} | {cell[1]} | {cell[2]} | {name} | {speed} | {own / rate:.2f} "
            f"| {one['first_call'] * 1e3:.1f} | {extra} |"
        )
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.02, help="of one timing")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--dtypes", nargs="*", default=DTYPES)
    parser.add_argument("--distributions", nargs="*", default=DISTRIBUTIONS)
    parser.add_argument("--peers", nargs="*", default=list(PEERS))
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    for name in chosen.peers:
        if not installed(name):
            needed = " ".join(PEERS[name][0])
            print(f"not run: {name}; pip install {needed}", file=sys.stderr)
    workers = {name: Worker(name, chosen.threads) for name in chosen.peers if installed(name)}
    print(f"{date.today()}, {_processor()}, {chosen.threads} thread(s)")
    print(", ".join(_versions()), end="\n\n")
    print("| " + " | ".join(_COLUMNS) + " |")
    print("|---" * len(_COLUMNS) + "|")
    collected = []
    for distribution in chosen.distributions:
        for dtype in chosen.dtypes:
            for size in chosen.sizes:
                cell = (distribution, dtype, size)
                results = measure(workers, cell, chosen.rounds, chosen.seconds)
                print("\n".join(rows(cell, results)), flush=True)
                collected.append({"cell": cell, "results": results})
    if chosen.json:
        document = {
            "date": str(date.today()),
            "processor": _processor(),
            "threads": chosen.threads,
            "versions": _versions(),
            "cells": collected,
        }
        chosen.json.write_text(json.dumps(document, indent=1) + "\n")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    fields = dict(line.split(":", 1) for line in lines[:30] if ":" in line)
    named = {key.strip(): value.strip() for key, value in fields.items()}
    return (
        f"{named.get('model name')} (family {named.get('cpu family')}, model {named.get('model')})"
    )


def _versions() -> list[str]:
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main()
