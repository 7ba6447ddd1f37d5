"""Arguments of a wrong kind: one sentence each, the same as for torch. No JAX needed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")

from keras import layers  # noqa: E402

import varscale.keras as vk  # noqa: E402
from tests.porting.wrong_arguments import CALLS, LIKES  # noqa: E402

FLAX = "flax.linen"


@pytest.fixture(scope="module")
def twin() -> Any:
    dense = [layers.Dense(4, name="a"), layers.Dense(2, name="b")]
    return keras.Sequential([keras.Input((3,)), *dense])


@pytest.mark.parametrize("case", CALLS)
def test_an_argument_of_a_wrong_kind_is_an_error_that_says_which_is_right(
    case: str, twin: Any
) -> None:
    options, error, message = CALLS[case]
    with pytest.raises(error, match=message):
        vk.init_(twin, 0, FLAX, **options)


@pytest.mark.parametrize(("like", "error", "message"), LIKES)
def test_what_is_no_library_is_an_error(
    like: Any, error: type[Exception], message: str, twin: Any
) -> None:
    with pytest.raises(error, match=message):
        vk.plan(twin, 0, like)


def test_a_rule_that_returns_no_twin_is_an_error(twin: Any) -> None:
    message = (
        r"^the rule of Dense must return a varscale.port.Twin or a list of them, got None for a"
    )
    with pytest.raises(TypeError, match=message):
        vk.plan(twin, 0, FLAX, rules={layers.Dense: lambda _: None})


NAMES = {
    "a number": (3, TypeError, "name must be the name of one of the twin's parameters, got int"),
    "a list": (["a.bias"], TypeError, "name must be the name of one of .*, got list"),
    "a mistake": ("a.kernle", KeyError, "no parameter 'a.kernle'; the nearest: 'a.kernel'"),
    "left": ("b.kernel", KeyError, "the plan leaves 'b.kernel' as it is"),
}


@pytest.mark.parametrize("case", NAMES)
def test_a_name_that_the_plan_does_not_fill_is_an_error_that_says_why(
    case: str, twin: Any, as_numpy: Any
) -> None:
    name, error, message = NAMES[case]
    plan = vk.plan(twin, 0, FLAX, names={"b": None}, init={"a": {"bias": vk.ones}})
    before = as_numpy(twin.layers[0].bias).copy()
    for call in (plan.draw, plan.fill_, lambda name: plan.fill_("a.bias", name)):
        with pytest.raises(error, match=message):
            call(name)
    assert np.array_equal(as_numpy(twin.layers[0].bias), before)
