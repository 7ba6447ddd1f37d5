"""Init functions written by hand, and drawn by Hypothesis: recorded and replayed bit for bit."""

from __future__ import annotations

from typing import Any

import hypothesis
import numpy as np
import pytest

from tests.core.compare import agree
from tests.core.oracle import jax
from tests.recipe.oracle import EVERY_BIT, compare, recorded
from tests.recipe.programs import carried_out, programs
from varscale import recipe

numpy, random, lax = jax.numpy, jax.random, jax.lax

pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")

initializers = jax.nn.initializers


def mixture(key: Any) -> Any:
    first, second, *rest = random.split(key, 5)
    return {
        "table": random.normal(random.fold_in(first, 3), (50, 8)) * 0.02,
        "mask": [random.uniform(second, (9, 8), minval=-0.3, maxval=0.7)],
        "gates": numpy.concatenate(
            [random.truncated_normal(one, -1.5, 1.0, (8, 8)) for one in rest], axis=1
        ),
    }


def chained_keys(key: Any) -> Any:
    """The key itself is carried, and an array with it."""

    def body(carry: Any, scale: Any) -> Any:
        key, total = carry
        key, one = random.split(key)
        drawn = random.normal(one, (3, 8)) * scale
        return (key, total + drawn), drawn.T

    scales = numpy.asarray([0.5, 1.5, 2.0])
    (_, total), rows = lax.scan(body, (key, numpy.zeros((3, 8))), scales)
    return total, rows


def indexed_keys(key: Any) -> Any:
    keys = random.split(key, 4)
    return lax.scan(lambda c, i: (c + 1, random.uniform(keys[3 - c], (8,))), 0, None, length=4)[1]


def backwards(key: Any) -> Any:
    def body(carry: Any, one: Any) -> Any:
        return random.split(carry)[0], random.uniform(random.fold_in(carry, one), (8,))

    return lax.scan(body, key, numpy.arange(4), reverse=True)[1]


def rearranged(key: Any) -> Any:
    x = random.normal(key, (4, 6, 8))
    return [
        x.reshape(24, 8),
        x.transpose(2, 0, 1).reshape(8, 24),
        x[1:, ::2, 3],
        numpy.flip(x, (0, 2)),
        numpy.tile(x[0], (2, 3)),
        numpy.stack([x[0], x[3]], axis=1),
        numpy.split(x, 2, axis=1)[1],
        x.at[2].set(random.uniform(key, (6, 8))),
        numpy.broadcast_to(x[:, :1], (2, 4, 3, 8)),
        lax.dynamic_update_slice(x, random.uniform(key, (2, 2, 2)), (1, 3, 5)),
        numpy.where(numpy.arange(8) % 2 == 0, x, 0.0),
        numpy.maximum(numpy.abs(x), 0.5) - numpy.sign(x),
    ]


def initialized(key: Any) -> Any:
    """Every initializer of jax.nn, in every dtype that it has."""
    makers = {
        "lecun": initializers.lecun_normal(),
        "glorot": initializers.glorot_uniform(),
        "scaled": initializers.variance_scaling(0.5, "fan_avg", "normal"),
        "normal": initializers.normal(0.02),
        "uniform": initializers.uniform(0.05),
        "truncated": initializers.truncated_normal(0.02, lower=-3.0, upper=1.0),
        "constant": initializers.constant(0.3),
    }
    made = {
        f"{name} {dtype}": make(random.fold_in(key, i), (9, 8), dtype)
        for i, (name, make) in enumerate(makers.items())
        for dtype in ("float32", "bfloat16", "float16", "float8_e4m3fn")
    }
    orthogonal = {
        "wide": initializers.orthogonal(1.5)(key, (3, 8)),
        "tall": initializers.orthogonal(column_axis=0)(key, (3, 5, 2)),
        "delta": initializers.delta_orthogonal()(key, (3, 3, 2, 4)),
    }
    return made | orthogonal


