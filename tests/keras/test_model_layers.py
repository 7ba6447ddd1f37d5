"""Every layer of Keras that a rule knows, against the layer of Flax Linen that it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")
jax = pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
nn = pytest.importorskip("flax.linen", reason="not installed: pip install flax")

from keras import layers  # noqa: E402

import varscale.keras as vk  # noqa: E402

if jax.__version_info__ < (0, 10):
    pytest.skip("not available: jax>=0.10", allow_module_level=True)

#: Gives this JAX's eager values of `nn.Embed`.
EAGER = None if jax.__version_info__ >= (0, 11) else False

#: Biases and scales that are not zero or one: outputs show where they lie.
UNIFORM = jax.nn.initializers.uniform(1.0)
BIAS = {"bias_init": UNIFORM}
DRAWN_BIAS = {"init": {"layer": {"bias": vk.uniform(1.0)}}}
Params = Any
Want = Callable[[Params], dict[str, Any]]


@dataclass
class Case:
    """A Flax layer, its twin, an input, and Flax's parameters as Keras has them, by hand."""

    flax: Callable[[Any], Any]
    twin: Callable[[], Any]
    shape: tuple[int, ...]
    want: Want
    options: dict[str, Any] = field(default_factory=dict)
    forward: Callable[[Any, Any], Any] = lambda layer, x: layer(x)
    integers: int = 0


SCALED = {"init": {"layer": {"scale": vk.uniform(1.0), "bias": vk.uniform(1.0)}}}
SCALE = {"scale_init": UNIFORM, "bias_init": UNIFORM}
ZEROS, ONES = np.zeros(8, np.float32), np.ones(8, np.float32)
EINSUM = {**DRAWN_BIAS, "layout": {"layer": {"einsum": True}}}


def same(name: str, **more: Any) -> Want:
    """The layouts are equal: kernel and bias, and whatever is constant."""

    def want(params: Params) -> dict[str, Any]:
        found = {f"layer.{leaf}": array for leaf, array in params[name].items()}
        return found | {f"layer.{leaf}": array for leaf, array in more.items()}

    return want


def norm(name: str, *names: str, **more: Any) -> Want:
    """Keras' names of scale and bias."""

    def want(params: Params) -> dict[str, Any]:
        leaves = zip(names, ("scale", "bias"), strict=False)
        found = {f"layer.{keras_name}": params[name][leaf] for keras_name, leaf in leaves}
        return found | {f"layer.{leaf}": array for leaf, array in more.items()}

    return want


def projections(params: Params, module: str = "MultiHeadDotProductAttention_0") -> dict[str, Any]:
    ours = {"query": "query", "key": "key", "value": "value", "out": "attention_output"}
    return {
        f"layer.{name}.{leaf}": array
        for flax_name, name in ours.items()
        for leaf, array in params[module][flax_name].items()
    }


def general(axes: Any, features: Any) -> Callable[[Any], Any]:
    return lambda x: nn.DenseGeneral(features, axis=axes, **BIAS)(x)


def heads(**options: Any) -> Callable[[Any], Any]:
    return lambda x: nn.MultiHeadDotProductAttention(2, **options)(x)


