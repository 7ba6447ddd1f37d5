"""Whole Keras models that start as Flax Linen's: functional, Sequential, subclassed; names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")
jax = pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
nn = pytest.importorskip("flax.linen", reason="not installed: pip install flax")
hypothesis = pytest.importorskip("hypothesis", reason="not installed: pip install hypothesis")

from hypothesis import strategies as st  # noqa: E402
from keras import layers  # noqa: E402

import varscale.keras as vk  # noqa: E402
from varscale.port import Flattened  # noqa: E402

if jax.__version_info__ < (0, 10):
    pytest.skip("not available: jax>=0.10", allow_module_level=True)

FLAX = "flax.linen"


class Flax(nn.Module):
    """A module whose call is `body`."""

    body: Callable[..., Any]

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return self.body(x)


def started(body: Any, x: Any, key: int = 3) -> tuple[Any, Any]:
    """The parameters of a Flax module, or of one that has such a call, and its outputs."""
    module = body if isinstance(body, nn.Module) else Flax(body)
    variables = module.init(jax.random.key(key), x)
    return variables["params"], np.asarray(module.apply(variables, x))


def values(*shape: int) -> Any:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def at(params: Any, path: str) -> Any:
    for name in path.split("/"):
        params = params[name]
    return params


@pytest.fixture
def assert_twins(assert_starts_as: Any, as_numpy: Any) -> Callable[..., None]:
    """Fails unless a model starts with Flax's parameters, and computes what Flax's module does."""

    def check(model: Any, body: Any, x: Any, paths: dict[str, str], **options: Any) -> None:
        params, want = started(body, x)
        model(x)
        plan = vk.plan(model, 3, FLAX, expect=params, **options)
        expected = {
            f"{ours}.{leaf}": at(params, f"{path}/{flax_leaf}")
            for ours, path in paths.items()
            for leaf, flax_leaf in LEAVES.items()
            if flax_leaf in at(params, path)
        }
        assert_starts_as(plan, expected)
        assert np.abs(want).max() > 1e-2
        assert np.abs(as_numpy(model(x)) - want).max() <= 1e-5

    return check


LEAVES = {"kernel": "kernel", "bias": "bias"}


def branches(x: Any) -> Any:
    """The shortcut is made first, and is not the last of its depth."""
    shortcut = nn.Conv(8, (1, 1))(x)
    y = nn.relu(nn.Conv(8, (3, 3))(x))
    y = nn.Conv(8, (3, 3), name="last")(y) + shortcut
    return nn.Dense(7)(y.reshape(y.shape[0], -1))


def functional() -> Any:
    x = start = keras.Input((4, 4, 3))
    shortcut = layers.Conv2D(8, 1)(x)
    y = layers.ReLU()(layers.Conv2D(8, 3, padding="same")(x))
    y = layers.Conv2D(8, 3, padding="same", name="last")(y) + shortcut
    return keras.Model(start, layers.Dense(7)(layers.Flatten()(y)))


def test_a_functional_models_layers_are_numbered_as_they_were_written(assert_twins: Any) -> None:
    layers.Dense(1)  # the names that Keras makes up go on
    paths = {
        "layers.4": "Conv_0",
        "layers.1": "Conv_1",
        "last": "last",
        "layers.6": "Dense_0",
    }
    assert_twins(functional(), branches, values(2, 4, 4, 3), paths, names={"last": "last"})


def test_a_loaded_functional_model_has_the_order_of_its_layers() -> None:
    model = keras.models.clone_model(functional())
    rows = vk.plan(model, 0, FLAX).plan.rows
    kernels = [row.to for row in rows if "Conv" in row.path and row.to.endswith("kernel")]
    assert kernels == ["layers.1.kernel", "last.kernel", "layers.4.kernel"]


def test_a_sequential_models_layers_are_numbered(assert_twins: Any) -> None:
    def body(x: Any) -> Any:
        x = nn.relu(nn.Dense(8)(x))
        x = nn.Dense(9)(x)
        return nn.Dense(7, name="head")(x)

    model = keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(8, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(9),
            layers.Dense(7, name="head"),
        ]
    )
    paths = {"layers.0": "Dense_0", "layers.2": "Dense_1", "head": "head"}
    assert_twins(model, body, values(2, 5), paths, names={"head": "head"})


def test_a_named_layer_between_others_has_its_number(assert_twins: Any) -> None:
    def body(x: Any) -> Any:
        for size in (8, 9, 7):
            x = nn.Dense(size)(x)
        return x

    stack = [layers.Dense(8), layers.Dense(9, name="middle"), layers.Dense(7)]
    paths = {"layers.0": "Dense_0", "middle": "Dense_1", "layers.2": "Dense_2"}
    assert_twins(keras.Sequential(stack), body, values(2, 5), paths)


def test_flaxs_sequential_is_setup_style(assert_twins: Any) -> None:
    class Setup(nn.Module):
        def setup(self) -> None:
            self.mlp = nn.Sequential([nn.Dense(8), nn.relu, nn.Dense(7)])

        def __call__(self, x: Any) -> Any:
            return self.mlp(x)

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.mlp = keras.Sequential([layers.Dense(8), layers.ReLU(), layers.Dense(7)])

        def call(self, x: Any) -> Any:
            return self.mlp(x)

    paths = {"mlp.layers.0": "mlp/layers_0", "mlp.layers.2": "mlp/layers_2"}
    assert_twins(Model(), Setup(), values(2, 5), paths, style="setup")


class Block(layers.Layer):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = layers.Dense(width, activation="relu")
        self._fc2 = layers.Dense(width)
        self.scale = self.add_weight(name="scale", shape=(width,), initializer="ones")

    def call(self, x: Any) -> Any:
        return self._fc2(self.fc1(x)) * self.scale


class Stack(keras.Model):
    """Lists, dictionaries, tuples, a layer that is called twice, one model in another."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = layers.Dense(8)
        self.blocks = [Block(8), Block(8)]
        self.more = {"u": layers.Dense(8), "v": (layers.Dense(8),)}
        self.inner = keras.Sequential([layers.Dense(8), layers.Dense(8)])
        self.free = self.add_weight(shape=(1, 8))

    def call(self, x: Any) -> Any:
        x = self.stem(self.stem(x)) + self.free
        for block in self.blocks:
            x = block(x)
        return self.inner(self.more["v"][0](self.more["u"](x)))


