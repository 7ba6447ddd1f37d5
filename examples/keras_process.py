"""The process that initialises the Keras twins by varscale, runs them and dumps both."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

import varscale
import varscale.keras
import varscale.numpy
from examples import dump, keras_tables, keras_twins
from examples.rows import Row, initializers, unique
from varscale import linen

Make = tuple[Callable[[], keras.Model], Callable[[Any], list[Row]]]

TWINS: dict[str, Make] = {
    "vit": (keras_twins.ViT, keras_tables.vit_rows),
    "resnet": (keras_twins.ResNeXt, keras_tables.resnet_rows),
}


def initialise(rows: list[Row], seed: int) -> None:
    """Draw every row's parameter and assign it; where a layout is asked for, NumPy draws."""
    root = varscale.key(seed)
    inits, numpy_inits = initializers(varscale.keras), initializers(varscale.numpy)
    for row in rows:
        key = linen.param_key(root, row.scope, row.counter)
        if row.layout is None:
            value = inits[row.init](key, row.shape)
        else:
            value = numpy_inits[row.init](key, row.shape, layout=row.layout)
        row.to.assign(keras.ops.reshape(value, row.to.shape))


def run(model: str, seed: int, images: np.ndarray) -> dump.Dump:
    """Build, initialise and run one twin."""
    make_twin, make_rows = TWINS[model]
    twin = make_twin()
    twin(images)  # builds it
    rows = unique(make_rows(twin))
    for variable in twin.trainable_variables:
        variable.assign(np.full(variable.shape, np.nan))  # what no row writes stays NaN
    start = time.perf_counter()
    initialise(rows, seed)
    seconds = time.perf_counter() - start
    as_numpy = keras.ops.convert_to_numpy
    return dump.Dump(
        title=f"Keras {keras.__version__} on {keras.backend.backend()}",
        parameters={row.path: as_numpy(row.to) for row in rows},
        inits={row.path: row.init for row in rows},
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
