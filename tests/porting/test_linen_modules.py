"""Keys of Linen's modules that are shared, named or scanned in special ways, against Flax."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.compare import assert_identical
from tests.core.oracle import jax
from tests.porting.linen_trees import (
    LIFTS,
    PARAMS,
    SAME,
    SIZE,
    SPLIT,
    check,
    initialized,
    lifted,
    nn,
    witness,
)  # fmt: skip
from varscale.linen import Scope


class Leaf(nn.Module):
    @nn.compact
    def __call__(self, x: Any, step: None = None) -> Any:
        self.param("a", witness)
        self.param("b", witness)
        return x, None


class Plain(nn.Module):
    """As Leaf, for transforms that want one result."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        self.param("a", witness)
        self.param("b", witness)
        return x


def leaf(scope: Scope, first: int = 1, draws: int | None = 2) -> dict[str, Any]:
    return {"a": scope.param_key(first, draws), "b": scope.param_key(first + 1, draws)}


def under(name: str, keys: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    return {(name, parameter): key for parameter, key in keys.items()}


def stacked(keys: list[Any]) -> dict[str, Any]:
    return {name: tuple(each[name] for each in keys) for name in keys[0]}


def model(body: Any) -> nn.Module:
    """A module whose call is `body`."""

    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return body(self, x)

    return Model()


def test_remat_scan_is_one_scan_inside_another() -> None:
    module = model(lambda self, x: nn.remat_scan(Plain, lengths=(3, 2))(name="deep")(x))
    outer = Scope(0, ("deep",)).scan(3)
    keys = stacked([stacked([leaf(inner) for inner in each.scan(2)]) for each in outer])
    check(initialized(module), under("deep", keys))


@pytest.mark.parametrize(
    "lift",
    [
        lambda: nn.vmap(Leaf, {"params": None}, SAME, in_axes=None, axis_size=3),
        lambda: nn.scan(Leaf, variable_broadcast="params", split_rngs=SAME, length=3),
    ],
    ids=["vmap", "scan"],
)
def test_shared_parameters_are_outside_the_transform(lift: Any) -> None:
    module = model(lambda self, x: lift()(name="shared")(x, None))
    check(initialized(module), under("shared", leaf(Scope(0, ("shared",)))))


def test_the_cell_of_an_rnn_is_outside_its_scan() -> None:
    init = nn.initializers.uniform()
    cell = nn.SimpleCell(3, kernel_init=init, recurrent_kernel_init=init)
    inputs = np.zeros((1, 4, 2), np.float32)
    params = nn.RNN(cell).init(jax.random.key(0), inputs)["params"]["cell"]
    for name, shape in (("i", (2, 3)), ("h", (3, 3))):
        got = varscale.numpy.uniform()(Scope(0, ("cell", name)).param_key(1), shape)
        assert_identical(got, params[name]["kernel"], name)


def test_a_function_that_is_scanned_goes_on_counting_in_its_module() -> None:
    def body(self: Any, x: Any) -> Any:
        def step(self: Any, carry: Any, _: None) -> Any:
            self.param("first", witness)
            self.param("second", witness)
            return Leaf(name="leaf")(carry)

        self.param("before", witness)
        x, _ = nn.scan(step, variable_axes=PARAMS, split_rngs=SPLIT, length=SIZE)(self, x, None)
        self.param("after", witness)
        return x

    top, steps = Scope(0), Scope(0).scan(SIZE)
    check(
        initialized(model(body)),
        {
            ("before",): top.param_key(1),
            ("first",): tuple(step.param_key(2, draws=2) for step in steps),
            ("second",): tuple(step.param_key(3, draws=2) for step in steps),
            ("after",): top.param_key(2 + 2 * 2),
            **under("leaf", stacked([leaf(step.child("leaf")) for step in steps])),
        },
    )


def test_a_scan_inside_jit_counts_on_from_the_fork() -> None:
    scanned = nn.scan(Leaf, variable_axes=PARAMS, split_rngs=SPLIT, length=SIZE)
    module = model(lambda self, x: nn.jit(scanned)(name="layers")(x, None))
    steps = Scope(0, ("layers",)).fork().scan(SIZE)
    check(initialized(module), under("layers", stacked([leaf(step, 2) for step in steps])))


def test_a_jitted_class_that_is_compiled_once_and_used_twice() -> None:
    compiled = nn.jit(Plain)
    module = model(lambda self, x: compiled(name="two")(compiled(name="one")(x)))
    want = {
        path: key
        for name in ("one", "two")
        for path, key in under(name, leaf(Scope(0, (name,)).fork(), 2)).items()
    }
    for _ in range(2):  # the second time from Flax's and JAX's caches
        check(initialized(module), want)


def test_jit_of_the_top_module() -> None:
    keys = leaf(Scope(5).fork(), 2)
    check(initialized(nn.jit(Plain)(), 5), {(name,): key for name, key in keys.items()})


class Holder(nn.Module):
    """Draws, and calls a module that somebody else has made."""

    inner: nn.Module

    @nn.compact
    def __call__(self, x: Any, step: None = None) -> Any:
        self.param("own", witness)
        self.inner(x)
        return x, None


@pytest.mark.parametrize("lift", ["none", "jit", "scan", "vmap"])
def test_a_module_from_outside_keeps_its_path_but_under_jit(lift: str) -> None:
    made = LIFTS.get(lift, lambda made: made)
    module = model(lambda self, x: made(Holder)(Leaf(name="shared"), name="holder")(x, None))
    holder, shared = Scope(0, ("holder",)), Scope(0, ("shared",))
    if lift == "none":
        want = {("holder", "own"): holder.param_key(1), **under("shared", leaf(shared))}
    elif lift == "jit":
        want = {
            ("holder", "own"): holder.fork().param_key(2),
            **under("shared", leaf(Scope(shared.key))),
        }
    else:
        pairs = list(zip(lifted(holder, lift), lifted(shared, lift), strict=True))
        want = {
            ("holder", "own"): tuple(each.param_key(1, draws=1) for each, _ in pairs),
            **under("shared", stacked([leaf(each) for _, each in pairs])),
        }
    check(initialized(module), want)


def test_modules_that_share_a_scope_count_together() -> None:
    class Sharing(nn.Module):
        base: nn.Module

        def setup(self) -> None:
            nn.share_scope(self, self.base)

        @nn.compact
        def __call__(self, x: Any) -> Any:
            self.param("own", witness)
            return self.base(x)

    module = model(lambda self, x: Sharing(Plain(name="base"))(x))
    scope = Scope(0, ("base",))
    keys = {"own": scope.param_key(1), **leaf(scope, 2)}
    check(initialized(module), under("base", keys))


def test_modules_of_setup_are_named_by_their_attributes() -> None:
    class Outer(nn.Module):
        def setup(self) -> None:
            self.single = Plain()
            self.listed = [Plain(), nn.remat(Plain)()]
            self.named = {"u": nn.jit(Plain)()}

        def __call__(self, x: Any) -> Any:
            for layer in (self.single, *self.listed, self.named["u"]):
                x = layer(x)
            return x

    plain = {name: leaf(Scope(0, (name,))) for name in ("single", "listed_0", "listed_1")}
    want = {path: key for name, keys in plain.items() for path, key in under(name, keys).items()}
    want |= under("named_u", leaf(Scope(0, ("named_u",)).fork(), 2))
    check(initialized(Outer()), want)


@pytest.mark.parametrize(("given", "count"), [(("params",), 2), (("params", "dropout"), 1)])
def test_a_stream_that_init_was_not_given_draws_from_params(
    given: tuple[str, ...], count: int
) -> None:
    def body(self: Any, x: Any) -> Any:
        self.make_rng("dropout")
        self.param("w", witness)
        return x

    rngs = {name: jax.random.key(number) for number, name in enumerate(given)}
    want = model(body).init(rngs, np.zeros(2))["params"]["w"]
    assert Scope(0).param_key(count).words == tuple(want.tolist())
