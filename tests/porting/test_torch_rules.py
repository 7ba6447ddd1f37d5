"""What no JAX library has: modules that a porter writes in Flax, and a rule of a few lines."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from tests.core.oracle import EAGER, jax
from tests.porting.twins import assert_same_outputs, assert_same_parameters, poison
from tests.torch.tensors import torch

pytest.importorskip("flax", reason="not installed: pip install flax")

import flax.linen as nn
from torch import nn as tn

import varscale.torch as door
from varscale.initializers import Normal, UniformBetween, VarianceScaling
from varscale.port import Flattened, JaxLayer, Param, Place, Twin

jnp = jax.numpy
LECUN = VarianceScaling(1.0, "fan_in", "truncated_normal")


class Bilinear(nn.Module):
    """(in1, in2, out), as a porter may write it."""

    features: int

    @nn.compact
    def __call__(self, x: Any, y: Any) -> Any:
        shape = (x.shape[-1], y.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape)
        bias = self.param("bias", nn.initializers.normal(), (self.features,))
        return jnp.einsum("...i,...j,ijo->...o", x, y, kernel) + bias


class Scorer(nn.Module):
    @nn.compact
    def __call__(self, x: Any, y: Any) -> Any:
        return nn.Dense(3)(Bilinear(6)(x, y))


class TorchScorer(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bilinear, self.head = tn.Bilinear(4, 5, 6), tn.Linear(6, 3)

    def forward(self, x: Any, y: Any) -> Any:
        return self.head(self.bilinear(x, y))


def bilinear(module: tn.Bilinear) -> Twin:
    outputs, one, other = module.weight.shape
    kernel = Param("kernel", (one, other, outputs), LECUN, "IJO")
    layer = JaxLayer("Bilinear", (kernel, Param("bias", (outputs,), Normal(0.01), "O")))
    return Twin(layer, places=(Place("kernel", "weight", "OIJ"), Place("bias", "bias", "O")))


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def test_a_bilinear_layer_that_was_written_in_flax() -> None:
    x, y = numbers(2, 4), numbers(2, 5)
    variables = Scorer().init(jax.random.key(3), x, y)
    twin = TorchScorer()
    poison(twin)
    plan = door.plan(twin, 3, "flax.linen", rules={tn.Bilinear: bilinear}, compiled=EAGER)
    plan.fill_()
    assert_same_parameters(plan, variables["params"])
    with torch.no_grad():
        got = twin(torch.from_numpy(x), torch.from_numpy(y))
    assert_same_outputs(got, Scorer().apply(variables, x, y))


@pytest.mark.parametrize("like", ["flax.linen", "flax.nnx", "haiku", "equinox"])
def test_what_no_library_has_is_an_error_that_says_what_to_do(like: str) -> None:
    message = (
        (
            f"bilinear: {like} has no layer of the kind 'bilinear' .*; give a rule for it, "
            r"rules={Bilinear: ...}: a function .* to a varscale.port.Twin .*docs/porting.md, "
            "'Layers'.; or leave it as it is, names={'bilinear': None}"
        )
        .replace("{", r"\{")
        .replace("}", r"\}")
    )
    with pytest.raises(ValueError, match=message):
        door.init_(TorchScorer(), 0, like)
    left = door.plan(TorchScorer(), 0, "flax.linen", names={"bilinear": None}).plan.left
    assert left == ("bilinear.weight", "bilinear.bias")
    with pytest.raises(ValueError, match=f"l: the lstm layer of {like} has no proj_size; give a"):
        door.init_(tn.ModuleDict({"l": tn.LSTM(3, 4, proj_size=1)}), 0, like)


class ProjectedCell(nn.RNNCellBase):
    """An LSTM whose hidden state is projected, the gates i, f, g, o in one kernel each."""

    hidden: int
    size: int

    @nn.compact
    def __call__(self, carry: Any, x: Any) -> Any:
        c, h = carry
        gates = nn.Dense(4 * self.hidden, name="ih", bias_init=nn.initializers.normal())(x)
        gates += nn.Dense(4 * self.hidden, use_bias=False, name="hh")(h)
        i, f, g, o = jnp.split(gates, 4, -1)
        c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
        h = nn.Dense(self.size, use_bias=False, name="proj")(nn.sigmoid(o) * jnp.tanh(c))
        return (c, h), h

    def initialize_carry(self, rng: Any, shape: Any) -> Any:
        return jnp.zeros((*shape[:-1], self.hidden)), jnp.zeros((*shape[:-1], self.size))

    @property
    def num_feature_axes(self) -> int:
        return 1


def projected(module: tn.LSTM) -> list[Twin]:
    """One cell for each layer."""
    hidden, size, twins = module.hidden_size, module.proj_size, []
    for layer in range(module.num_layers):
        inputs = size if layer else module.input_size
        params = (
            Param("ih/kernel", (inputs, 4 * hidden), LECUN, "IO"),
            Param("ih/bias", (4 * hidden,), Normal(0.01), "O"),
            Param("hh/kernel", (size, 4 * hidden), LECUN, "IO"),
            Param("proj/kernel", (hidden, size), LECUN, "IO"),
        )
        places = (
            Place("ih.kernel", f"weight_ih_l{layer}", "OI"),
            Place("ih.bias", f"bias_ih_l{layer}", "O"),
            Place("hh.kernel", f"weight_hh_l{layer}", "OI"),
            Place("hh.bias", f"bias_hh_l{layer}", "O", otherwise=0.0),
            Place("proj.kernel", f"weight_hr_l{layer}", "OI"),
        )
        twins.append(Twin(JaxLayer("ProjectedCell", params), {}, places, suffix=f"l{layer}"))
    return twins


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_an_lstm_with_a_projection_that_was_written_in_flax() -> None:
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            for _ in range(2):
                x = nn.RNN(ProjectedCell(5, 3))(x)
            return nn.Dense(2)(x)

    class TorchModel(tn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = tn.LSTM(4, 5, 2, proj_size=3, batch_first=True)
            self.head = tn.Linear(3, 2)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0])

    x = numbers(2, 6, 4)
    variables = Model().init(jax.random.key(3), x)
    twin = TorchModel()
    poison(twin)
    plan = door.plan(twin, 3, "flax.linen", rules={tn.LSTM: projected}, compiled=EAGER)
    plan.fill_()
    assert_same_parameters(plan, variables["params"])
    with torch.no_grad():
        got = twin(torch.from_numpy(x))
    assert_same_outputs(got, Model().apply(variables, x))


def as_torch(model: tn.Module) -> dict[str, Any]:
    """For `init`: a JAX model that was given torch's own laws (docs/porting.md)."""
    init: dict[str, Any] = {}
    for name, layer in model.named_modules():
        if isinstance(layer, tn.Linear | tn.Conv2d):
            limit = 1 / math.sqrt(layer.weight[0].numel())
            init[re.escape(name)] = {
                "kernel": VarianceScaling(1 / 3, "fan_in", "uniform"),
                "bias": UniformBetween(-limit, limit),
            }
        elif isinstance(layer, tn.Embedding):
            init[re.escape(name)] = Normal(1.0)
    return init


