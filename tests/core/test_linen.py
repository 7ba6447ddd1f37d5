"""Keys of Flax Linen's parameters: against the installed Flax, and against recorded ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import varscale
from varscale import linen

from .compare import assert_identical, command

RECORDED = json.loads((Path(__file__).parent / "vectors" / "flax-0.12.8.json").read_text())


# Without Flax


@pytest.mark.parametrize("name", RECORDED["keys"])
def test_recorded_keys_are_found_again(name: str) -> None:
    case = RECORDED["keys"][name]
    key = linen.param_key(
        case["seed"], case["path"], case["count"], fix_rng_separator=case["fix_rng_separator"]
    )
    assert list(key.words) == case["words"], f"{name}: {key}; repeat with {command()}"


@pytest.mark.parametrize("name", RECORDED["parameters"])
def test_recorded_parameters_are_drawn_again(name: str) -> None:
    case = RECORDED["parameters"][name]
    # Recorded with jax 0.10.2, eager.
    init = getattr(varscale.numpy, case["initializer"])(*case["arguments"], compiled=False)
    key = linen.param_key(case["seed"], case["path"], case["count"])
    got = init(key, tuple(case["drawn_shape"])).reshape(case["shape"])
    want = np.array(case["bits"], np.uint32).view(np.float32).reshape(case["shape"])
    assert_identical(got, want, name)


def test_separate_names_give_a_key_of_their_own_only_with_the_separator() -> None:
    one, other = ("ab", "c"), ("a", "bc")
    assert linen.param_key(0, one, 1) == linen.param_key(0, other, 1)
    separate = [linen.param_key(0, path, 1, fix_rng_separator=True) for path in (one, other)]
    assert separate[0] != separate[1]


def test_a_count_above_a_byte_is_folded_in() -> None:
    keys = {linen.param_key(0, ("a",), count) for count in (1, 255, 256, 257, 65536)}
    assert len(keys) == 5


@pytest.mark.parametrize(
    ("path", "count", "error", "message"),
    [
        (("a",), 0, ValueError, "count must be >= 1, got 0"),
        (("a",), -1, ValueError, "count must be >= 1, got -1"),
        ("ab", 1, TypeError, "path must be a sequence of names, got the string 'ab'"),
    ],
)
def test_the_message_names_the_argument(path: Any, count: Any, error: Any, message: str) -> None:
    with pytest.raises(error) as raised:
        linen.param_key(0, path, count)
    assert str(raised.value) == message


# With Flax


@pytest.fixture(scope="module")
def nn() -> Any:
    pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
    pytest.importorskip("flax", reason="not installed: pip install flax")
    import flax.linen

    return flax.linen


def witness(key: Any, shape: tuple[int, ...], dtype: Any = None) -> Any:
    """An initializer that returns the key that it was called with."""
    import jax

    return jax.random.key_data(key)


def keys_of(module: Any, seed: int) -> dict[tuple[str, ...], list[int]]:
    """The key of every parameter of a module, by path."""
    import jax
    from flax import traverse_util

    variables = module.init(jax.random.key(seed), np.zeros((1, 2), np.float32))
    leaves = traverse_util.flatten_dict(variables["params"])
    return {path: np.asarray(words).tolist() for path, words in leaves.items()}


def check(module: Any, seed: int, counts: dict[tuple[str, ...], int], **options: Any) -> None:
    want = keys_of(module, seed)
    assert set(want) == set(counts)
    for path, count in counts.items():
        got = list(linen.param_key(seed, path[:-1], count, **options).words)
        assert got == want[path], f"{path}: {got}, Flax {want[path]}; repeat with {command()}"


def test_nested_compact_modules_have_the_keys_of_flax(nn: Any) -> None:
    class Leaf(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            self.param("first", witness, (2,))
            self.param("second", witness, (2,))
            return x

    class Branch(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            self.param("own", witness, (2,))
            x = Leaf()(x)
            x = Leaf(name="named")(x)
            self.param("late", witness, (2,))
            return x

    class Root(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            x = Branch()(x)
            self.param("top", witness, (2,))
            return Branch()(x)

    counts: dict[tuple[str, ...], int] = {("top",): 1}
    for branch in ("Branch_0", "Branch_1"):
        counts[branch, "own"], counts[branch, "late"] = 1, 2
        for leaf in ("Leaf_0", "named"):
            counts[branch, leaf, "first"], counts[branch, leaf, "second"] = 1, 2
    for seed in (0, 42, 2**32 - 1):
        check(Root(), seed, counts)


def test_a_module_of_more_than_256_parameters_has_the_keys_of_flax(nn: Any) -> None:
    class Wide(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            for number in range(1, 260):
                self.param(f"p{number}", witness, (2,))
            return x

    check(Wide(), 5, {(f"p{number}",): number for number in range(1, 260)})


def test_modules_with_setup_have_the_keys_of_flax(nn: Any) -> None:
    class Inner(nn.Module):
        def setup(self) -> None:
            self.weight = self.param("weight", witness, (2,))
            self.shift = self.param("shift", witness, (2,))

        def __call__(self, x: Any) -> Any:
            return x + self.weight.sum() + self.shift.sum()

    class Outer(nn.Module):
        def setup(self) -> None:
            self.inner = Inner()
            self.layers = [Inner() for _ in range(2)]

        def __call__(self, x: Any) -> Any:
            for layer in (self.inner, *self.layers):
                x = layer(x)
            return x

    counts = {}
    for name in ("inner", "layers_0", "layers_1"):
        counts[name, "weight"], counts[name, "shift"] = 1, 2
    check(Outer(), 7, counts)


def test_names_that_run_together_collide_in_flax_too(nn: Any) -> None:
    class Leaf(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            self.param("w", witness, (2,))
            return x

    class Branch(nn.Module):
        child: str

        @nn.compact
        def __call__(self, x: Any) -> Any:
            return Leaf(name=self.child)(x)

    class Root(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return Branch("c", name="ab")(Branch("bc", name="a")(x))

    counts = {("ab", "c", "w"): 1, ("a", "bc", "w"): 1}
    want = keys_of(Root(), 3)
    assert want["ab", "c", "w"] == want["a", "bc", "w"]
    check(Root(), 3, counts)

    from flax import config

    with config.temp_flip_flag("fix_rng_separator", True):
        separate = keys_of(Root(), 3)
        assert separate["ab", "c", "w"] != separate["a", "bc", "w"]
        check(Root(), 3, counts, fix_rng_separator=True)


def test_a_model_of_dense_layers_is_drawn_as_flax_draws_it(nn: Any) -> None:
    import jax

    from .oracle import EXACT

    if not EXACT:
        pytest.skip("not available: jax>=0.10")

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return nn.Dense(3, bias_init=nn.initializers.uniform())(nn.relu(nn.Dense(5)(x)))

    params = Model().init(jax.random.key(11), np.zeros((1, 4), np.float32))["params"]
    # The outer layer is made first, and is therefore number 0.
    for name, shape in (("Dense_1", (4, 5)), ("Dense_0", (5, 3))):
        kernel = varscale.numpy.lecun_normal()(linen.param_key(11, (name,), 1), shape)
        assert_identical(kernel, params[name]["kernel"], f"{name}/kernel")
    bias = varscale.numpy.uniform()(linen.param_key(11, ("Dense_0",), 2), (3,))
    assert_identical(bias, params["Dense_0"]["bias"], "Dense_0/bias")
