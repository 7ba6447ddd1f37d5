"""Whole torch models against Flax Linen models: names, transforms, free parameters, manners."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.cases import random_cases
from tests.core.compare import assert_identical
from tests.core.oracle import EAGER, jax
from tests.porting.twins import assert_same_outputs, assert_same_parameters, poison
from tests.torch.tensors import as_numpy, torch

pytest.importorskip("flax", reason="not installed: pip install flax")

import flax.linen as nn
from torch import nn as tn
from torch.nn.utils import parametrizations, parametrize

import varscale
import varscale.torch as door
from varscale.port.libraries import Linen

X = np.random.default_rng(0).standard_normal((2, 6), np.float32)


class FlaxMLP(nn.Module):
    features: tuple[int, ...] = (5, 4)

    @nn.compact
    def __call__(self, x: Any) -> Any:
        for n in self.features:
            x = nn.relu(nn.Dense(n, bias_init=nn.initializers.normal(0.1))(x))
        return nn.LayerNorm(epsilon=1e-5)(x)


class MLP(tn.Sequential):
    def __init__(self, inputs: int = 6, features: tuple[int, ...] = (5, 4)) -> None:
        layers: list[tn.Module] = []
        for n in features:
            layers += [tn.Linear(inputs, n), tn.ReLU()]
            inputs = n
        super().__init__(*layers, tn.LayerNorm(inputs))


def started(
    flax: Any, twin: Any, *inputs: Any, key: Any = 7, jit: bool = False, **options: Any
) -> Any:
    """A Flax model's parameters, after its twin was found to have them."""
    init = jax.jit(flax.init) if jit else flax.init
    variables = init(jax.random.key(key), *(inputs or (X,)))
    poison(twin)
    options = {"compiled": True if jit else EAGER, "expect": variables["params"]} | options
    plan = door.plan(twin, key, "flax.linen", **options)
    plan.fill_()
    assert_same_parameters(plan, variables["params"])
    return variables


def test_automatic_names_need_nothing_to_be_said() -> None:
    twin = MLP()
    variables = started(FlaxMLP(), twin, init={"[02]": {"bias": door.normal(0.1)}})
    with torch.no_grad():
        assert_same_outputs(twin(torch.from_numpy(X)), FlaxMLP().apply(variables, X))


def test_a_jitted_init_has_its_own_rounding() -> None:
    started(FlaxMLP(), MLP(), init={"[02]": {"bias": door.normal(0.1)}}, jit=True)


class FlaxBlock(nn.Module):
    width: int = 6

    @nn.compact
    def __call__(self, x: Any) -> Any:
        gamma = self.param("gamma", nn.initializers.normal(0.1), (self.width,))
        beta = self.param("beta", nn.initializers.uniform(0.2), (1, self.width))
        y = nn.Dense(8, bias_init=nn.initializers.normal(0.1))(nn.LayerNorm()(x))
        return x + gamma * nn.Dense(self.width, name="out")(nn.gelu(y)) + beta


class Block(tn.Module):
    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.beta = tn.Parameter(torch.empty(width))
        self.gamma = tn.Parameter(torch.empty(width))
        self.norm = tn.LayerNorm(width, eps=1e-6)
        self.fc1 = tn.Linear(width, 8)
        self.out = tn.Linear(8, width)

    def forward(self, x: Any) -> Any:
        y = tn.functional.gelu(self.fc1(self.norm(x)), approximate="tanh")
        return x + self.gamma * self.out(y) + self.beta