class FlaxBlock(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        y = nn.Dense(8)(nn.relu(nn.Dense(8, name="fc1")(x)))
        return y * self.param("scale", jax.nn.initializers.uniform(1.0), (8,))


class FlaxStack(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        stem = nn.Dense(8, name="stem")
        x = stem(stem(x)) + self.param("free", jax.nn.initializers.uniform(1.0), (1, 8))
        for _ in range(2):
            x = FlaxBlock()(x)
        for _ in range(4):
            x = nn.Dense(8)(x)
        return x


STACK: dict[str, Any] = {
    "names": {"stem": "stem", r"blocks\.\d\.fc1": "fc1"},
    "params": {
        r"blocks\.\d\.scale": ("scale", vk.uniform(1.0)),
        "variable": ("free", vk.uniform(1.0)),
    },
    "classes": {Block: "FlaxBlock"},
}


def stack_values(params: Any) -> dict[str, Any]:
    paths = {
        "stem": "stem",
        "blocks.0.fc1": "FlaxBlock_0/fc1",
        "blocks.0._fc2": "FlaxBlock_0/Dense_0",
        "blocks.1.fc1": "FlaxBlock_1/fc1",
        "blocks.1._fc2": "FlaxBlock_1/Dense_0",
        "more.u": "Dense_0",
        "more.v.0": "Dense_1",
        "inner.layers.0": "Dense_2",
        "inner.layers.1": "Dense_3",
    }
    want = {
        f"{ours}.{leaf}": at(params, f"{path}/{leaf}")
        for ours, path in paths.items()
        for leaf in ("kernel", "bias")
    }
    scales = {f"blocks.{i}.scale": params[f"FlaxBlock_{i}"]["scale"] for i in range(2)}
    return {**want, **scales, "variable": params["free"]}


def test_a_subclassed_models_layers_have_their_attributes_names(
    assert_starts_as: Any, as_numpy: Any
) -> None:
    x = values(2, 8)
    module = FlaxStack()
    variables = module.init(jax.random.key(4), x)
    model = Stack()
    model(x)
    plan = vk.plan(model, 4, FLAX, expect=variables["params"], **STACK)
    assert_starts_as(plan, stack_values(variables["params"]))
    want = np.asarray(module.apply(variables, x))
    assert np.abs(want).max() > 1e-2
    assert np.abs(as_numpy(model(x)) - want).max() <= 1e-5


def test_names_do_not_depend_on_what_was_built_before() -> None:
    plans = []
    for _ in range(2):
        model = Stack()
        model(values(1, 8))
        plans.append(vk.plan(model, 0, FLAX, **STACK))
    first, second = plans
    assert [*first.variables] == [*second.variables]
    assert first.plan == second.plan


def test_a_vector_that_was_flattened_channels_first(assert_identical: Any) -> None:
    def body(x: Any) -> Any:
        return nn.Dense(7)(x.reshape(x.shape[0], -1))

    params, _ = started(body, values(1, 4, 5, 3))
    model = keras.Sequential([keras.Input((60,)), layers.Dense(7, name="head")])
    flat = Flattened("CHW", (3, 4, 5))
    plan = vk.plan(model, 3, FLAX, layout={"head": flat}, names={"head": "Dense_0"})
    plan.fill_()
    kernel = np.asarray(params["Dense_0"]["kernel"]).reshape(4, 5, 3, 7)
    assert_identical(plan.variables["head.kernel"], kernel.transpose(2, 0, 1, 3).reshape(60, 7))


def test_blocks_that_jax_scans(assert_starts_as: Any) -> None:
    class Step(nn.Module):
        @nn.compact
        def __call__(self, x: Any, _: None) -> Any:
            return nn.Dense(8)(x), None

    def body(x: Any) -> Any:
        axes = {"variable_axes": {"params": 0}, "split_rngs": {"params": True}}
        return nn.scan(Step, length=3, **axes)(name="steps")(x, None)[0]

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.steps = [layers.Dense(8) for _ in range(3)]

        def call(self, x: Any) -> Any:
            for step in self.steps:
                x = step(x)
            return x

    x = values(2, 8)
    params, _ = started(body, x)
    model = Model()
    model(x)
    pattern = r"steps\.(\d)"
    plan = vk.plan(
        model, 3, FLAX, names={pattern: "steps/Dense_0"}, lift={pattern: "scan"}, expect=params
    )
    want = {
        f"steps.{i}.{leaf}": params["steps"]["Dense_0"][leaf][i]
        for i in range(3)
        for leaf in ("kernel", "bias")
    }
    assert_starts_as(plan, want)


#: No rows of 3 to 6 elements: there the newest JAX has no one value (docs/exactness.md).
SIZES = st.integers(7, 20)


@hypothesis.settings(max_examples=8, deadline=None)
@hypothesis.given(
    seed=st.integers(0, 2**32 - 1),
    widths=st.lists(SIZES, min_size=1, max_size=3),
    bias=st.booleans(),
)
def test_any_sizes_and_any_seed(seed: int, widths: list[int], bias: bool) -> None:
    def body(x: Any) -> Any:
        for width in widths:
            x = nn.Dense(width, use_bias=bias)(x)
        return x

    params, _ = started(body, values(1, 7), seed)
    stack = [layers.Dense(width, use_bias=bias) for width in widths]
    plan = vk.plan(keras.Sequential([keras.Input((7,)), *stack]), seed, FLAX, expect=params)
    for i in range(len(widths)):
        for leaf, want in params[f"Dense_{i}"].items():
            got = plan.draw(f"layers.{i}.{leaf}")
            assert np.array_equal(got, np.asarray(want))


@hypothesis.settings(max_examples=6, deadline=None)
@hypothesis.given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    groups=st.integers(1, 3),
    inputs=st.integers(1, 3),
    outputs=st.integers(7, 9),
)
def test_any_sizes_of_grouped_and_depthwise_kernels(
    kernel: tuple[int, int], groups: int, inputs: int, outputs: int
) -> None:
    channels, multiplier = groups * inputs, 7

    def body(x: Any) -> Any:
        x = nn.Conv(multiplier * channels, kernel, feature_group_count=channels)(x)
        return nn.Conv(groups * outputs, kernel, feature_group_count=groups)(x)

    params, _ = started(body, values(1, 4, 4, channels))
    stack = [
        layers.DepthwiseConv2D(kernel, depth_multiplier=multiplier),
        layers.Conv2D(groups * outputs, kernel, groups=groups),
    ]
    model = keras.Sequential([keras.Input((9, 9, channels)), *stack])
    plan = vk.plan(model, 3, FLAX, expect=params)
    depthwise = np.asarray(params["Conv_0"]["kernel"]).reshape(*kernel, channels, multiplier)
    assert np.array_equal(plan.draw("layers.0.kernel"), depthwise)
    assert np.array_equal(plan.draw("layers.1.kernel"), np.asarray(params["Conv_1"]["kernel"]))
