"""Configs, clones and saved files; the class and the values survive all of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")

import varscale  # noqa: E402
import varscale.keras as vk  # noqa: E402

# Keras reads its own variables so when it saves them: keras/src/backend/*/core.py.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")

SHAPE = (3, 4, 6)
KEY = varscale.Key((2**32 - 1, 5), partitionable=False)
EVERY = [
    vk.VarianceScaling(0.5, "fan_geo_avg", "normal", in_axis=0, out_axis=(1, 2), key=KEY),
    vk.VarianceScaling(np.float32(0.1), batch_axis=-3, dtype="bfloat16", compiled=False, key=KEY),
    vk.VarianceScaling(in_axis=(), batch_axis=(-2,), key=KEY),
    vk.GlorotUniform(in_axis=1, key=KEY),
    vk.GlorotNormal(out_axis=1, key=KEY),
    vk.LecunUniform(batch_axis=0, key=KEY),
    vk.LecunNormal(seed=7),
    vk.HeUniform(key=7),
    vk.HeNormal(input_axes=[0], output_axes=[1, 2], key=KEY),
    vk.Uniform(0.5, dtype="float16", key=KEY),
    vk.Normal(0.5, compiled=False, key=KEY),
    vk.TruncatedNormal(np.float64(0.5), lower=-np.inf, upper=1.5, key=KEY),
    vk.Orthogonal(0.5, column_axis=0, key=KEY),
    vk.DeltaOrthogonal(0.5, key=KEY),
    vk.Constant(0.3, dtype="float16"),
    vk.Constant(np.arange(6, dtype=np.float32)),
    vk.Zeros(),
    vk.Ones(),
]


def model(initializer: Any) -> Any:
    dense = keras.layers.Dense(3, kernel_initializer=initializer)
    return keras.Sequential([keras.Input((5,)), dense])


@pytest.mark.parametrize("initializer", EVERY, ids=lambda one: type(one).__name__)
def test_a_copy_by_config_draws_the_same(
    initializer: Any, as_numpy: Any, assert_identical: Any
) -> None:
    text = json.dumps(keras.initializers.serialize(initializer))
    copies = [
        type(initializer).from_config(initializer.get_config()),
        initializer.clone(),
        keras.initializers.get(json.loads(text)),
        keras.initializers.deserialize(json.loads(text)),
    ]
    want = as_numpy(initializer(SHAPE))
    for copy in copies:
        assert type(copy) is type(initializer)
        assert copy.get_config() == initializer.get_config() or "Constant" in text
        assert_identical(copy(SHAPE), want)


def test_the_config_has_every_argument() -> None:
    assert vk.HeNormal(in_axis=0, batch_axis=(1,), dtype=np.float16, key=KEY).get_config() == {
        "in_axis": [0],
        "out_axis": None,
        "batch_axis": [1],
        "dtype": "float16",
        "compiled": None,
        "key": {"words": [2**32 - 1, 5], "impl": "threefry2x32", "partitionable": False},
        "seed": None,
    }
    assert vk.Normal(0.5, seed=7).get_config() == {
        "stddev": 0.5,
        "dtype": None,
        "compiled": None,
        "key": None,
        "seed": 7,
    }


def test_the_object_itself_and_the_class_are_identifiers() -> None:
    initializer = vk.LecunNormal(key=1)
    assert keras.initializers.get(initializer) is initializer
    assert isinstance(keras.initializers.get(vk.LecunNormal), vk.LecunNormal)
    assert isinstance(keras.initializers.get("varscale>LecunNormal"), vk.LecunNormal)
    assert type(keras.initializers.get("lecun_normal")) is keras.initializers.LecunNormal


def test_a_copy_of_an_unseeded_one_draws_anew_as_in_keras(as_numpy: Any) -> None:
    for make in (keras.initializers.LecunNormal, vk.LecunNormal):
        initializer = make()
        copy = initializer.clone()
        assert initializer.get_config()["seed"] is None
        assert not np.array_equal(as_numpy(initializer((3, 4))), as_numpy(copy((3, 4))))


def test_a_seed_generator_is_restored(as_numpy: Any, assert_identical: Any) -> None:
    initializer = vk.LecunNormal(seed=keras.random.SeedGenerator(5))
    config = json.loads(json.dumps(keras.initializers.serialize(initializer)))
    restored = keras.initializers.get(config)
    assert_identical(restored((3, 4)), as_numpy(initializer((3, 4))))


def test_clone_model_draws_the_same_weights(as_numpy: Any, assert_identical: Any) -> None:
    original = model(vk.LecunNormal(key=5))
    clone = keras.models.clone_model(original)
    kernel = as_numpy(original.layers[0].kernel)
    assert_identical(clone.layers[0].kernel, kernel)
    assert clone.layers[0].kernel is not original.layers[0].kernel


def test_a_saved_model_loads_without_custom_objects(
    tmp_path: Path, as_numpy: Any, assert_identical: Any
) -> None:
    original = model(vk.VarianceScaling(2.0, "fan_geo_avg", "normal", key=KEY))
    path = tmp_path / "model.keras"
    original.save(path)
    loaded = keras.models.load_model(path)
    assert_identical(loaded.layers[0].kernel, as_numpy(original.layers[0].kernel))
    initializer = loaded.layers[0].kernel_initializer
    assert type(initializer) is vk.VarianceScaling
    assert initializer.key == KEY
    assert_identical(initializer((5, 3)), as_numpy(original.layers[0].kernel))


def test_a_saved_model_loads_in_another_process_after_the_import(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    model(vk.HeNormal(key=5)).save(path)
    script = f"import keras; keras.models.load_model({str(path)!r})"
    without, with_import = (
        subprocess.run(
            [sys.executable, "-P", "-c", text], capture_output=True, text=True, check=False
        )
        for text in (script, f"import varscale.keras; {script}")
    )
    assert with_import.returncode == 0, with_import.stderr
    assert without.returncode != 0
    assert "HeNormal" in without.stderr
