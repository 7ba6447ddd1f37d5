"""`like="keras"`: nothing is written, and the table says what Keras itself has drawn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")

from keras import initializers, layers  # noqa: E402

import varscale.keras as vk  # noqa: E402


def started() -> Any:
    """Widths differ everywhere, so that a fan that is taken for another one is seen."""
    keras.utils.set_random_seed(5)
    x = keras.Input((24, 30))
    y = layers.Conv1D(90, 3, name="conv")(x)
    y = layers.LayerNormalization(name="norm")(layers.DepthwiseConv1D(3, name="depthwise")(y))
    y = layers.EinsumDense("abc,cde->abde", (None, 20, 40), bias_axes="e", name="einsum")(y)
    y = layers.LSTM(40, name="memory")(layers.Reshape((-1, 800))(y))
    for name, init in {
        "normal": initializers.RandomNormal(stddev=0.3),
        "uniform": initializers.RandomUniform(-0.2, 0.2),
        "truncated": initializers.TruncatedNormal(stddev=0.3),
        "untruncated": initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        "constant": initializers.Constant(0.5),
        "vector": initializers.RandomNormal(mean=1.0),
    }.items():
        y = layers.Dense(90, name=name, kernel_initializer=init)(y)
    return keras.Model(x, layers.Dense(3, bias_initializer="glorot_uniform", name="head")(y))


def test_keras_draws_what_is_said_and_nothing_is_written(as_numpy: Any) -> None:
    model = started()
    plan = vk.plan(model, 0, like="keras")
    before = {name: as_numpy(one).copy() for name, one in plan.variables.items()}
    assert vk.init_(model, 0, like="keras") is model
    rows = {row.to: row for row in plan.explain().left}
    assert set(rows) == set(plan.variables)
    for name, variable in plan.variables.items():
        values = as_numpy(variable).astype(np.float64)
        assert (as_numpy(variable) == before[name]).all(), name
        want = rows[name].stddev
        if want is not None and "orthogonal" not in rows[name].initializer.lower():
            spread = 5 * math.sqrt(0.5 / values.size) * want
            assert abs(values.std() - want) <= spread + 1e-7, name
    unknown = {name for name, row in rows.items() if row.stddev is None}
    assert unknown == {"memory.cell.bias", "vector.kernel", "head.bias", "einsum.kernel"}
    assert rows["memory.cell.bias"].initializer == "Zeros, of the forget gate Ones"
    orthogonal = as_numpy(plan.variables["memory.cell.recurrent_kernel"])
    assert math.sqrt(np.square(orthogonal).mean()) == pytest.approx(
        rows["memory.cell.recurrent_kernel"].stddev, rel=1e-5
    )


class Halved(initializers.HeNormal):
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return super().__call__(shape, dtype) * 0.5


class Doubled(initializers.HeNormal):
    def __init__(self) -> None:
        super().__init__()
        self.scale = 8.0


def test_what_is_not_known_is_said_to_be(as_numpy: Any) -> None:
    keras.utils.set_random_seed(5)
    # Keras reads this kernel's inputs from its last axis, and writes it (out, in).
    turned = layers.EinsumDense("ab,cb->ac", 300, kernel_initializer="he_normal", name="turned")
    dense = [
        layers.Dense(300, name=name, kernel_initializer=init)
        for name, init in {"halved": Halved(), "doubled": Doubled()}.items()
    ]
    model = keras.Sequential([keras.Input((6,)), turned, *dense])
    rows = {row.to: row for row in vk.explain(model, 0, like="keras").left}
    said = {name: (rows[f"{name}.kernel"].initializer, rows[f"{name}.kernel"].stddev)
            for name in ("turned", "halved")}  # fmt: skip
    assert said == {"turned": ("HeNormal", None), "halved": ("Halved", None)}
    # What a subclass only sets is read.
    values = as_numpy(dense[1].kernel)
    assert rows["doubled.kernel"].stddev == pytest.approx(values.std(), rel=0.02)
