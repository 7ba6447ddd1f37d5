"""The Keras twins of `examples`: models of Flax Linen, NNX, Haiku and Equinox, on every backend.

What each variable must be is written by hand in `examples.pairs`, without varscale. The translator
that is not scanned is compared by the demo (tests/examples): its decoder is in the scanned one too.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")
jax = pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")

import varscale.keras as vk  # noqa: E402

if jax.__version_info__ < (0, 10):
    pytest.skip("not available: jax>=0.10", allow_module_level=True)

ROOT = Path(__file__).parents[2]
SEED = 7


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A module of examples, by name."""
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: importlib.import_module(f"examples.{name}")


@pytest.fixture
def twins(example: Callable[[str], Any]) -> Callable[[str], tuple[Any, Any, Any, Any]]:
    """By name: a JAX model's parameters and outputs, its built twin, and the inputs."""

    def make(name: str) -> tuple[Any, Any, Any, Any]:
        model = example("models").MODELS[name]
        if importlib.util.find_spec(model.module) is None:
            pytest.skip(f"not installed: pip install {model.module}")
        inputs = [example("sizes").inputs()[one] for one in model.inputs]
        params, outputs, _ = example("starts").start(name, SEED, *inputs)
        twin = getattr(example("keras_small"), model.twin.partition(":")[2])()
        twin(*inputs)
        return params, outputs["outputs"], twin, inputs

    return make


@pytest.mark.parametrize("name", ["scanned", "lstm", "nnx", "haiku", "equinox"])
def test_a_model_starts_and_computes_as_its_jax_twin(
    name: str, example: Any, twins: Any, assert_starts_as: Any, as_numpy: Any
) -> None:
    params, want, twin, inputs = twins(name)
    says = {"like": example("models").MODELS[name].like, **example("small_says").says(vk)[name]}
    plan = vk.plan(twin, SEED, **says, expect=params)
    assert_starts_as(plan, example("pairs").expected(name, "keras", params))
    assert np.abs(want).max() > 1e-2, "outputs of nothing show nothing"
    assert np.abs(as_numpy(twin(*inputs)) - want).max() <= 2e-5


@pytest.mark.parametrize("einsum", [False, True])
def test_an_einsum_starts_and_computes_as_nnx_s(
    einsum: bool, assert_starts_as: Any, as_numpy: Any
) -> None:
    nnx = pytest.importorskip("flax.nnx", reason="not installed: pip install flax")
    rngs, equation = nnx.Rngs(SEED), "abc,cde->abde"
    first = (
        nnx.Einsum(equation, (7, 2, 8), (2, 8), rngs=rngs)
        if einsum
        else nnx.LinearGeneral(7, (2, 8), rngs=rngs)
    )
    last = nnx.LinearGeneral((2, 8), 9, axis=(-2, -1), rngs=rngs)
    model = keras.Sequential(
        [
            keras.Input((3, 7)),
            keras.layers.EinsumDense(equation, (None, 2, 8), bias_axes="de", name="first"),
            keras.layers.EinsumDense("abcd,cde->abe", (None, 9), bias_axes="e", name="last"),
        ]
    )
    layout = {"first": {"einsum": True}} if einsum else {}
    plan = vk.plan(model, SEED, "flax.nnx", names={"first": "first", "last": "last"}, layout=layout)
    pairs = {"first": first, "last": last}
    want = {f"{name}.kernel": np.asarray(one.kernel[...]) for name, one in pairs.items()}
    want |= {f"{name}.bias": np.asarray(one.bias[...]) for name, one in pairs.items()}
    assert_starts_as(plan, want)
    x = np.random.default_rng(0).standard_normal((2, 3, 7)).astype(np.float32)
    assert np.abs(as_numpy(model(x)) - np.asarray(last(first(x)))).max() <= 1e-5
