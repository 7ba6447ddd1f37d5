"""The keys of Equinox' layers: every layer of the installed Equinox, drawn again with them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.core.cases import SEEDS, random_cases
from tests.core.compare import assert_identical
from tests.core.oracle import configured, jax

pytest.importorskip("equinox", reason="not installed: pip install equinox")

import equinox as eqx

import varscale
from varscale.equinox import param_keys

from hypothesis import given  # isort: skip
from hypothesis import strategies as st  # isort: skip

Key = Any


def layer(name: str, *sizes: Any, **options: Any) -> Callable[[Key], Any]:
    return lambda key: getattr(eqx.nn, name)(*sizes, **options, key=key)


def attention(biases: bool) -> Callable[[Key], Any]:
    names = ("query", "key", "value", "output")
    return layer("MultiheadAttention", 2, 4, **{f"use_{name}_bias": biases for name in names})


def parameters(module: Any) -> dict[str, Any]:
    """Arrays by attribute path, as in "layers.0.weight"."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(module, eqx.is_array))
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


@dataclass(frozen=True)
class Case:
    """A layer that draws: its class, and how it is made."""

    name: str
    make: Callable[[Key], Any]
    depth: int | None = None


CASES = {
    "Linear": Case("Linear", layer("Linear", 3, 4)),
    "Linear without bias": Case("Linear", layer("Linear", 3, 4, use_bias=False)),
    "Linear of scalars": Case("Linear", layer("Linear", "scalar", "scalar")),
    **{
        name: Case(name, layer(name, *before, 4, 6, 3, groups=2))
        for kind in ("Conv", "ConvTranspose")
        for name, before in (
            (kind, (2,)), (f"{kind}1d", ()), (f"{kind}2d", ()), (f"{kind}3d", ()),
        )
    },
    "Conv1d without bias": Case("Conv1d", layer("Conv1d", 2, 3, 3, use_bias=False)),
    "Embedding": Case("Embedding", layer("Embedding", 5, 4)),
    "MultiheadAttention": Case("MultiheadAttention", attention(False)),
    "MultiheadAttention with biases": Case("MultiheadAttention", attention(True)),
    "GRUCell": Case("GRUCell", layer("GRUCell", 3, 4)),
    "GRUCell without bias": Case("GRUCell", layer("GRUCell", 3, 4, use_bias=False)),
    "LSTMCell": Case("LSTMCell", layer("LSTMCell", 3, 4)),
    **{
        f"MLP of depth {depth}": Case("MLP", layer("MLP", 3, 2, 4, depth), depth)
        for depth in (0, 1, 2, 4)
    },
    "MLP without biases": Case(
        "MLP", layer("MLP", 3, 2, 4, 2, use_bias=False, use_final_bias=False), 2
    ),
}  # fmt: skip


def drawn_again(name: str, parameter: Any, module: Any, key: varscale.Key) -> Any:
    """A parameter, drawn by JAX with varscale's key as Equinox' source says."""
    key = jax.random.wrap_key_data(varscale.key_data(key))
    if name == "Embedding":
        return jax.random.normal(key, parameter.shape)
    bound = {
        "Linear": lambda: 1 / np.sqrt(module.weight.shape[1]),
        "GRUCell": lambda: np.sqrt(1 / module.hidden_size),
        "LSTMCell": lambda: np.sqrt(1 / module.hidden_size),
    }.get(name, lambda: 1 / np.sqrt(np.prod(module.weight.shape[1:])))()
    return jax.random.uniform(key, parameter.shape, minval=-bound, maxval=bound)


def owner(module: Any, path: str) -> Any:
    """The layer that has a parameter: the module itself, or a part of it."""
    for step in path.split(".")[:-1]:
        module = module[int(step)] if step.isdigit() else getattr(module, step)
    return module


def check(case: Case, seed: int, module: Any, key: Any) -> None:
    keys = param_keys(case.name, key, depth=case.depth)
    found = parameters(module)
    assert found
    without_biases = {path for path in keys if "bias" not in path}
    assert without_biases <= set(found) <= set(keys)
    for path, parameter in found.items():
        part = owner(module, path)
        want = drawn_again(type(part).__name__, parameter, part, keys[path])
        assert_identical(want, parameter, f"{case.name} {path}, seed {seed}")


