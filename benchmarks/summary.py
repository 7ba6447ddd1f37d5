"""The ratios of a result, one line per cell: python -m benchmarks.summary RESULT.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

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


def main(result: Path) -> None:
    """Print how many times faster varscale fills a tensor in place than each peer."""
    document = json.loads(result.read_text())
    cells = [(cell["cell"], cell["results"]) for cell in document["cells"]]
    peers = [peer for peer in COLUMNS if any(peer in results for _, results in cells)]
    header = ["", "dtype", "elements", "varscale", "permuted", *(COLUMNS[peer] for peer in peers)]
    print(f"{document['date']}, {document['processor']}, {document['threads']} thread(s); ", end="")
    print(", ".join(document["versions"]) + "\n")
    print("| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|")
    for (distribution, dtype, size), results in cells:
        own = results["varscale"]["samples_per_second"]
        speed = f"{size / own * 1e6:.1f} us" if size < 5000 else f"{own / 1e6:.0f} M/s"
        row = [distribution, dtype, NAMES.get(size, str(size)), speed]
        for peer in ("varscale, permuted", *peers):
            one = results.get(peer)
            row.append(f"{own / one['samples_per_second']:.2f}"[:4].rstrip(".") if one else "")
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