class GroupQueryAttention(nn.Module):
    """Four heads of queries and two of keys and values, as one writes it in Linen."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        query, key, value = (
            nn.DenseGeneral((many, 2), name=name, **BIAS)(x)
            for name, many in (("query", 4), ("key", 2), ("value", 2))
        )
        key, value = (jax.numpy.repeat(one, 2, axis=-2) for one in (key, value))
        y = nn.dot_product_attention(query, key, value)
        return nn.DenseGeneral(x.shape[-1], axis=(-2, -1), name="out", **BIAS)(y)


def across(x: Any) -> Any:
    key, value = x[..., :5], x[..., 1:]
    return nn.MultiHeadDotProductAttention(2, qkv_features=14, out_features=9)(x, key, value)


CASES = {
    "dense": Case(
        lambda x: nn.Dense(8, **BIAS)(x),
        lambda: layers.Dense(8),
        (2, 5),
        same("Dense_0"),
        DRAWN_BIAS,
    ),
    "dense without a bias": Case(
        lambda x: nn.Dense(8, use_bias=False)(x),
        lambda: layers.Dense(8, use_bias=False),
        (2, 5),
        same("Dense_0"),
    ),
    "einsum of new axes": Case(
        general(-1, (2, 4)),
        lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de"),
        (2, 3, 7),
        same("DenseGeneral_0"),
        DRAWN_BIAS,
    ),
    "einsum of summed axes": Case(
        general((-2, -1), 8),
        lambda: layers.EinsumDense("abcd,cde->abe", (None, 8), bias_axes="e"),
        (2, 3, 2, 4),
        same("DenseGeneral_0"),
        DRAWN_BIAS,
    ),
    "einsum of any rank": Case(
        general(-1, 8),
        lambda: layers.EinsumDense("...x,xy->...y", 8, bias_axes="y"),
        (2, 3, 7),
        same("DenseGeneral_0"),
        DRAWN_BIAS,
    ),
    "einsum without a bias": Case(
        lambda x: nn.DenseGeneral(8, axis=1, use_bias=False)(x),
        lambda: layers.EinsumDense("abc,bd->acd", (None, 8)),
        (2, 3, 7),
        same("DenseGeneral_0"),
    ),
    "einsum as nn.Einsum": Case(
        lambda x: nn.Einsum((7, 2, 8), "abc,cde->abde", **BIAS)(x),
        lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 8), bias_axes="de"),
        (2, 3, 7),
        same("Einsum_0"),
        EINSUM,
    ),
    "embedding": Case(
        lambda x: nn.Embed(9, 8)(x),
        lambda: layers.Embedding(9, 8),
        (2, 5),
        lambda p: {"layer.embeddings": p["Embed_0"]["embedding"]},
        {"compiled": EAGER},
        integers=9,
    ),
    "attention": Case(
        heads(**BIAS),
        lambda: layers.MultiHeadAttention(2, 4),
        (2, 3, 8),
        projections,
        DRAWN_BIAS,
        lambda layer, x: layer(x, x),
    ),
    "attention without biases": Case(
        heads(use_bias=False),
        lambda: layers.MultiHeadAttention(2, 4, use_bias=False, dropout=0.5),
        (2, 3, 8),
        projections,
        {},
        lambda layer, x: layer(x, x),
    ),
    "attention of three widths": Case(
        across,
        lambda: layers.MultiHeadAttention(2, 7, output_shape=9),
        (2, 3, 8),
        projections,
        {},
        lambda layer, x: layer(x, x[..., 1:], x[..., :5]),
    ),
    "grouped query attention of as many keys": Case(
        heads(**BIAS),
        lambda: layers.GroupQueryAttention(4, 2, 2),
        (2, 3, 8),
        projections,
        DRAWN_BIAS,
        lambda layer, x: layer(x, x),
    ),
    "grouped query attention": Case(
        lambda x: GroupQueryAttention()(x),
        lambda: layers.GroupQueryAttention(2, 4, 2),
        (2, 3, 8),
        lambda params: projections(params, "GroupQueryAttention_0"),
        DRAWN_BIAS,
        lambda layer, x: layer(x, x),
    ),
    "layer norm": Case(
        lambda x: nn.LayerNorm(**SCALE)(x),
        lambda: layers.LayerNormalization(epsilon=1e-6),
        (2, 3, 8),
        norm("LayerNorm_0", "gamma", "beta"),
        SCALED,
    ),
    "layer norm of two axes": Case(
        lambda x: nn.LayerNorm(reduction_axes=(-2, -1), feature_axes=(-2, -1), **SCALE)(x),
        lambda: layers.LayerNormalization(axis=(-2, -1), epsilon=1e-6),
        (2, 3, 8),
        norm("LayerNorm_0", "gamma", "beta"),
        SCALED,
    ),
    "layer norm without a scale": Case(
        lambda x: nn.LayerNorm(use_scale=False, bias_init=UNIFORM)(x),
        lambda: layers.LayerNormalization(epsilon=1e-6, scale=False),
        (2, 3, 8),
        lambda p: {"layer.beta": p["LayerNorm_0"]["bias"]},
        DRAWN_BIAS,
    ),
    "rms norm": Case(
        lambda x: nn.RMSNorm(scale_init=UNIFORM)(x),
        lambda: layers.RMSNormalization(epsilon=1e-6),
        (2, 3, 8),
        norm("RMSNorm_0", "scale"),
        {"init": {"layer": {"scale": vk.uniform(1.0)}}},
    ),
    "group norm": Case(
        lambda x: nn.GroupNorm(2, **SCALE)(x),
        lambda: layers.GroupNormalization(2, epsilon=1e-6),
        (2, 3, 8),
        norm("GroupNorm_0", "gamma", "beta"),
        SCALED,
    ),
    "batch norm": Case(
        lambda x: nn.BatchNorm(True, epsilon=1e-5, **SCALE)(x),
        lambda: layers.BatchNormalization(epsilon=1e-5),
        (2, 3, 8),
        norm("BatchNorm_0", "gamma", "beta", moving_mean=ZEROS, moving_variance=ONES),
        SCALED,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_starts_and_computes_as_flaxs(name: str, assert_same_layer: Any) -> None:
    assert_same_layer(CASES[name])


@pytest.mark.parametrize(
    "layer", [layers.UnitNormalization(), layers.Dropout(0.5), layers.SpatialDropout1D(0.5)]
)
def test_a_layer_without_parameters_is_no_module(layer: Any) -> None:
    model = keras.Sequential([keras.Input((3, 5)), layers.Dense(7), layer, layers.Dense(7)])
    shapes = vk.plan(model, 0, "flax.linen").plan.shapes()
    assert [*shapes] == ["Dense_0/kernel", "Dense_0/bias", "Dense_1/kernel", "Dense_1/bias"]


@pytest.mark.parametrize("like", ["haiku", "equinox"])
@pytest.mark.parametrize("key_heads", [1, 2])
def test_fewer_heads_of_keys_are_refused_where_there_are_none(like: str, key_heads: int) -> None:
    layer = layers.GroupQueryAttention(2, 4, key_heads)
    layer(np.zeros((1, 3, 8), np.float32), np.zeros((1, 3, 8), np.float32))
    with pytest.raises(
        ValueError, match=f"attention layer of {like} has no key_heads; give a rule"
    ):
        vk.plan(layer, 0, like)


def test_nnx_has_fewer_heads_of_keys(assert_identical: Any) -> None:
    from flax import nnx

    if "num_kv_heads" not in inspect.signature(nnx.MultiHeadAttention.__init__).parameters:
        pytest.skip("not available: flax>=0.12.1")
    module = nnx.MultiHeadAttention(4, 8, num_kv_heads=2, bias_init=UNIFORM, rngs=nnx.Rngs(5))
    layer = layers.GroupQueryAttention(2, 4, 2)
    layer(np.zeros((1, 3, 8), np.float32), np.zeros((1, 3, 8), np.float32))
    plan = vk.plan(layer, 5, "flax.nnx", init={"": {"bias": vk.uniform(1.0)}})
    plan.fill_()
    for name, ours in (("query", "query"), ("key", "key"), ("value", "value"),
                       ("out", "attention_output")):  # fmt: skip
        for leaf in ("kernel", "bias"):
            want = getattr(getattr(module, name), leaf)[...]
            assert_identical(plan.variables[f"{ours}.{leaf}"], want)
