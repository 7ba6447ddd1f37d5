"""The ratios of a result, one line per cell: python -m benchmarks.summary RESULT.json [MORE.json].

With a second result, of more threads on the same machine: how many times faster than the first
varscale and each peer are there, for the sizes where threads pay.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

COLUMNS = {
    "torch.nn.init": "torch",
    "torch, erfinv sequence": "torch, old erfinv",
    "timm": "timm",
    "jax.jit": "jax.jit",
    "jax, eager": "jax, eager",
    "keras on tensorflow": "Keras, TF",
    "keras on torch": "Keras, torch",
    "keras on jax": "Keras, JAX",
    "numpy.random": "NumPy",
}
NAMES = {1 << 20: "1M", 1 << 24: "16M"}


#: Elements from which on threads can pay.
LARGE = 1 << 20


def main(result: Path, more: Path | None = None) -> None:
    """Print the ratios of one result to its peers, or of a second one to the first."""
    document = json.loads(result.read_text())
    if more is None:
        print_peers(document)
    else:
        print_threads(document, json.loads(more.read_text()))


def print_peers(document: dict[str, Any]) -> None:
    """How many times faster varscale fills a tensor in place than each peer."""
    cells = cells_of(document)
    peers = [peer for peer in COLUMNS if any(peer in results for results in cells.values())]
    _print_head(document, ["permuted", *(COLUMNS[peer] for peer in peers)])
    for cell, results in cells.items():
        own = results["varscale"]
        ratios = [_ratio(own, results.get(peer)) for peer in ("varscale, permuted", *peers)]
        _print_row(cell, own, ratios)


def print_threads(few: dict[str, Any], many: dict[str, Any]) -> None:
    """How many times faster each is with the threads of the second result."""
    if few["processor"] != many["processor"]:
        sys.exit(f"two machines: {few['processor']}; {many['processor']}")
    before, cells = cells_of(few), cells_of(many)
    peers = [peer for peer in COLUMNS if any(peer in results for results in cells.values())]
    _print_head(many, ["varscale, x", *(COLUMNS[peer] for peer in peers)])
    for cell, results in cells.items():
        if cell in before and cell[2] >= LARGE:
            ratios = [
                _ratio(results.get(peer), before[cell].get(peer)) for peer in ("varscale", *peers)
            ]
            _print_row(cell, results["varscale"], ratios)


def cells_of(document: dict[str, Any]) -> dict[tuple[str, str, int], dict[str, float]]:
    """Samples per second: by distribution, dtype and size, by peer."""
    return {
        tuple(one["cell"]): {
            peer: result["samples_per_second"] for peer, result in one["results"].items()
        }
        for one in document["cells"]
    }


def _print_head(document: dict[str, Any], columns: list[str]) -> None:
    print(f"{document['date']}, {document['processor']}, {document['threads']} thread(s); ", end="")
    print(", ".join(document["versions"]) + "\n")
    header = ["", "dtype", "elements", "varscale", *columns]
    print("| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|")


def _print_row(cell: tuple[str, str, int], own: float, ratios: list[str]) -> None:
    distribution, dtype, size = cell
    speed = f"{size / own * 1e6:.1f} us" if size < 5000 else f"{own / 1e6:.0f} M/s"
    row = [distribution, dtype, NAMES.get(size, str(size)), speed, *ratios]
    print("| " + " | ".join(row) + " |")


def _ratio(one: float | None, other: float | None) -> str:
    """With three digits; empty where one of them was not measured."""
    return f"{one / other:.2f}"[:4].rstrip(".") if one and other else ""


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
