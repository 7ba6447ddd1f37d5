"""Throughput against size, all peers: python -m benchmarks.plot RESULT.json PICTURE.svg."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

LEFT_OUT = ("varscale, permuted", "varscale, new tensor", "torch.nn.init, new tensor")


def main(result: Path, picture: Path) -> None:
    """Draw float32, a panel per distribution."""
    document = json.loads(result.read_text())
    matplotlib.rcParams["svg.hashsalt"] = "varscale"
    figure, panels = plt.subplots(1, 3, figsize=(12, 5), sharey=True, layout="constrained")
    colors: dict[str, str] = {}
    handles: dict[str, Any] = {}
    for panel, distribution in zip(panels, ("uniform", "normal", "truncated"), strict=True):
        lines: dict[str, list[tuple[int, float]]] = {}
        for cell in document["cells"]:
            name, dtype, size = cell["cell"]
            if (name, dtype) != (distribution, "float32"):
                continue
            for peer, one in cell["results"].items():
                if peer not in LEFT_OUT:
                    rate = one["samples_per_second"] / 1e6
                    lines.setdefault(peer, []).append((size, rate))
        for peer, points in lines.items():
            color = colors.setdefault(peer, f"C{len(colors)}")
            width = 2.5 if peer == "varscale" else 1.2
            sizes, rates = zip(*sorted(points), strict=True)
            handles[peer] = panel.loglog(sizes, rates, "o-", linewidth=width, color=color)[0]
        panel.set(title=f"{distribution}, float32", xlabel="elements")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("million samples per second")
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5)
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
