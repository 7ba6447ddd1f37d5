"""The process that initialises the PyTorch twins by varscale, runs them and dumps both."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

import varscale.torch
from examples import dump, small_says, torch_says, torch_small, torch_twins
from examples.cost import measured
from examples.models import MODELS

PLACES = {"twins": torch_twins, "small": torch_small}
SAYS: dict[str, dict[str, Any]] = {
    "vit": torch_says.VIT,
    "resnet": torch_says.RESNET,
    **small_says.says(varscale.torch),
}


def run(name: str, seed: int, inputs: list[np.ndarray]) -> dump.Dump:
    """Build, initialise and run one twin."""
    model = MODELS[name]
    place, _, make = model.twin.partition(":")
    twin = getattr(PLACES[place], make)().eval()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.fill_(torch.nan)  # what nothing writes stays NaN, and is counted
    says = {"like": model.like, **SAYS[name]}
    _, cost = measured(lambda: varscale.torch.init_(twin, seed, **says))
    with torch.no_grad():
        tensors = map(torch.from_numpy, inputs)
        outputs = twin(*(x.permute(0, 3, 1, 2) if x.ndim == 4 else x for x in tensors))
    outputs = outputs if isinstance(outputs, dict) else {"outputs": outputs}
    parameters = {name: one.detach().numpy() for name, one in twin.named_parameters()}
    return dump.Dump(
        title=f"PyTorch {torch.__version__}",
        parameters=parameters,
        facts=dump.facts(varscale.torch.explain(twin, seed, **says), parameters),
        outputs={
            name: (y.permute(0, 2, 3, 1) if y.ndim == 4 else y).numpy()
            for name, y in outputs.items()
        },
        unwritten=sum(int(np.isnan(one).sum()) for one in parameters.values()),
        cost=str(cost),
    )


def main(directory: Path, seed: int, models: list[str]) -> None:
    """Leave directory/MODEL-torch.npz for each model."""
    with np.load(directory / "inputs.npz") as inputs:
        for name in models:
            done = run(name, seed, [inputs[one] for one in MODELS[name].inputs])
            dump.write(directory / f"{name}-torch.npz", done)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","))
