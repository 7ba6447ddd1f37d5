"""Arguments of a wrong kind: one sentence each, and nothing is written. No JAX needed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.porting.wrong_arguments import CALLS, LIKES
from tests.torch.tensors import torch

from torch import nn as tn  # isort: skip

import varscale.torch as door
from varscale.port import Flattened, Place, Twin
from varscale.port.libraries import Equinox

FLAX = "flax.linen"


def twin() -> Any:
    return tn.ModuleDict({"a": tn.Linear(3, 4), "b": tn.Linear(4, 2)})


def normalised() -> Any:
    return tn.Sequential(tn.Linear(3, 4), tn.BatchNorm1d(4), tn.Linear(4, 2))


def refused(model: Any, error: type[Exception], message: str, like: Any, **options: Any) -> None:
    """Fails unless `init_` says this and leaves the model as it was."""
    before = [tensor.clone() for tensor in model.state_dict().values()]
    with pytest.raises(error, match=message):
        door.init_(model, 0, like, **options)
    after = model.state_dict().values()
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("case", CALLS)
def test_an_argument_of_a_wrong_kind_is_an_error_that_says_which_is_right(case: str) -> None:
    options, error, message = CALLS[case]
    refused(twin(), error, message, FLAX, **options)


@pytest.mark.parametrize(("like", "error", "message"), LIKES)
def test_what_is_no_library_is_an_error(like: Any, error: Any, message: str) -> None:
    refused(twin(), error, message, like)


@pytest.mark.parametrize("found", [None, 3, "dense", [None], {"kind": "dense"}])
def test_a_rule_that_returns_no_twin_is_an_error(found: Any) -> None:
    message = (
        r"^the rule of Linear must return a varscale.port.Twin or a list of them, got .* for a$"
    )
    refused(twin(), TypeError, message, FLAX, rules={tn.Linear: lambda _: found})


@pytest.mark.parametrize("like", ["flax.linen", "flax.nnx", "haiku", "equinox"])
def test_a_rule_that_leaves_out_sizes_is_an_error(like: str) -> None:
    message = (
        f"^a: the dense layer of {like} needs inputs, outputs.* in its Twin's sizes, got none$"
    )
    refused(twin(), ValueError, message, like, rules={tn.Linear: lambda _: Twin("dense")})


def test_a_rule_that_sets_what_the_twin_has_not_is_an_error() -> None:
    places = (Place("kernel", "weight", "OI"), Place("bias", "bias", "O"))
    sizes = {"inputs": 3, "outputs": 4, "bias": True}
    rules = {tn.Linear: lambda _: Twin("dense", sizes, places, (("mean", 0.0),))}
    message = r"^the twin has no a\.mean, which a rule sets to 0\.0$"
    refused(tn.ModuleDict({"a": tn.Linear(3, 4)}), ValueError, message, FLAX, rules=rules)


def test_a_parameter_without_a_name_in_jax_is_an_error() -> None:
    model = tn.Sequential(tn.PReLU())
    message = r"^params\['0.weight'\] must name 0.weight in JAX, got ''$"
    params = {"0.weight": ("", door.zeros)}
    refused(model, ValueError, message, FLAX, params=params)


def test_a_parameter_with_a_mistake_in_its_name_is_near_the_right_one() -> None:
    message = r"match nothing in the twin; the nearest: '0.weight'$"
    params = {r"0\.wieght": ("x", door.zeros)}
    refused(tn.Sequential(tn.PReLU()), ValueError, message, FLAX, params=params)


def test_of_classes_and_rules_torchs_own_initialisation_knows_nothing() -> None:
    message = "like='torch' leaves every parameter as it is, whatever classes say: leave them out"
    refused(twin(), ValueError, message, "torch", classes={tn.Linear: "Dense"})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Flattened(3, (3,)), "^axes must be a text such as 'CHW', got int$"),  # type: ignore[arg-type]
        (lambda: Flattened("C", "3"), "^shape must be a sequence of integers, got '3'$"),  # type: ignore[arg-type]
        (lambda: Twin(3), "^kind must be the name of a kind or a JaxLayer, got int$"),  # type: ignore[arg-type]
        (lambda: Twin("dense", 3), "^sizes must be a mapping .*, got int$"),  # type: ignore[arg-type]
        (
            lambda: Twin("dense", {}, Place("kernel", "weight", "OI")),  # type: ignore[arg-type]
            "^places must be a tuple of Places, got Place$",
        ),
        (lambda: Twin("dense", {}, ("weight",)), "^each of places must be a Place, got str$"),  # type: ignore[arg-type]
    ],
)
def test_what_a_rule_or_a_layout_is_made_of_is_checked(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


@pytest.mark.parametrize(
    ("splits", "error", "message"),
    [
        (3, TypeError, "^splits must be a mapping from regular expressions .*, got int$"),
        ({3: "each"}, TypeError, "^each key of splits must be a regular expression, got int$"),
        ({"(": "each"}, ValueError, r"^each key of splits .* '\(' is not a regular expression"),
        ({"a": "3/3"}, ValueError, "^a way must be of parts such as '1/3'.*, got '3/3'$"),
        ({"a": "each 1/2"}, ValueError, "^a way must be of parts .*, got 'each 1/2'$"),
        ({"(a)": r"\2/3"}, ValueError, r"^splits\['\(a\)'\] must use groups of its regular"),
        ({"a": None}, TypeError, "^key must be given, got None"),
        ({"a": 0.5}, TypeError, "^key must be a varscale key, an integer seed"),
    ],
)
def test_how_an_equinox_model_splits_its_key_is_checked(
    splits: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Equinox(splits)


def test_an_attention_without_its_output_projection_is_none_of_jaxs() -> None:
    model = tn.Sequential(tn.MultiheadAttention(8, 2))
    model[0].out_proj = tn.Identity()  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"has a part 'out\.kernel', which the twin has no"):
        door.plan(model, 0, FLAX)
    left = door.plan(model, 0, "torch").explain().left
    assert [row.to for row in left] == ["0.in_proj_weight", "0.in_proj_bias"]


NAMES = {
    "a number": (3, TypeError, "name must be the name of one of the twin's parameters, got int"),
    "a list": (["0.bias"], TypeError, "name must be the name of one of .*, got list"),
    "a mistake": ("0.wieght", KeyError, "no parameter '0.wieght'; the nearest: '0.weight'"),
    "none like it": ("nope", KeyError, "the plan has no parameter 'nope'\""),
    "a module": ("0", KeyError, "the plan has no parameter '0'"),
    "left": ("2.weight", KeyError, "the plan leaves '2.weight' as it is, and has no values for it"),
    "an average": ("1.running_var", KeyError, "is a constant, which .* without names sets"),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_name_that_the_plan_does_not_fill_is_an_error_that_says_why(case: str) -> None:
    name, error, message = NAMES[case]
    model = normalised()
    plan = door.plan(model, 0, FLAX, names={"2": None})
    before = model[0].bias.clone()
    for call in (plan.draw, plan.fill_, lambda name: plan.fill_("0.bias", name)):
        with pytest.raises(error, match=message):
            call(name)
    assert torch.equal(model[0].bias, before)


def test_a_tied_parameter_is_asked_for_by_its_first_name() -> None:
    model = tn.ModuleDict({"a": tn.Linear(3, 3, bias=False), "b": tn.Linear(3, 3, bias=False)})
    model["b"].weight = model["a"].weight
    with pytest.raises(KeyError, match=r"'b\.weight' is 'a.weight' by another name: give that one"):
        door.plan(model, 0, FLAX).draw("b.weight")


def test_a_dtype_of_another_framework_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"^dtype must be a torch\.dtype, got str$"):
        door.plan(twin(), 0, FLAX).draw("a.bias", "float32")  # type: ignore[arg-type]


def test_running_averages_without_memory_are_an_error_before_anything_is_written() -> None:
    model = normalised()
    model[1].running_var = model[1].running_var.to("meta")
    before = [tensor.clone() for tensor in model.parameters()]
    with pytest.raises(ValueError, match=r"^1\.running_var is on the meta device and has no mem"):
        door.init_(model, 0, FLAX)
    assert all(map(torch.equal, before, model.parameters()))
    # What is asked for by name does not need them.
    plan = door.plan(model, 0, FLAX)
    plan.fill_("0.weight")
    assert torch.equal(model[0].weight, plan.draw("0.weight"))
