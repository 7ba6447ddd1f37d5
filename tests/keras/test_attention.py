"""Attention layers, whose projections share one initializer: each gets Flax Linen's key for it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")

import varscale.keras as vk  # noqa: E402
import varscale.numpy as vn  # noqa: E402
from varscale import linen  # noqa: E402

HEADS, WIDTH, FEATURES = 2, 4, 8
INPUT = (1, 5, FEATURES)
PROJECTIONS = ("query", "key", "value", "out")


def projections(attention: Any) -> dict[str, Any]:
    names = ("_query_dense", "_key_dense", "_value_dense", "_output_dense")
    return dict(zip(PROJECTIONS, (getattr(attention, name) for name in names), strict=True))


def make(kernel: Any, **arguments: Any) -> Any:
    return keras.layers.MultiHeadAttention(HEADS, WIDTH, kernel_initializer=kernel, **arguments)


class Block(keras.layers.Layer):  # type: ignore[misc]
    """A layer without `build`: Keras traces its call, and draws the weights after that."""

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.attention = attention

    def call(self, x: Any) -> Any:
        return self.attention(x, x)


class Model(keras.Model):  # type: ignore[misc]
    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.block = Block(attention)

    def call(self, x: Any) -> Any:
        return self.block(x)


#: The ways to an attention layer's weights.
BUILDS = {
    "build": lambda attention: attention.build(INPUT, INPUT),
    "called": lambda attention: attention(keras.ops.zeros(INPUT), keras.ops.zeros(INPUT)),
    "symbolic": lambda attention: attention(keras.Input(INPUT[1:]), keras.Input(INPUT[1:])),
    "in a layer": lambda attention: Block(attention)(keras.ops.zeros(INPUT)),
    "in a symbolic layer": lambda attention: Block(attention)(keras.Input(INPUT[1:])),
    "in a model": lambda attention: Model(attention)(keras.ops.zeros(INPUT)),
    "in a sequential": lambda attention: keras.Sequential([Block(attention)]).build(INPUT),
}


@pytest.mark.parametrize("build", BUILDS)
def test_kernels_and_biases_are_identical_to_flax(build: str, assert_identical: Any) -> None:
    jax = pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
    nn = pytest.importorskip("flax.linen", reason="not installed: pip install flax")
    compiled = None if jax.__version_info__ >= (0, 11) else False
    normal = vk.Normal(0.1, key=3, compiled=compiled)
    attention = make(vk.LecunNormal(key=3), bias_initializer=normal)
    BUILDS[build](attention)
    twin = nn.MultiHeadDotProductAttention(
        HEADS,
        qkv_features=HEADS * WIDTH,
        out_features=FEATURES,
        kernel_init=jax.nn.initializers.lecun_normal(),
        bias_init=jax.nn.initializers.normal(0.1),
    )
    zeros = np.zeros(INPUT, np.float32)
    params = twin.init(jax.random.key(3), zeros, zeros)["params"]
    for name, layer in projections(attention).items():
        assert_identical(layer.kernel, params[name]["kernel"])
        assert_identical(layer.bias, params[name]["bias"])


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(
    ("given", "reference"),
    [
        (vk.Normal(0.1, key=3), vn.normal(0.1)),
        (vk.Orthogonal(key=3), vn.orthogonal()),
        (vk.LecunNormal(seed=3), None),
        (vk.LecunNormal(in_axis=0, key=3), vn.lecun_normal(0)),
    ],
    ids=["normal", "orthogonal", "seed", "axes"],
)
def test_every_class_gets_the_projections_keys(
    build: str, given: Any, reference: Any, assert_identical: Any
) -> None:
    attention = make(given)
    BUILDS[build](attention)
    for name, layer in projections(attention).items():
        axes = ((0, 1), 2) if name == "out" else (0, (1, 2))
        shape = (HEADS, WIDTH, FEATURES) if name == "out" else (FEATURES, HEADS, WIDTH)
        if given.get_config().get("in_axis") == [0]:
            axes = (0, axes[1])
        draw = vn.lecun_normal(*axes) if isinstance(given, vk.LecunNormal) else reference
        assert_identical(layer.kernel, draw(linen.param_key(3, (name,), 1), shape))


def test_a_seed_generators_keys_differ_too(as_numpy: Any) -> None:
    attention = make(vk.LecunNormal(seed=keras.random.SeedGenerator(3)))
    BUILDS["in a model"](attention)
    query, key, value, _ = (as_numpy(one.kernel) for one in projections(attention).values())
    assert not np.array_equal(query, key)
    assert not np.array_equal(key, value)


def test_the_order_of_other_layers_does_not_matter(as_numpy: Any, assert_identical: Any) -> None:
    init = vk.LecunNormal(key=3)
    alone, later = make(init), make(init)
    BUILDS["build"](alone)
    keras.layers.Dense(3, kernel_initializer=init).build((None, 2))
    BUILDS["in a model"](later)
    for name, layer in projections(later).items():
        assert_identical(layer.kernel, as_numpy(projections(alone)[name].kernel))


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_grouped_query_attention_gets_the_projections_keys(
    heads: int, assert_identical: Any
) -> None:
    attention = keras.layers.GroupQueryAttention(
        head_dim=WIDTH,
        num_query_heads=4,
        num_key_value_heads=heads,
        kernel_initializer=vk.LecunNormal(key=3),
    )
    BUILDS["in a layer" if heads == 2 else "build"](attention)
    for name, layer in projections(attention).items():
        axes = ((0, 1), 2) if name == "out" else (0, (1, 2))
        want = vn.lecun_normal(*axes)(linen.param_key(3, (name,), 1), layer.kernel.shape)
        assert_identical(layer.kernel, want)


def test_the_gate_gets_a_key_of_its_own_name(assert_identical: Any) -> None:
    attention = make(vk.LecunNormal(key=3), use_gate=True)
    BUILDS["build"](attention)
    want = vn.lecun_normal(0, (1, 2))(linen.param_key(3, ("gate",), 1), (FEATURES, HEADS, WIDTH))
    assert_identical(attention._gate_dense.kernel, want)


def test_a_subclass_is_an_attention_layer(assert_identical: Any) -> None:
    class Own(keras.layers.MultiHeadAttention):  # type: ignore[misc]
        pass

    attention = Own(HEADS, WIDTH, kernel_initializer=vk.LecunNormal(key=3))
    BUILDS["build"](attention)
    want = vn.lecun_normal(0, (1, 2))(linen.param_key(3, ("key",), 1), (FEATURES, HEADS, WIDTH))
    assert_identical(attention._key_dense.kernel, want)


def test_a_clone_and_a_loaded_copy_have_the_same_kernels(as_numpy: Any) -> None:
    attention = make(vk.LecunNormal(key=3))
    clone = type(attention).from_config(attention.get_config())
    for one in (attention, clone):
        BUILDS["build"](one)
    for name, layer in projections(clone).items():
        same = projections(attention)[name]
        assert np.array_equal(as_numpy(layer.kernel), as_numpy(same.kernel))


def test_a_layer_beside_an_attention_layer_keeps_its_key(assert_identical: Any) -> None:
    class Outer(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.attention = make(vk.LecunNormal(key=3))
            self.dense = keras.layers.Dense(FEATURES, kernel_initializer=vk.LecunNormal(key=3))

        def call(self, x: Any) -> Any:
            return self.dense(self.attention(x, x))

    outer = Outer()
    outer(keras.ops.zeros(INPUT))
    assert_identical(outer.dense.kernel, vn.lecun_normal()(3, (FEATURES, FEATURES)))


def test_a_copy_of_a_projections_initializer_belongs_to_no_layer(assert_identical: Any) -> None:
    attention = make(vk.Normal(key=3))
    BUILDS["in a model"](attention)
    init = projections(attention)["query"].kernel_initializer
    for copied in (copy.deepcopy(init), pickle.loads(pickle.dumps(init))):
        assert_identical(copied((2, 3)), vn.normal()(3, (2, 3)))


def test_an_unknown_keras_is_refused_in_attention_layers_only(
    monkeypatch: pytest.MonkeyPatch, assert_identical: Any
) -> None:
    monkeypatch.setattr("varscale.adapters.keras.attention.callers", list)
    dense = keras.layers.Dense(3, kernel_initializer=vk.LecunNormal(key=3))
    dense.build((None, 2))
    assert_identical(dense.kernel, vn.lecun_normal()(3, (2, 3)))
    with pytest.raises(RuntimeError, match="does not tell varscale which projection"):
        BUILDS["build"](make(vk.LecunNormal(key=3)))


def test_scopes_of_another_form_are_no_scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    from keras.src.backend.common import global_state

    from varscale.adapters.keras.scopes import callers

    for scopes in (None, [object()]):
        monkeypatch.setattr(global_state, "get_global_attribute", lambda name, s=scopes: s)
        assert callers() == []
