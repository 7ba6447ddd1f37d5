"""The process that initialises the Keras twins by varscale, runs them and dumps both."""

import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

import varscale.keras
from examples import dump, keras_says, keras_twins

TWINS: dict[str, tuple[type[keras.Model], dict[str, Any]]] = {
    "vit": (keras_twins.ViT, keras_says.VIT),
    "resnet": (keras_twins.ResNeXt, keras_says.RESNET),
}


def run(model: str, seed: int, images: np.ndarray) -> dump.Dump:
    """Build, initialise and run one twin."""
    make_twin, says = TWINS[model]
    twin = make_twin()
    twin(images)  # builds it
    for variable in twin.trainable_variables:
        variable.assign(np.full(variable.shape, np.nan))  # what nothing writes stays NaN
    start = time.perf_counter()
    plan = varscale.keras.plan(twin, seed, like="flax.linen", **says)
    plan.fill_()
    seconds = time.perf_counter() - start
    as_numpy = keras.ops.convert_to_numpy
    return dump.Dump(
        title=f"Keras {keras.__version__} on {keras.backend.backend()}",
        parameters={row.path: as_numpy(plan.variables[row.to]) for row in plan.plan.rows},
        inits={row.path: row.initializer for row in plan.explain().rows},
        outputs={name: as_numpy(y) for name, y in twin(images, training=False).items()},
        unwritten=sum(int(np.isnan(as_numpy(v)).sum()) for v in twin.trainable_variables),
        seconds=seconds,
    )


def main(directory: Path, seed: int, models: list[str]) -> None:
    """Leave directory/MODEL-keras.npz for each model."""
    images = np.load(directory / "images.npy")
    for model in models:
        dump.write(directory / f"{model}-keras.npz", run(model, seed, images))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","))
