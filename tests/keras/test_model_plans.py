"""Plans of Keras models: what is refused and why, what is written, dtypes, ties. No JAX needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")

from keras import layers  # noqa: E402

import varscale.keras as vk  # noqa: E402
import varscale.numpy as vn  # noqa: E402
from varscale import linen  # noqa: E402
from varscale.port import Twin  # noqa: E402

FLAX = "flax.linen"

# Keras' own, where it turns torch's tensors into arrays.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")


def sequential(*stack: Any, inputs: tuple[int, ...] = (5,)) -> Any:
    return keras.Sequential([keras.Input(inputs), *stack])


class Attending(keras.Model):
    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.attention = attention

    def call(self, x: Any) -> Any:
        return self.attention(x, x)


def attending(attention: Any) -> Any:
    attention.build((1, 3, 8), (1, 3, 8))
    return attention


def unbuilt() -> Any:
    return keras.Sequential([layers.Dense(3)])


def half_built() -> Any:
    model = Attending(layers.MultiHeadAttention(2, 4))
    model.built = True
    return model


def with_lora() -> Any:
    model = sequential(layers.Dense(7, name="dense0"))
    model.layers[0].enable_lora(2)
    return model


def quantized() -> Any:
    model = sequential(layers.Dense(8, name="dense0"), inputs=(8,))
    model.layers[0].quantize("int8")
    return model


class Weighted(layers.Layer):
    """Weights of its own, of equal names and of none."""

    def build(self, shape: Any) -> None:
        self.many = [self.add_weight(name="scale", shape=(2,)) for _ in range(2)]
        self.nameless = [self.add_weight(shape=(3,)) for _ in range(2)]

    def call(self, x: Any) -> Any:
        return x


def wrong_rule(layer: Any) -> Twin:
    return Twin("dense_of_mine")


REFUSED: dict[str, tuple[Callable[[], Any], dict[str, Any], type[Exception], str]] = {
    "no layer": (lambda: "model", {}, TypeError, "model must be a Keras model or layer, got str"),
    "a model that is not built": (
        unbuilt, {}, ValueError,
        r"the model \(Sequential\) is not built, .*: call the model once, or model.build",
    ),
    "a layer that is not built": (
        half_built, {}, ValueError, r"attention \(MultiHeadAttention\) is not built",
    ),
    "weights of its own": (
        lambda: sequential(Weighted(name="w")), {}, ValueError,
        r"w\.scale \(2,\): no rule covers it\n.*w\.scale_1 \(2,\): .*\n"
        r".*w\.variable \(3,\): .*\n.*w\.variable_1 \(3,\): no rule covers it",
    ),
    "a layer with LoRA": (
        with_lora, {}, ValueError,
        r"dense0\.lora_kernel_a \(5, 2\): no rule covers it\n.*dense0\.lora_kernel_b \(2, 7\)",
    ),
    "a quantized layer": (
        quantized, {}, ValueError, r"dense0\.kernel_scale \(8,\): no rule covers it",
    ),
    "renormalisation": (
        lambda: sequential(layers.BatchNormalization(renorm=True, name="bn")), {}, ValueError,
        r"bn\.moving_stddev .*: no rule covers it\n.*renorm_mean .*\n.*renorm_stddev",
    ),
    "an equation with a batch axis": (
        lambda: sequential(layers.EinsumDense("abc,bcd->abd", (4, 6), name="e"), inputs=(4, 5)),
        {}, ValueError, "its equation 'abc,bcd->abd' is no nn.DenseGeneral: .* give a rule",
    ),
    "a kernel of outputs first": (
        lambda: sequential(layers.EinsumDense("ab,cb->ac", 6, name="e")), {}, ValueError,
        "its equation 'ab,cb->ac' is no nn.DenseGeneral",
    ),
    "outputs that are not last": (
        lambda: sequential(layers.EinsumDense("ab...,bc->ac...", 6, name="e"), inputs=(5, 4)),
        {}, ValueError, r"its equation 'ab\.\.\.,bc->ac\.\.\.' is no nn.DenseGeneral",
    ),
    "a bias of fewer axes": (
        lambda: sequential(
            layers.EinsumDense("ab,bcd->acd", (2, 3), bias_axes="d", name="e")
        ),
        {}, ValueError, "its bias has the axes 'd', not all new ones, 'cd'",
    ),
    "values of another size": (
        lambda: attending(layers.MultiHeadAttention(2, 4, value_dim=3)), {}, ValueError,
        "the attention layer of flax.linen has no value_head_size; give a rule for it",
    ),
    "a gate": (
        lambda: attending(layers.MultiHeadAttention(2, 4, use_gate=True)), {}, ValueError,
        "the attention layer of flax.linen has no gate; give a rule for it",
    ),
    "outputs of several axes": (
        lambda: attending(layers.MultiHeadAttention(2, 4, output_shape=(2, 3))), {}, ValueError,
        r"the model \(MultiHeadAttention\): its outputs have several axes, \(2, 3\); give a rule",
    ),
    "a GRU that resets before": (
        lambda: sequential(layers.GRU(4, reset_after=False), inputs=(3, 5)), {}, ValueError,
        "the gru layer of flax.linen has no reset; give a rule for it",
    ),
    "an LSTM without a bias": (
        lambda: sequential(layers.LSTM(4, use_bias=False), inputs=(3, 5)), {}, ValueError,
        "Flax's LSTM cells have a bias",
    ),
    "a convolutional LSTM without a bias": (
        lambda: sequential(
            layers.ConvLSTM1D(4, 3, padding="same", use_bias=False), inputs=(3, 6, 5)
        ),
        {}, ValueError, "a twin of Flax's ConvLSTMCell needs a bias",
    ),
    "a second bias that is not zero": (
        lambda: sequential(
            layers.ConvLSTM1D(4, 3, padding="same", name="c"), inputs=(3, 6, 5)
        ),
        {"init": {"c": {"hh/bias": vk.normal(1.0)}}}, ValueError,
        r"c\.cell\.bias cannot hold JAX's ConvLSTMCell_0/hh/bias: it has no memory for this part, "
        "which must be 0.0",
    ),
    "a name that matches nothing": (
        lambda: sequential(layers.Dense(7)), {"names": {"head": "head"}}, ValueError,
        r"names\['head'\] match nothing in the twin",
    ),
    "a name that Keras made up": (
        lambda: sequential(layers.Dense(7)), {"names": {r"dense(_\d+)?": "head"}}, ValueError,
        r"matches 'dense\w*', a name that Keras made up, .*: that layer is 'layers.0' here",
    ),
    "another shape than is expected": (
        lambda: sequential(layers.Dense(7)),
        {"expect": {"Dense_0/kernel": (5, 8), "Dense_0/bias": (7,)}}, ValueError,
        r"JAX's Dense_0/kernel: shape \(5, 8\), the twin's gives \(5, 7\)",
    ),
    "a parameter that JAX has besides": (
        lambda: sequential(layers.Dense(7)),
        {"expect": {"Dense_0/kernel": (5, 7), "Dense_0/bias": (7,), "cls": (1,)}}, ValueError,
        r"JAX's cls \(1,\): nothing in the twin",
    ),
    "a rule of a kind that is not known": (
        lambda: sequential(layers.Dense(7)), {"rules": {layers.Dense: wrong_rule}}, ValueError,
        "flax.linen has no layer of the kind 'dense_of_mine' that is known here",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case: str) -> None:
    make, options, error, message = REFUSED[case]
    with pytest.raises(error, match=f"(?s){message}"):
        vk.plan(make(), 0, FLAX, **options)


def test_a_refused_layer_that_keras_named_says_why_and_can_be_left() -> None:
    layer = layers.EinsumDense("abc,cde->abde", (None, 4, 5), bias_axes="e")
    model = sequential(layer, inputs=(5, 6))
    with pytest.raises(ValueError, match=r"layers\.0 \(EinsumDense\): its bias has"):
        vk.plan(model, 0, FLAX)
    left = vk.plan(model, 0, FLAX, names={"layers.0": None}).plan.left
    assert set(left) == {"layers.0.kernel", "layers.0.bias"}


def test_what_is_left_keeps_its_values(as_numpy: Any) -> None:
    model = sequential(layers.Dense(7, name="mine"), Weighted(name="w"), layers.Dense(7))
    before = [as_numpy(weight).copy() for weight in model.weights]
    plan = vk.plan(model, 0, FLAX, names={"mine": None}, params={r"w\..*": None})
    plan.fill_()
    kept = {"mine.kernel", "mine.bias", "w.scale", "w.scale_1", "w.variable", "w.variable_1"}
    assert set(plan.plan.left) == kept
    for old, weight in zip(before[:-2], model.weights[:-2], strict=True):
        assert np.array_equal(old, as_numpy(weight))
    assert not np.array_equal(before[-2], as_numpy(model.weights[-2]))


def test_only_the_variables_that_are_named_are_filled(assert_identical: Any, as_numpy: Any) -> None:
    model = sequential(layers.Dense(8, name="a"), layers.BatchNormalization(name="bn"))
    plan = vk.plan(model, 0, FLAX)
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 5.0))
    plan.fill_("a.kernel")
    want = vn.lecun_normal()(linen.param_key(0, ("Dense_0",), 1), (5, 8))
    assert_identical(model.layers[0].kernel, want)
    assert all((as_numpy(weight) == 5).all() for weight in model.weights[1:])
    plan.fill_()
    assert (as_numpy(model.layers[1].moving_mean) == 0).all()
    assert (as_numpy(model.layers[1].moving_variance) == 1).all()


@pytest.mark.parametrize("name", ["b.kernel", "a.moving", "a"])
def test_an_unknown_variable_is_an_error_before_anything_is_written(
    name: str, as_numpy: Any
) -> None:
    model = sequential(layers.Dense(8, name="a"))
    before = as_numpy(model.layers[0].kernel).copy()
    with pytest.raises(KeyError, match=name):
        vk.plan(model, 0, FLAX).fill_("a.kernel", name)
    assert np.array_equal(as_numpy(model.layers[0].kernel), before)


def test_a_dtype_that_cannot_be_drawn_is_an_error_before_anything_is_written(
    as_numpy: Any,
) -> None:
    class Counting(layers.Layer):
        def build(self, shape: Any) -> None:
            self.count = self.add_weight(name="count", shape=(3, 3), dtype="int32", trainable=False)

        def call(self, x: Any) -> Any:
            return x

    model = sequential(layers.Dense(8, name="a"), Counting(name="c"))
    before = as_numpy(model.layers[0].kernel).copy()
    plan = vk.plan(model, 0, FLAX, params={r"c\.count": ("count", vk.normal(1.0))})
    with pytest.raises(ValueError, match=r"c\.count: .*int32"):
        plan.fill_()
    assert np.array_equal(as_numpy(model.layers[0].kernel), before)


def test_frozen_variables_are_filled(assert_identical: Any) -> None:
    model = sequential(layers.Dense(8))
    model.trainable = False
    vk.init_(model, 0, like=FLAX)
    want = vn.lecun_normal()(linen.param_key(0, ("Dense_0",), 1), (5, 8))
    assert_identical(model.layers[0].kernel, want)


@pytest.mark.parametrize(
    ("policy", "dtype"), [("mixed_bfloat16", "float32"), ("bfloat16", "bfloat16")]
)
def test_values_are_drawn_in_the_variables_dtype(
    policy: str, dtype: str, assert_identical: Any
) -> None:
    layer = layers.EinsumDense("ab,bcd->acd", (2, 4), dtype=policy)
    layer.build((None, 5))
    vk.init_(layer, 0, like=FLAX)
    want = vn.lecun_normal()(linen.param_key(0, (), 1), (5, 8), dtype)
    assert_identical(layer.kernel, want.reshape(5, 2, 4))


def test_a_layer_in_two_places_is_one() -> None:
    class Tied(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first = layers.Dense(5)
            self.inner = keras.Sequential([self.first, layers.Dense(5)])

        def call(self, x: Any) -> Any:
            return self.inner(self.first(x))

    model = Tied()
    model(np.zeros((1, 5), np.float32))
    plan = vk.plan(model, 0, FLAX)
    assert [row.path for row in plan.plan.rows if row.path.endswith("kernel")] == [
        "Dense_0/kernel",
        "Dense_1/kernel",
    ]
    assert {row.to for row in plan.plan.rows} == {
        "first.kernel",
        "first.bias",
        "inner.layers.1.kernel",
        "inner.layers.1.bias",
    }


def test_a_single_layer_is_the_top_module(assert_identical: Any) -> None:
    layer = layers.Dense(8)
    layer.build((None, 5))
    assert vk.init_(layer, 0, like=FLAX) is layer
    assert_identical(layer.kernel, vn.lecun_normal()(linen.param_key(0, (), 1), (5, 8)))


def test_the_modules_of_a_single_layer_have_names() -> None:
    layer = layers.SeparableConv1D(8, 3)
    layer.build((None, 9, 5))
    shapes = vk.plan(layer, 0, FLAX).plan.shapes()
    assert [*shapes] == ["Conv_0/kernel", "Conv_1/kernel", "Conv_1/bias"]


def test_a_user_says_what_a_layer_is(assert_identical: Any) -> None:
    class Mine(layers.Dense):
        pass

    def rule(layer: Any) -> Twin:
        return Twin("dense", {"inputs": 5, "outputs": 8, "bias": False})

    model = sequential(Mine(8, use_bias=False, name="mine"))
    with pytest.raises(ValueError, match="JAX's Mine_0/kernel has a part 'kernel'"):
        vk.plan(model, 0, FLAX, rules={Mine: rule}, classes={Mine: "Mine"})
    vk.init_(model, 0, like=FLAX, classes={Mine: "Mine"})
    want = vn.lecun_normal()(linen.param_key(0, ("Mine_0",), 1), (5, 8))
    assert_identical(model.layers[0].kernel, want)


def test_initializers_that_are_given_replace_flaxs(assert_identical: Any) -> None:
    model = sequential(layers.Dense(8, name="a"), layers.Dense(8, name="b"))
    init = {"a": vk.he_normal(), "b": {"bias": vk.normal(0.1)}}
    vk.init_(model, 0, like=FLAX, init=init, names={"b": "head"}, compiled=False)
    first = linen.param_key(0, ("Dense_0",), 1)
    assert_identical(model.layers[0].kernel, vn.he_normal()(first, (5, 8)))
    second = linen.param_key(0, ("head",), 2)
    assert_identical(model.layers[1].bias, vn.normal(0.1, compiled=False)(second, (8,)))
