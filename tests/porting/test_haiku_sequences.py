"""`PRNGSequence` and `layer_stack`: the same calls to varscale's and to the installed Haiku's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.cases import SEEDS, random_cases
from tests.core.compare import assert_identical, command
from tests.core.oracle import EXACT, configured, jax

pytest.importorskip("haiku", reason="not installed: pip install dm-haiku")

import haiku as hk

import varscale
from varscale.haiku import PRNGSequence, layer_stack

from hypothesis import given  # isort: skip
from hypothesis import strategies as st  # isort: skip


def words(key: Any) -> list[int]:
    return list(key.words) if isinstance(key, varscale.Key) else np.asarray(key).tolist()


# Sequences alone


def run(sequence: Any, calls: list[tuple[str, int | None]]) -> list[Any]:
    """What each call returns, of either library; and one key more."""
    drawn: list[Any] = []
    for name, num in calls:
        result = getattr(sequence, name)(*([] if num is None else [num]))
        if name == "take":
            drawn.append([words(key) for key in result])
        else:
            drawn.append(None if result is None else words(result))
    return [*drawn, words(next(sequence))]


CALLS = st.one_of(
    st.tuples(st.sampled_from(("next", "reserve_up_to_full")), st.none()),
    st.tuples(st.sampled_from(("take", "reserve")), st.integers(-1, 5)),
)


@random_cases(max_examples=40)
@given(seed=SEEDS, calls=st.lists(CALLS, max_size=10), size=st.integers(1, 5))
def test_programs_draw_what_haiku_draws(seed: int, calls: Any, size: int) -> None:
    with hk.config.context(rng_reserve_size=size):
        want = run(hk.PRNGSequence(jax.random.PRNGKey(seed)), calls)
    got = run(PRNGSequence(seed, size), calls)
    assert got == want, f"seed {seed}, {calls}, {size}; repeat with {command()}"


def test_a_sequence_is_an_iterator() -> None:
    sequence, again = PRNGSequence(0), PRNGSequence(0)
    assert iter(sequence) is sequence
    assert [next(sequence), next(sequence)] == [again.next(), again.next()]


# Functions as data: what is done while `init` runs them. Every parameter is a witness of its key.

Function = tuple[Any, ...]
STEPS = st.one_of(
    st.sampled_from(("param", "param", "constant", "next", "cond", "scan")),
    st.tuples(st.sampled_from(("take", "reserve")), st.integers(0, 3)),
)
PLAIN = st.lists(STEPS, max_size=5).map(tuple)
FUNCTIONS = st.recursive(
    PLAIN,
    lambda inner: st.tuples(PLAIN, st.tuples(st.integers(1, 3), inner), PLAIN).map(
        lambda parts: (*parts[0], ("stack", *parts[1]), *parts[2])
    ),
    max_leaves=4,
)


class Theirs:
    """Runs a function's steps in Haiku; parameters are numbered in the order of the text."""

    def __init__(self) -> None:
        self.made = 0

    def param(self, *, constant: bool = False) -> None:
        init = hk.initializers.Constant(0) if constant else lambda shape, dtype: hk.next_rng_key()
        hk.get_parameter(f"{'c' if constant else 'p'}{self.made}", (2,), np.uint32, init=init)
        self.made += 1

    def run(self, function: Function) -> None:
        for step in function:
            match step:
                case "param" | "constant":
                    self.param(constant=step == "constant")
                case "next":
                    hk.next_rng_key()
                case "cond":
                    hk.cond(True, lambda x: x, lambda x: x, 0)
                case "scan":
                    self.scan()
                case "take", num:
                    # Haiku stacks the keys, which zero keys cannot be.
                    num and hk.next_rng_keys(num)
                case "reserve", num:
                    hk.reserve_rng_keys(num)
                case "stack", count, inner:
                    self.stack(count, inner)

    def scan(self) -> None:
        """Haiku runs the first step outside the loop, and makes the parameters there."""
        number = self.made

        def step(carry: Any, x: Any) -> Any:
            self.made = number
            self.param()
            return carry, x

        hk.scan(step, 0, np.zeros(3))

    def stack(self, count: int, inner: Function) -> None:
        start = self.made

        def layer(x: Any) -> Any:
            self.made = start  # Haiku traces the layer again and again
            self.run(inner)
            return x

        hk.layer_stack(count)(layer)(np.zeros(1))


