"""The process that initialises the PyTorch twins by varscale, runs them and dumps both."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import varscale
import varscale.torch
from examples import dump, torch_tables, torch_twins
from examples.rows import Row, initializers, unique
from varscale import linen

Make = tuple[Callable[[], torch.nn.Module], Callable[[Any], list[Row]]]

TWINS: dict[str, Make] = {
    "vit": (torch_twins.ViT, torch_tables.vit_rows),
    "resnet": (torch_twins.ResNeXt, torch_tables.resnet_rows),
}


def initialise(rows: list[Row], seed: int) -> None:
    """Draw every row's parameter into its place."""
    root = varscale.key(seed)
    inits = initializers(varscale.torch)
    for row in rows:
        key = linen.param_key(root, row.scope, row.counter)
        inits[row.init](key, row.shape, out=row.to, layout=row.layout)


def run(model: str, seed: int, images: np.ndarray) -> dump.Dump:
    """Build, initialise and run one twin."""
    make_twin, make_rows = TWINS[model]
    twin = make_twin().eval()
    rows = unique(make_rows(twin))
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.fill_(torch.nan)  # what no row writes stays NaN, and is counted
    start = time.perf_counter()
    initialise(rows, seed)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        outputs = twin(torch.from_numpy(images).permute(0, 3, 1, 2))
    return dump.Dump(
        title=f"PyTorch {torch.__version__}",
        parameters={row.path: row.to.detach().numpy() for row in rows},
        inits={row.path: row.init for row in rows},
        outputs={
            name: (y.permute(0, 2, 3, 1) if y.ndim == 4 else y).numpy()
            for name, y in outputs.items()
        },
        unwritten=sum(int(parameter.isnan().sum()) for parameter in twin.parameters()),
        seconds=seconds,
    )


def main(directory: Path, seed: int, models: list[str]) -> None:
    """Leave directory/MODEL-torch.npz for each model."""
    images = np.load(directory / "images.npy")
    for model in models:
        dump.write(directory / f"{model}-torch.npz", run(model, seed, images))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","))
