"""Init functions drawn by Hypothesis: trees of keys, draws, products, shapes and scans, as data."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st

from tests.core.oracle import jax

numpy = jax.numpy
random = jax.random

DTYPES = ("float32", "float32", "bfloat16", "float16")
SCALES = (0.02, 1.0, -1.7, 3.0, 1e-6)

shapes = st.lists(st.integers(1, 6), min_size=0, max_size=3).map(tuple)
numbers = st.sampled_from(SCALES)

draws = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(
            ("uniform", "bounded", "normal", "truncated", "orthogonal", "ones")
        ),
        "shape": shapes,
        "dtype": st.sampled_from(DTYPES),
    }
)

#: What is done to an array, one after the other.
changes = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("times", "plus", "minus_from", "over")), numbers),
        st.tuples(st.sampled_from(("flat", "turned", "flipped", "halved", "stacked", "negative"))),
        st.tuples(st.just("wider"), st.integers(1, 3)),
        st.tuples(st.just("cast"), st.sampled_from(("float32", "bfloat16", "float16"))),
    ),
    max_size=3,
)


def in_order(leaf: Any) -> bool:
    """Whether XLA keeps the order of a leaf's operations where it compiles them.

    It reorders several sums, more than two factors (a normal has one of its own), and a sum after
    arrays were put together, and of a bfloat16 that is widened it keeps the digits that were to be
    rounded off; `record` refuses what comes out otherwise.
    """
    _, _, draw, change = leaf
    names = [one[0] for one in change]
    sums = [i for i, name in enumerate(names) if name in ("plus", "minus_from")]
    factors = (draw["kind"] == "normal") + names.count("times") + names.count("over")
    joined = bool(sums) and "stacked" in names[: sums[-1]]
    dtypes = [draw["dtype"], *(one[1] for one in change if one[0] == "cast")]
    widened = "bfloat16" in dtypes[:-1]
    return len(sums) < 2 and factors <= 2 and not (joined and factors) and not widened


leaves = st.tuples(st.just("leaf"), st.integers(0, 3), draws, changes).filter(in_order)
programs = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.just("both"), inner, inner),
        st.tuples(st.just("scan"), inner, st.integers(1, 3), st.booleans(), st.booleans()),
        st.tuples(st.just("vmap"), inner, st.integers(1, 3)),
        st.tuples(st.just("jit"), inner),
        st.tuples(st.just("folded"), inner, st.integers(0, 9)),
    ),
    max_leaves=3,
)


def carried_out(program: Any, key: Any) -> Any:
    """What a program makes of a key."""
    name, *rest = program
    if name == "leaf":
        number, draw, change = rest
        array = drawn(draw, random.split(key, 4)[number])
        for one in change:
            array = changed(array, *one)
        return array
    if name == "both":
        first, second = random.split(key)
        return [carried_out(rest[0], first), carried_out(rest[1], second)]
    inner, *settings = rest
    if name == "jit":
        return jax.jit(lambda one: carried_out(inner, one))(key)
    if name == "folded":
        return carried_out(inner, random.fold_in(key, settings[0]))
    if name == "vmap":
        return jax.vmap(lambda one: carried_out(inner, one))(random.split(key, settings[0]))
    length, reverse, chained = settings

    def body(carry: Any, one: Any) -> Any:
        if chained:
            carry, one = random.split(carry)
        return carry, carried_out(inner, one)

    return jax.lax.scan(body, key, random.split(key, length), reverse=reverse)


def drawn(draw: Any, key: Any) -> Any:
    """An array of a draw's description."""
    shape, dtype, kind = draw["shape"], draw["dtype"], draw["kind"]
    if kind == "uniform":
        return random.uniform(key, shape, dtype)
    if kind == "bounded":
        return random.uniform(key, shape, dtype, -0.5, 1.25)
    if kind == "normal":
        return random.normal(key, shape, dtype)
    if kind == "truncated":
        return random.truncated_normal(key, -2.0, 2.0, shape, dtype)
    if kind == "orthogonal":
        return random.orthogonal(key, 3)
    return numpy.ones(shape, dtype)


def changed(array: Any, change: str, *arguments: Any) -> Any:
    """An array after one change."""
    if change == "times":
        return array * arguments[0]
    if change == "plus":
        return array + arguments[0]
    if change == "minus_from":
        return arguments[0] - array
    if change == "over":
        return array / arguments[0]
    if change == "flat":
        return array.reshape(-1)
    if change == "turned":
        return array.T
    if change == "flipped":
        return numpy.flip(array)
    if change == "halved":
        return array[::2] if array.ndim else array
    if change == "stacked":
        return numpy.stack([array, array], axis=-1)
    if change == "negative":
        return -array
    if change == "wider":
        return numpy.broadcast_to(array, (arguments[0], *array.shape))
    return array.astype(arguments[0])
