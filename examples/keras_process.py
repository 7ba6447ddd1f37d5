"""The process that initialises the Keras twins by varscale, runs them and dumps both."""

import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

import varscale.keras
from examples import dump, keras_says, keras_small, keras_twins, small_says
from examples.cost import measured
from examples.models import MODELS

PLACES = {"twins": keras_twins, "small": keras_small}
SAYS: dict[str, dict[str, Any]] = {
    "vit": keras_says.VIT,
    "resnet": keras_says.RESNET,
    **small_says.says(varscale.keras),
}


def run(name: str, seed: int, inputs: list[np.ndarray]) -> dump.Dump:
    """Build, initialise and run one twin."""
    model = MODELS[name]
    place, _, make = model.twin.partition(":")
    twin = getattr(PLACES[place], make)()
    twin(*inputs)  # builds it
    for variable in twin.trainable_variables:
        variable.assign(np.full(variable.shape, np.nan))  # what nothing writes stays NaN
    says = {"like": model.like, **SAYS[name]}
    plan, cost = measured(lambda: started(twin, seed, says))
    outputs = twin(*inputs, training=False)
    outputs = outputs if isinstance(outputs, dict) else {"outputs": outputs}
    as_numpy = keras.ops.convert_to_numpy
    trained = {id(variable) for variable in twin.trainable_variables}
    parameters = {name: as_numpy(one) for name, one in plan.variables.items() if id(one) in trained}
    return dump.Dump(
        title=f"Keras {keras.__version__} on {keras.backend.backend()}",
        parameters=parameters,
        facts=dump.facts(plan.explain(), parameters),
        outputs={name: as_numpy(y) for name, y in outputs.items()},
        unwritten=sum(int(np.isnan(one).sum()) for one in parameters.values()),
        cost=str(cost),
    )


def started(twin: keras.Model, seed: int, says: dict[str, Any]) -> Any:
    """The plan of a twin, carried out: `init_`, and the names of the variables beside it."""
    plan = varscale.keras.plan(twin, seed, **says)
    plan.fill_()
    return plan


def main(directory: Path, seed: int, models: list[str]) -> None:
    """Leave directory/MODEL-keras.npz for each model."""
    with np.load(directory / "inputs.npz") as inputs:
        for name in models:
            done = run(name, seed, [inputs[one] for one in MODELS[name].inputs])
            dump.write(directory / f"{name}-keras.npz", done)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(","))