def test_a_jax_model_with_torchs_own_laws() -> None:
    def limited(fan: int) -> dict[str, Any]:
        limit = 1 / math.sqrt(fan)
        return {
            "kernel_init": nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform"),
            "bias_init": lambda key, shape, dtype: jax.random.uniform(
                key, shape, dtype, -limit, limit
            ),
        }

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            x = nn.Embed(7, 3, embedding_init=nn.initializers.normal(1.0))(x)
            x = nn.Conv(6, (3, 2), padding="VALID", **limited(18))(x)
            return nn.Dense(5, **limited(6))(x)

    params = Model().init(jax.random.key(3), np.zeros((1, 4, 4), int))["params"]
    twin = tn.Sequential(tn.Embedding(7, 3), tn.Conv2d(3, 6, (3, 2)), tn.Linear(6, 5))
    poison(twin)
    plan = door.plan(twin, 3, "flax.linen", init=as_torch(twin), compiled=EAGER)
    plan.fill_()
    assert_same_parameters(plan, params)
    # The laws are those that torch has.
    own = {row.to: row.stddev for row in door.explain(twin, 0, like="torch").left}
    for row in plan.explain().rows:
        assert row.stddev == pytest.approx(own[row.to], rel=1e-6)


UP = {"up": tn.ConvTranspose2d(3, 4, 2), "head": tn.Linear(4, 2)}


@pytest.mark.parametrize(
    ("layout", "error", "message"),
    [
        (
            {"up": {"transpose_kernal": False}},
            ValueError,
            "up: the conv_transpose layer of flax.linen has no transpose_kernal; what layout can "
            "say of it is transpose_kernel",
        ),
        ({"head": {"einsum": None}}, ValueError, "no einsum; what layout can say of it is nothing"),
        ({"up": True}, TypeError, r"layout\['up'\] must be a mapping .*Flattened, got True"),
        ({"up": Flattened("CHW", (3, 1, 1))}, ValueError, r"layout\['up'\]: up is no dense layer"),
    ],
)
def test_what_layout_cannot_say_is_an_error(layout: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        door.init_(tn.ModuleDict(UP), 0, "flax.linen", layout=layout)


def test_a_transform_of_what_is_no_module_in_jax_is_an_error() -> None:
    twin = tn.ModuleDict({"blocks": tn.ModuleList([tn.Linear(3, 3)])})
    with pytest.raises(ValueError, match=r"lift\['blocks'\] match nothing"):
        door.init_(twin, 0, "flax.linen", lift={"blocks": "jit"})


def test_of_several_expressions_the_first_counts() -> None:
    def said(*layouts: tuple[str, bool]) -> Any:
        layout = {at: {"transpose_kernel": flag} for at, flag in layouts}
        plan = door.plan(tn.ModuleDict(UP), 0, "flax.linen", layout=layout)
        return plan.plan.rows[0].shape

    assert said(("up", True)) == (2, 2, 4, 3)
    assert said(("up", True), ("u.*", False)) == (2, 2, 4, 3)
    assert said(("u.*", False), ("up", True)) == (2, 2, 3, 4)
    options = {"names": {"head": "a", "hea.": "b"}, "init": {"head": LECUN, ".*": Normal(1.0)}}
    with pytest.raises(ValueError, match=r"names\['hea.'\] match nothing"):
        door.plan(tn.ModuleDict(UP), 0, "flax.linen", **options)
    options["names"] = {"head": "a"}
    rows = {
        row.to: row for row in door.plan(tn.ModuleDict(UP), 0, "flax.linen", **options).plan.rows
    }
    assert rows["head.weight"].init == LECUN
    assert rows["up.weight"].init == Normal(1.0)