def shifted(key: Any) -> Any:
    """Sums and quotients, which XLA rounds in another way where it compiles them."""
    x, y = random.normal(key, (999,)), random.uniform(key, (999,))
    return [x / 3, x * 0.02 + 1, 1 - 1.7 * y, x / numpy.sqrt(7.0), y * 1.7 - 0.3, -x * 3, x * y + x]


def nested(key: Any) -> Any:
    """Loops in loops, keys in batches."""

    def outer(_: Any, keys: Any) -> Any:
        inner = lax.scan(lambda _, one: (0, mixture(one)["table"][:2]), 0, keys)[1]
        return 0, (inner, jax.vmap(lambda one: random.normal(one, (3, 8)) * 0.1)(keys))

    return lax.scan(outer, 0, random.split(key, (2, 3)))[1]


def scaled_elsewhere(key: Any) -> Any:
    """Products and sums of elements that were moved, which XLA may compute before it moves them."""
    x, y = random.normal(key, (48, 32)), random.uniform(key, (48, 32)) * 0.3
    row, half = random.normal(key, (1, 32)), random.uniform(key, (48, 32), "float16", -0.5, 1.25)
    wide = numpy.broadcast_to(x, (3, 48, 32))
    products = [
        one * 0.02
        for one in (x.reshape(-1), x.T, numpy.flip(x), wide, numpy.tile(x, (2, 1)), x[:, None],
                    x[1:], x[::2], row[::2], numpy.stack([x, y]), numpy.concatenate([x, y]),
                    numpy.flip(x.T), numpy.flip(numpy.flip(x)), numpy.flip(wide), numpy.flip(x).T)
    ]  # fmt: skip
    sums = [y.T + 1, y[1:] + 1, y.T - x.T, x.T * 1.0 + 1, 1.0 * y[1:] + 0.3, -x.T + 0.3,
            1 - numpy.flip(x), -numpy.concatenate([x, numpy.zeros((2, 32))]),
            numpy.concatenate([numpy.maximum(x, 0), numpy.zeros((2, 32))]) + 1]  # fmt: skip
    return [*products, *sums, 0.02 * x.T, x.T / 0.7, (half + 1) * 0.02 * 0.3,
            -((y + 1) * 0.3) * 0.7, x[:32] * y[:32].T - 0.5]  # fmt: skip


def numbers_alone(key: Any) -> Any:
    """Drawn numbers, of which one in four shows in its last bit what was rounded."""
    first, second = random.normal(key, ()), random.truncated_normal(key, -2.0, 2.0, ())
    return [first / 3, first.reshape(1) * 0.02, -second * 1e-6 / 0.02, 0.3 * second * 0.7]


def test_drawn_numbers_are_scaled_as_xla_scales_them() -> None:
    def scaled(key: Any, x: Any) -> Any:
        return [*(each * x for each in numbers_alone(key)), abs(random.normal(key, ())) * x * 0.02]

    handed = jax.jit(scaled)
    for compiled, function in ((True, numbers_alone), (False, lambda key: handed(key, 0.3))):
        made = recorded(function, compiled=compiled)
        reference = jax.jit(function) if compiled else function
        for seed in range(50):
            for (path, array), want in zip(
                recipe.replay(made, seed).items(), reference(random.key(seed)), strict=True
            ):
                agree(array, np.asarray(want), f"{path}, seed {seed}", exact=EVERY_BIT)


def test_a_long_chain_of_moves_is_recorded() -> None:
    def chain(key: Any) -> Any:
        x = random.normal(key, (3, 5))
        for _ in range(300):
            x = numpy.flip(x.T, 0)
        return x

    compare(chain, compiled=True)