def theirs(function: Function, seed: int, size: int) -> dict[str, Any]:
    transformed = hk.transform(lambda: Theirs().run(function))
    with hk.config.context(rng_reserve_size=size):
        params = transformed.init(jax.random.PRNGKey(seed))
    leaves = [item for module in params.values() for item in module.items()]
    return {name: np.asarray(key) for name, key in leaves if name.startswith("p")}


def ours(function: Function, sequence: PRNGSequence, made: int = 0) -> dict[str, Any]:
    """The keys of a function's parameters; those of a stack are stacked, layers first."""
    found: dict[str, Any] = {}
    for step in function:
        match step:
            case "param" | "scan":
                found[f"p{made}"] = np.array(next(sequence).words, np.uint32)
                made += 1
                if step == "scan":
                    sequence.reserve_up_to_full()
            case "constant":
                made += 1
            case "next":
                next(sequence)
            case "cond":
                sequence.reserve_up_to_full()
            case "take", num:
                sequence.take(num)
            case "reserve", num:
                sequence.reserve(num)
            case "stack", count, inner:
                layers = [ours(inner, each, made) for each in layer_stack(sequence, count)]
                found |= {name: np.stack([each[name] for each in layers]) for name in layers[0]}
                made += parameters(inner)
    return found


def parameters(function: Function) -> int:
    """How many numbers a function's parameters take."""
    return sum(
        parameters(step[2]) if step[0] == "stack" else step in ("param", "constant", "scan")
        for step in function
    )


def check(function: Function, seed: int, size: int) -> None:
    want, got = theirs(function, seed, size), ours(function, PRNGSequence(seed, size))
    assert set(got) == set(want)
    for name, key in want.items():
        assert_identical(got[name], key, f"{name} of {function}, seed {seed}, {size} in reserve")


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(
    "function",
    [
        ("param", "constant", "next", "param"),
        (("reserve", 2), "param", ("take", 3), "param"),
        ("param", "cond", "param", "param", "scan", "param"),
        ("param", ("stack", 3, ("param", "next", "param")), "param", "param"),
        (("stack", 2, ("param", ("stack", 2, ("param",)), "param")), "param"),
    ],
    ids=["plain", "reserved", "control flow", "stack", "stacks"],
)
def test_a_function_has_the_keys_of_haiku(function: Function, size: int) -> None:
    check(function, 5, size)


@random_cases(max_examples=12)
@given(function=FUNCTIONS, seed=SEEDS, size=st.integers(1, 4))
def test_random_functions_have_the_keys_of_haiku(function: Function, seed: int, size: int) -> None:
    check(("param", *function, "param"), seed, size)


def test_legacy_splits_follow_the_key() -> None:
    function = ("param", ("stack", 2, ("param", ("take", 2), "param")), "param")
    with configured(partitionable=False):
        want = theirs(function, 5, 2)
    got = ours(function, PRNGSequence(varscale.key(5, partitionable=False), 2))
    for name, key in want.items():
        assert_identical(got[name], key, name)


@pytest.mark.parametrize("transform", ["remat", "vmap"])
def test_remat_and_vmap_change_nothing(transform: str) -> None:
    def function() -> None:
        def body(x: Any) -> Any:
            Theirs().run(("param", "constant", "param"))
            return x

        lifted = hk.remat(body) if transform == "remat" else hk.vmap(body, split_rng=False)
        lifted(np.zeros((2, 1), np.float32))

    params = hk.transform(function).init(jax.random.PRNGKey(3))["~"]
    sequence = PRNGSequence(3)
    assert [words(params[name]) for name in ("p0", "p2")] == [words(next(sequence)) for _ in "ab"]


@pytest.mark.skipif(not EXACT, reason="not available: jax>=0.10")
def test_linear_layers_are_drawn_as_haiku_draws_them() -> None:
    def function(x: Any) -> Any:
        return hk.Linear(4)(hk.Linear(9)(x))

    params = hk.transform(function).init(jax.random.PRNGKey(0), np.zeros((1, 4), np.float32))
    sequence = PRNGSequence(0)
    for name, shape in (("linear_1", (4, 9)), ("linear", (9, 4))):
        stddev = 1 / np.sqrt(shape[0])
        got = varscale.numpy.truncated_normal(stddev)(next(sequence), shape)
        assert_identical(got, params[name]["w"], name)