class Stack(tn.Module):
    def __init__(self, depth: int = 3) -> None:
        super().__init__()
        self.blocks = tn.ModuleList(Block() for _ in range(depth))

    def forward(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return x


BLOCK: dict[str, Any] = {
    "names": {r".*\.out": "out"},
    "init": {r".*fc1": {"bias": door.normal(0.1)}},
    # The order is that of Flax's calls: gamma is the first parameter of its module.
    "params": {
        r".*\.gamma": ("gamma", door.normal(0.1)),
        r".*\.beta": ("beta", door.uniform(0.2), (1, 6)),
    },
}


class FlaxStack(nn.Module):
    depth: int = 3

    @nn.compact
    def __call__(self, x: Any) -> Any:
        for _ in range(self.depth):
            x = FlaxBlock()(x)
        return x


def test_blocks_are_numbered_by_the_class_that_jax_has() -> None:
    twin = Stack()
    variables = started(FlaxStack(), twin, classes={Block: "FlaxBlock"}, **BLOCK)
    with torch.no_grad():
        assert_same_outputs(twin(torch.from_numpy(X)), FlaxStack().apply(variables, X))


class Setup(nn.Module):
    def setup(self) -> None:
        self.blocks = [nn.Dense(6) for _ in range(2)]
        self.heads = {"a": nn.Dense(3), "b": nn.Dense(4)}
        self.seq = nn.Sequential([nn.Dense(5), nn.relu, nn.Dense(2)])

    def __call__(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.seq(x), self.heads["a"](x), self.heads["b"](x)


class SetupTwin(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = tn.ModuleList([tn.Linear(6, 6), tn.Linear(6, 6)])
        self.heads = tn.ModuleDict({"a": tn.Linear(6, 3), "b": tn.Linear(6, 4)})
        self.seq = tn.Sequential(tn.Linear(6, 5), tn.ReLU(), tn.Linear(5, 2))


def test_modules_of_setup_are_named_by_their_attributes() -> None:
    started(Setup(), SetupTwin(), style="setup")


def scanned(body: Any, length: int, **options: Any) -> Any:
    return nn.scan(
        body,
        variable_axes={"params": 0},
        split_rngs={"params": True},
        length=length,
        **options,
    )


class Step(nn.Module):
    @nn.compact
    def __call__(self, x: Any, _: Any) -> Any:
        return FlaxBlock(name="block")(x), None


class FlaxScan(nn.Module):
    constancy: bool = True

    @nn.compact
    def __call__(self, x: Any) -> Any:
        layers = scanned(Step, 3, check_constancy_invariants=self.constancy)
        return layers(name="layers")(x, None)[0]


@pytest.mark.parametrize("constancy", [True, False])
def test_scanned_blocks_have_shifted_counters_and_the_folded_rounding(constancy: bool) -> None:
    twin = Stack()
    options = {**BLOCK, "names": {r"blocks\.\d+": "layers/block", **BLOCK["names"]}}
    variables = FlaxScan(constancy).init(jax.random.key(3), X)
    poison(twin)
    like = Linen(check_constancy_invariants=constancy)
    lift = {r"blocks\.(\d+)": "scan"}
    plan = door.plan(
        twin, 3, like, lift=lift, compiled=EAGER, expect=variables["params"], **options
    )
    plan.fill_()
    assert_same_parameters(plan, variables["params"])


class FlaxVmap(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        heads = nn.vmap(
            FlaxMLP,
            in_axes=None,
            axis_size=3,
            variable_axes={"params": 0},
            split_rngs={"params": True},
        )
        return heads(name="heads")(x)


def test_mapped_modules_are_slices_of_stacked_parameters() -> None:
    twin = tn.ModuleList(MLP() for _ in range(3))
    started(
        FlaxVmap(),
        twin,
        names={r"\d+": "heads"},
        lift={r"(\d+)": "vmap"},
        init={r"\d+\.[02]": {"bias": door.normal(0.1)}},
    )


class FlaxJit(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.jit(nn.Dense)(3)(
            nn.jit(
                FlaxMLP,
            )(name="mlp")(x)
        )


def test_jitted_modules_have_keys_of_their_own() -> None:
    twin = tn.Sequential(MLP(), tn.Linear(4, 3))
    variables = FlaxJit().init(jax.random.key(0), X)["params"]
    poison(twin)
    plan = door.plan(
        twin,
        0,
        "flax.linen",
        names={"0": "mlp", "1": next(name for name in variables if "Dense" in name)},
        lift={"[01]": "jit"},
        init={r"0\.[02]": {"bias": door.normal(0.1)}},
        compiled=True,
        expect=variables,
    )
    plan.fill_()
    assert_same_parameters(plan, variables)


class Tied(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = tn.Embedding(11, 6)
        self.mlp = tn.Linear(6, 6)
        self.head = tn.Linear(6, 11, bias=False)
        self.head.weight = self.embed.weight
        self.last = tn.Linear(11, 2)


class FlaxTied(nn.Module):
    @nn.compact
    def __call__(self, tokens: Any) -> Any:
        embed = nn.Embed(11, 6)
        logits = embed.attend(nn.Dense(6)(embed(tokens)))
        return nn.Dense(2)(logits)


def test_tied_weights_are_drawn_once_and_their_second_layer_has_no_number() -> None:
    twin = Tied()
    started(FlaxTied(), twin, np.arange(5))
    assert twin.head.weight is twin.embed.weight


def test_a_tied_layer_with_a_bias_of_its_own_is_asked_about() -> None:
    twin = Tied()
    twin.head.bias = tn.Parameter(torch.zeros(11))
    with pytest.raises(ValueError, match=r"head.weight is embed.weight.*head has other parameters"):
        door.init_(twin, 0, "flax.linen")
    door.init_(
        twin, 0, "flax.linen", names={"head": None}, params={r"head\.bias": ("bias", door.zeros)}
    )


def test_frozen_parameters_are_started_and_stay_frozen() -> None:
    twin = MLP()
    twin[0].weight.requires_grad_(False)
    started(FlaxMLP(), twin, init={"[02]": {"bias": door.normal(0.1)}})
    assert not twin[0].weight.requires_grad
    assert twin[2].weight.requires_grad
    assert twin[2].weight.grad_fn is None


def test_a_model_on_the_meta_device_is_filled_after_to_empty() -> None:
    with torch.device("meta"):
        twin = tn.Sequential(tn.Linear(6, 5), tn.BatchNorm1d(5))
    plan = door.plan(twin, 2, "flax.linen")
    with pytest.raises(ValueError, match=r"0\.weight is on the meta device"):
        plan.fill_()
    drawn = plan.draw("0.weight")
    twin.to_empty(device="cpu")
    poison(twin)
    plan.fill_()
    assert torch.equal(twin[0].weight, drawn)
    assert twin[1].running_mean.eq(0).all()
    assert twin[1].running_var.eq(1).all()
    assert twin[1].num_batches_tracked == 0


def test_parameters_one_by_one_in_any_order_are_the_same() -> None:
    whole, parts = Stack(), Stack()
    options = {"classes": {Block: "FlaxBlock"}, **BLOCK}
    door.init_(whole, 5, "flax.linen", **options)
    poison(parts)
    plan = door.plan(parts, 5, "flax.linen", **options)
    names = [name for name, _ in parts.named_parameters()]
    for name in reversed(names):
        plan.fill_(name)
    for name, tensor in whole.named_parameters():
        assert_identical(as_numpy(parts.get_parameter(name)), as_numpy(tensor), name)
    with pytest.raises(KeyError):
        plan.fill_("blocks.9.gamma")


class Symmetric(tn.Module):
    def forward(self, x: Any) -> Any:
        return x.triu() + x.triu(1).transpose(-1, -2)


@pytest.mark.parametrize(
    "register",
    [
        lambda layer: parametrizations.weight_norm(layer),
        lambda layer: parametrize.register_parametrization(layer, "weight", Symmetric()),
        lambda layer: parametrizations.orthogonal(layer),
    ],
)
def test_a_parametrized_module_is_as_if_initialised_before(register: Callable[[Any], Any]) -> None:
    before, after = tn.Linear(6, 6), tn.Linear(6, 6)
    door.init_(before, 4, "flax.linen")
    before.double()
    after.double()
    with torch.no_grad():
        door.init_(before, 4, "flax.linen")
    torch.manual_seed(0)
    register(before)
    torch.manual_seed(0)
    register(after)
    door.init_(after, 4, "flax.linen")
    for (name, one), (_, other) in zip(
        sorted(before.named_parameters()), sorted(after.named_parameters()), strict=True
    ):
        assert torch.allclose(one, other, rtol=0, atol=1e-12), name
    assert torch.allclose(before.weight, after.weight, rtol=0, atol=1e-12)


def test_nothing_random_of_torch_is_touched() -> None:
    twin = MLP()
    state = torch.get_rng_state()
    door.init_(twin, 0, "flax.linen")
    assert torch.equal(torch.get_rng_state(), state)


class Odd(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = tn.Parameter(torch.zeros(3))
        self.bilinear = tn.Bilinear(2, 3, 4)
        self.dense = tn.Linear(4, 2)


NO_RULE = r"0\.weight .*no rule covers it\n .*is said in params"


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (lambda: tn.Sequential(tn.PReLU(), tn.Linear(2, 2)), {}, NO_RULE),
        (MLP, {"names": {"nine": "x"}}, r"names\['nine'\] match nothing"),
        (MLP, {"init": {"0": {"scale": door.ones}}}, r"0 has no 'scale'; it has kernel, bias"),
        (MLP, {"init": {"4": door.normal(1.0)}}, r"4 has no a kernel|4 has no kernel"),
        (MLP, {"init": {"0": "normal"}}, "must be one of varscale's"),
        (MLP, {"names": {"(": "x"}}, "not a regular expression"),
        (
            MLP,
            {"expect": {"Dense_0": {"kernel": X}}},
            r"the twin's Dense_0/bias.*not in JAX's model",
        ),
        (MLP, {"expect": {"Dense_9": {"kernel": X}}}, r"JAX's Dense_9/kernel.*nothing in the twin"),
        (MLP, {"names": {"[02]": "fc"}}, r"JAX's fc/kernel has several places: 0, 2"),
        (MLP, {"lift": {"0": "scan"}}, "must have a group"),
        (MLP, {"lift": {"(2)": "scan"}}, "indices from 0 on, got"),
        (MLP, {"style": "sequential"}, "style must be"),
        (Odd, {}, "no layer of the kind 'bilinear'"),
        (lambda: tn.ConvTranspose2d(4, 4, 3, groups=2), {}, "has no groups"),
        (lambda: tn.LSTM(3, 4, proj_size=2), {}, "proj_size"),
        (lambda: tn.RNN(3, 4, bias=False), {}, "SimpleCell has a bias"),
        (lambda: tn.Linear(3, 4), {"layout": {"": {"einsum": True}}}, "has no einsum"),
        (lambda: tn.LazyLinear(3), {}, "lazy"),
    ],
)
def test_what_does_not_fit_is_an_error_and_nothing_is_written(
    model: Callable[[], Any], options: dict[str, Any], message: str
) -> None:
    twin = model()
    before = copy.deepcopy(twin.state_dict())
    with pytest.raises((ValueError, TypeError), match=message):
        door.init_(twin, 0, "flax.linen", **options)
    for name, tensor in twin.state_dict().items():
        if not torch.nn.parameter.is_lazy(tensor):
            assert torch.equal(tensor, before[name])


def test_an_unknown_library_is_an_error_that_names_those_that_are_known() -> None:
    with pytest.raises(ValueError, match=r"like must be one of .*'flax.linen'.*got 'flax'"):
        door.init_(MLP(), 0, "flax")


def test_a_users_rule_is_a_few_lines() -> None:
    from varscale.port.layers import JaxLayer, Param
    from varscale.port.places import Place, Twin

    class Scaled(tn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.g = tn.Parameter(torch.empty(4))
            self.w = tn.Parameter(torch.empty(4, 6))

    class FlaxScaled(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            w = self.param("w", nn.initializers.he_normal(), (6, 4))
            return x @ w * self.param("g", nn.initializers.uniform(), (4,))

    class FlaxModel(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return nn.Dense(3)(FlaxScaled()(x))

    def rule(module: Any) -> Twin:
        outputs, inputs = module.w.shape
        he, uniform = varscale.initializers.VarianceScaling, varscale.initializers.Uniform
        layer = JaxLayer(
            "FlaxScaled",
            (
                Param("w", (inputs, outputs), he(2.0, "fan_in", "truncated_normal"), "IO"),
                Param("g", (outputs,), uniform(), "O"),
            ),
        )
        return Twin(layer, places=(Place("w", "w", "OI"), Place("g", "g", "O")))

    twin = tn.Sequential(Scaled(), tn.Linear(4, 3))
    started(FlaxModel(), twin, rules={Scaled: rule})


@given(st.data())
@random_cases(max_examples=25)
def test_random_models_start_as_flax(data: Any) -> None:
    """Blocks within blocks, of layers of random kinds and sizes, some with names."""

    def branch(depth: int, width: int) -> tuple[list[Any], Any, int]:
        flax: list[Any] = []
        twin: list[Any] = []
        for _ in range(data.draw(st.integers(1, 3))):
            kind = data.draw(st.sampled_from(["dense", "norm", "block"] if depth else ["dense"]))
            if kind == "block":
                inner, module, after = branch(depth - 1, width)
                flax.append(("block", inner))
                twin.append(Inner(module))
                width = after
            elif kind == "norm":
                flax.append(("norm", None))
                twin.append(tn.LayerNorm(width))
            else:
                size = data.draw(st.integers(1, 5))
                flax.append(("dense", size))
                twin.append(tn.Linear(width, size))
                width = size
        return flax, tn.Sequential(*twin), width

    class Inner(tn.Module):
        def __init__(self, body: Any) -> None:
            super().__init__()
            self.body = body

    class Tree(nn.Module):
        plan: Any

        @nn.compact
        def __call__(self, x: Any) -> Any:
            for kind, what in self.plan:
                if kind == "dense":
                    x = nn.Dense(what)(x)
                elif kind == "norm":
                    x = nn.LayerNorm()(x)
                else:
                    x = Tree(what)(x)
            return x

    flax, twin, _ = branch(2, 6)

    def frozen(plan: Any) -> Any:
        return tuple((k, frozen(v) if k == "block" else v) for k, v in plan)

    started(Tree(frozen(flax)), twin, classes={Inner: "Tree"}, key=data.draw(st.integers(0, 99)))
