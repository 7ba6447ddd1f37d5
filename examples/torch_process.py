"""The process that initialises the PyTorch twins by varscale, runs them and dumps both."""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import varscale.torch
from examples import dump, torch_says, torch_twins

TWINS: dict[str, tuple[type[torch.nn.Module], dict[str, Any]]] = {
    "vit": (torch_twins.ViT, torch_says.VIT),
    "resnet": (torch_twins.ResNeXt, torch_says.RESNET),
}


def run(model: str, seed: int, images: np.ndarray) -> dump.Dump:
    """Build, initialise and run one twin."""
    make_twin, says = TWINS[model]
    twin = make_twin().eval()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.fill_(torch.nan)  # what nothing writes stays NaN, and is counted
    start = time.perf_counter()
    plan = varscale.torch.plan(twin, seed, like="flax.linen", **says)
    plan.fill_()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        outputs = twin(torch.from_numpy(images).permute(0, 3, 1, 2))
    return dump.Dump(
        title=f"PyTorch {torch.__version__}",
        parameters={row.path: part(twin, row) for row in plan.plan.rows},
        inits={row.path: row.initializer for row in plan.explain().rows},
        outputs={
            name: (y.permute(0, 2, 3, 1) if y.ndim == 4 else y).numpy()
            for name, y in outputs.items()
        },
        unwritten=sum(int(parameter.isnan().sum()) for parameter in twin.parameters()),
        seconds=seconds,
    )


def part(twin: torch.nn.Module, row: Any) -> np.ndarray:
    """The memory of the twin that holds one Flax parameter."""
    memory: np.ndarray = twin.get_parameter(row.to).detach()[row.index].numpy()
    return memory if row.view is None else memory.reshape(row.view)


def main(directory: Path, seed: int, models: list[str]) -> None:
    """Leave directory/MODEL-torch.npz for each model."""
    images = np.load(directory / "images.npy")
    for model in models:
        dump.write(directory / f"{model}-torch.npz", run(model, seed, images))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","))