PROGRAMS = {
    each.__name__: each
    for each in (
        mixture, chained_keys, indexed_keys, backwards, rearranged, initialized, shifted, nested,
        scaled_elsewhere,
    )
}  # fmt: skip


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_hand_written_init_is_replayed_bit_for_bit(name: str, compiled: bool) -> None:
    compare(PROGRAMS[name], compiled=compiled)


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("partitionable", [False, True])
def test_the_configuration_of_jax_is_recorded(x64: bool, partitionable: bool) -> None:
    def init(key: Any) -> Any:
        keys = random.split(key, 3)
        return [random.uniform(keys[1], (7, 9)), random.randint, numpy.arange(3)]

    with jax.enable_x64(x64), jax.threefry_partitionable(partitionable):
        made = recorded(init, key=random.key(2**40 + 5))
        want = init(random.key(2**40 + 5))
    got = recipe.replay(made, 2**40 + 5)
    assert got["0"].dtype == ("float64" if x64 else "float32")
    assert got["0"].tobytes() == np.asarray(want[0]).tobytes()
    assert got["2"].dtype == want[2].dtype


def filled(key: Any) -> list[Any]:
    """Arrays that are one drawn number throughout, made by a constant array."""
    x, y = random.normal(key, ()), random.uniform(random.fold_in(key, 1), ())
    ones, part = numpy.ones((64,)), numpy.full((8, 8), 0.3)
    return [x * ones, part * x, part / (x + y), x * 1.7 / part, y + part, part - y * 3,
            numpy.maximum(x, part), numpy.where(x > y, ones, 0.3)]  # fmt: skip


def test_a_drawn_number_and_a_constant_array_are_an_array() -> None:
    made = recorded(filled)
    for seed in range(20):
        for (path, array), want in zip(
            recipe.replay(made, seed).items(), filled(random.key(seed)), strict=True
        ):
            agree(array, np.asarray(want), f"{path}, seed {seed}", exact=EVERY_BIT)


def test_in_compiled_code_such_an_array_is_refused_by_name() -> None:
    for function in (lambda key: filled(key)[0], lambda key: filled(key)[5]):
        with pytest.raises(NotImplementedError, match=r"float32\[\].* in compiled code, a drawn"):
            recipe.record(function, compiled=True)


def test_a_key_that_is_not_the_argument_is_drawn_from() -> None:
    fixed = random.key(9)

    def init(key: Any) -> Any:
        return random.normal(fixed, (5000, 8)), random.uniform(random.key(1), (8,)), key

    made = compare(init)
    assert len(recipe.dumps(made)) < 2000


def test_dead_code_is_not_recorded() -> None:
    def init(key: Any) -> Any:
        w = random.normal(key, (8, 8))
        y = lax.while_loop(lambda x: x.sum() < 0, lambda x: numpy.exp(x) @ w, w)
        return {"w": w, "n": numpy.zeros((3,), numpy.int32)}, print and None if y is None else []

    assert {one.name for one in compare(init).program} == {"draw", "constant"}


def test_a_constant_is_one_number_however_large_it_is() -> None:
    made = compare(lambda key: (numpy.zeros((3000, 3000)), numpy.ones((4096,)) * 0.3))
    assert len(recipe.dumps(made)) < 1000


def test_leaves_of_the_same_name_are_numbered() -> None:
    tree = {1: {"a": numpy.ones(2)}, "1": {"a": numpy.zeros(2)}}
    made = recorded(lambda key: [tree[1], tree["1"], {"0/a": numpy.ones(3)}])
    assert [one.path for one in made.outputs] == ["0/a", "1/a", "2/0/a"]


@hypothesis.settings(
    max_examples=40, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)
@hypothesis.example(  # a constant array by a number
    (
        "leaf",
        0,
        {"kind": "ones", "shape": (2,), "dtype": "float32"},
        [("over", 0.02), ("over", -1.7)],
    ),
    False,
)
@hypothesis.example(  # a factor on either side of a reshape
    (
        "folded",
        (
            "leaf",
            0,
            {"kind": "normal", "shape": (), "dtype": "float32"},
            [("flat",), ("times", 0.02)],
        ),
        3,
    ),
    True,
)
@hypothesis.given(programs, hypothesis.strategies.booleans())
def test_a_drawn_init_is_replayed_bit_for_bit(program: Any, compiled: bool) -> None:
    made = recipe.record(
        lambda key: carried_out(program, key), 3, compiled=compiled, verify=EVERY_BIT
    )
    assert recipe.loads(recipe.dumps(made)).outputs == made.outputs
