"""Fixtures for the Keras adapter's tests, which run on whatever backend KERAS_BACKEND names.

No package here, and no imports between the files: a package named `keras` would hide Keras.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest


def _as_numpy(tensor: Any) -> np.ndarray[Any, Any]:
    """A tensor or variable of Keras as an array of the same dtype, bit for bit."""
    import keras

    value = tensor.value if isinstance(tensor, keras.Variable) else tensor
    if keras.backend.backend() == "torch":
        value = value.detach()
        if keras.backend.standardize_dtype(value.dtype) == "bfloat16":
            import torch

            return value.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return value.numpy() if hasattr(value, "numpy") else np.asarray(value)


@pytest.fixture
def as_numpy() -> Callable[[Any], np.ndarray[Any, Any]]:
    return _as_numpy


@pytest.fixture
def assert_identical() -> Callable[[Any, Any], None]:
    """Fails unless a tensor or variable of Keras has the array's shape, dtype and bits."""

    def check(tensor: Any, want: Any) -> None:
        got, want = _as_numpy(tensor), np.asarray(want)
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        pairs = [np.ascontiguousarray(one).view(f"u{one.itemsize}") for one in (got, want)]
        wrong = int((pairs[0] != pairs[1]).sum())
        assert wrong == 0, f"{wrong} of {want.size} values differ: got {got}, expected {want}"

    return check


@pytest.fixture
def assert_starts_as(
    assert_identical: Callable[[Any, Any], None],
) -> Callable[[Any, dict[str, Any]], None]:
    """Carries a plan out, and fails unless every variable of the model is what is wanted."""

    def check(plan: Any, want: dict[str, Any]) -> None:
        for variable in plan.variables.values():
            nothing = np.full(tuple(variable.shape), np.nan, ml_dtypes.bfloat16)
            variable.assign(nothing.astype(str(variable.dtype)))
        plan.fill_()
        assert set(want) == set(plan.variables)
        for name, array in want.items():
            assert_identical(plan.variables[name], array)

    return check


@pytest.fixture
def assert_same_layer(
    assert_starts_as: Callable[[Any, dict[str, Any]], None],
) -> Callable[..., None]:
    """Fails unless a layer in a model starts as Flax's within a module, and computes the same."""
    import flax.linen
    import jax
    import keras

    import varscale.keras

    class Module(flax.linen.Module):
        body: Callable[[Any], Any]

        @flax.linen.compact
        def __call__(self, x: Any) -> Any:
            return self.body(x)

    class Model(keras.Model):
        def __init__(self, layer: Any, how: Callable[[Any, Any], Any]) -> None:
            super().__init__()
            self.layer = layer
            self.how = how

        def call(self, x: Any) -> Any:
            return self.how(self.layer, x)

    def check(case: Any) -> None:
        rng = np.random.default_rng(0)
        x: np.ndarray[Any, Any] = rng.standard_normal(case.shape).astype(np.float32)
        if case.integers:
            x = rng.integers(0, case.integers, case.shape).astype(np.int32)
        module, model = Module(case.flax), Model(case.twin(), case.forward)
        variables = module.init(jax.random.key(5), x)
        model(x)
        params = variables["params"]
        plan = varscale.keras.plan(model, 5, "flax.linen", expect=params, **case.options)
        assert_starts_as(plan, case.want(params))
        got, want = _as_numpy(model(x)), np.asarray(module.apply(variables, x))
        assert got.shape == want.shape
        assert np.abs(want).max() > 1e-2, "outputs of nothing show nothing"
        assert np.abs(got - want).max() <= 1e-5

    return check


@pytest.fixture
def wide() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """A context in which the backend has float64: JAX must be told."""
    import keras

    @contextlib.contextmanager
    def context() -> Iterator[None]:
        if keras.backend.backend() != "jax":
            yield
            return
        import jax

        with jax.enable_x64(True):
            yield

    return context