@pytest.mark.parametrize("name", CASES)
def test_every_parameter_is_drawn_with_its_key(name: str) -> None:
    case = CASES[name]
    check(case, 7, case.make(jax.random.key(7)), 7)


@random_cases(max_examples=15)
@given(seed=SEEDS, name=st.sampled_from(sorted(CASES)))
def test_any_seed_will_do(seed: int, name: str) -> None:
    case = CASES[name]
    check(case, seed, case.make(jax.random.key(seed)), seed)


@pytest.mark.parametrize("name", ["MLP of depth 4", "GRUCell"])
def test_legacy_splits_follow_the_key(name: str) -> None:
    case = CASES[name]
    with configured(partitionable=False):
        check(case, 7, case.make(jax.random.key(7)), varscale.key(7, partitionable=False))


def test_a_key_of_jax_is_a_key() -> None:
    case = CASES["LSTMCell"]
    key = jax.random.split(jax.random.key(1))[0]
    check(case, 1, case.make(key), key)


def test_an_mlp_that_scans_stacks_the_keys_of_its_hidden_layers() -> None:
    plain, scanning = (
        parameters(eqx.nn.MLP(3, 2, 4, 4, scan=scan, key=jax.random.key(0)))
        for scan in (False, True)
    )
    for parameter in ("weight", "bias"):
        stacked = scanning[f"layers.1.{parameter}"]
        for index in range(3):
            want = plain[f"layers.{1 + index}.{parameter}"]
            assert_identical(stacked[index], want, f"{index}, {parameter}")
        assert_identical(
            scanning[f"layers.2.{parameter}"], plain[f"layers.4.{parameter}"], parameter
        )


def test_spectral_norm_starts_from_the_vectors_of_its_keys(monkeypatch: Any) -> None:
    module = importlib.import_module("equinox.nn._spectral_norm")
    started = []

    def power_iteration(weight: Any, u: Any, v: Any, eps: float) -> Any:
        started.append((u, v))
        return u, v

    monkeypatch.setattr(module, "_power_iteration", power_iteration)
    linear = eqx.nn.Linear(3, 4, key=jax.random.key(0))
    eqx.nn.SpectralNorm(linear, "weight", key=jax.random.key(5))
    for name, vector in zip("uv", started[0], strict=True):
        key = jax.random.wrap_key_data(varscale.key_data(param_keys("SpectralNorm", 5)[name]))
        assert_identical(jax.random.normal(key, vector.shape), vector, name)


def test_complex_parameters_split_their_key() -> None:
    weight = eqx.nn.Linear(3, 4, dtype=np.complex64, key=jax.random.key(2)).weight
    parts = varscale.split(param_keys("Linear", 2)["weight"])
    for key, part in zip(parts, (weight.real, weight.imag), strict=True):
        key = jax.random.wrap_key_data(varscale.key_data(key))
        bound = 1 / np.sqrt(3)
        want = jax.random.uniform(key, part.shape, minval=-bound, maxval=bound)
        assert_identical(want, part, "complex weight")


#: Names in equinox.nn that are no layers.
NO_LAYERS = {"State", "StateIndex", "StatefulLayer"}


def layers_of_equinox() -> list[str]:
    return sorted(
        name
        for name, value in vars(eqx.nn).items()
        if isinstance(value, type) and not name.startswith("_") and name not in NO_LAYERS
    )


def test_no_other_layers_are_known() -> None:
    with pytest.raises(ValueError, match="layer must be one of") as raised:
        param_keys("Dense", 0)
    listed = str(raised.value).partition("one of ")[2].partition(";")[0].split(", ")
    assert listed == layers_of_equinox()


def test_every_layer_that_takes_a_key_is_drawn_again() -> None:
    tested = {case.name for case in CASES.values()} | {"SpectralNorm"}
    for name in layers_of_equinox():
        takes_a_key = "key" in inspect.signature(getattr(eqx.nn, name)).parameters
        drawn = param_keys(name, 0, depth=2 if name == "MLP" else None)
        assert takes_a_key == (name in tested) == bool(drawn), name
