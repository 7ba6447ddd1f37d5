"""`Rngs` and `RngStream`: the same calls to varscale's and to the installed Flax's."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from tests.core.cases import random_cases
from tests.core.compare import assert_identical, command
from tests.core.oracle import EXACT, configured, jax

pytest.importorskip("flax", reason="not installed: pip install flax")

from flax import nnx

import varscale
from varscale.nnx import Rngs, RngStream

from hypothesis import example, given  # isort: skip
from hypothesis import strategies as st  # isort: skip

NAMES = ("params", "dropout", "carry", "default")
SIZE = 3


def words(key: Any) -> Any:
    """Words of a key of either library, as a uint32 array; of several, stacked."""
    if isinstance(key, tuple):
        return np.stack([words(one) for one in key])
    return np.array(key.words if isinstance(key, varscale.Key) else jax.random.key_data(key))


def check(got: Any, want: Any, case: Any) -> None:
    got, want = words(got), words(want)
    assert np.array_equal(got, want), f"{case}: {got}, Flax {want}; repeat with {command()}"


# Programs as data: what to make, and what to do with it, one step after the other.

#: What is given to Rngs: seeds by position, by name, or as a mapping.
SEED = st.integers(0, 2**32 - 1)
MAPPED = st.dictionaries(st.sampled_from(NAMES), SEED, min_size=1)
NAMED = st.dictionaries(st.sampled_from(NAMES[:3]), SEED)
STARTS = st.one_of(
    st.tuples(st.just(()), MAPPED),
    st.tuples(st.tuples(SEED), NAMED),
    st.tuples(st.tuples(MAPPED), NAMED),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("attribute", "item", "call", "fork", "fork one", "copy", "split")),
        st.sampled_from((*NAMES, "other")),
    ),
    max_size=12,
)


def run(rngs: Any, steps: list[tuple[str, str]], make: Any) -> list[Any]:
    """What a program draws, of either library: keys, types of errors, and at the end all names."""
    drawn: list[Any] = []
    for step, name in steps:
        try:
            if step == "attribute":
                drawn.append(getattr(rngs, name)())
            elif step == "item":
                drawn.append(rngs[name]())
            elif step == "call":
                drawn.append(rngs())
            elif step == "fork":
                rngs = rngs.fork()
            elif step == "fork one":
                rngs = make(params=rngs[name].fork(), dropout=7)
            elif step == "copy":
                rngs = make(rngs[name], carry=rngs[name])  # keeps the key, and not the count
            else:
                rngs, keys = sliced(rngs, name)
                drawn.append(keys)
        except (AttributeError, KeyError) as error:
            drawn.append((type(error), str(error)))
    return [*drawn, list(rngs), len(rngs), [name in rngs for name in NAMES]]


def sliced(rngs: Any, name: str) -> tuple[Any, Any]:
    """The last slice of a split, and two keys that each slice draws of a stream."""
    if isinstance(rngs, Rngs):
        slices = rngs.split(SIZE)
        return slices[-1], tuple(each[name]() for each in slices for _ in range(2))
    split = rngs.split(SIZE)
    slices = [
        nnx.Rngs(**{tag: stream.key[...][index] for tag, stream in split.items()})
        for index in range(SIZE)
    ]
    return slices[-1], tuple(each[name]() for each in slices for _ in range(2))


@random_cases(max_examples=40)
@example(start=(({"default": 0},), {"params": 0}), steps=[("fork", "params")])
@example(start=(({"default": 0},), {"params": 0}), steps=[("split", "params")])
@given(start=STARTS, steps=STEPS)
def test_programs_draw_what_flax_draws(start: Any, steps: list[tuple[str, str]]) -> None:
    positional, named = start
    got = run(Rngs(*positional, **named), steps, Rngs)
    want = run(nnx.Rngs(*positional, **named), steps, nnx.Rngs)
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        if isinstance(other, list | int) or (isinstance(other, tuple) and type in map(type, other)):
            assert one == other, f"{start}, {steps}: {one}, Flax {other}; repeat with {command()}"
        else:
            check(one, other, (start, steps))


# Keys that a user has already


@pytest.mark.parametrize("legacy", [False, True], ids=["typed", "raw"])
def test_a_key_of_jax_is_a_seed(legacy: bool) -> None:
    key = jax.random.PRNGKey(7) if legacy else jax.random.key(7)
    ours, theirs = Rngs(key, params=key), nnx.Rngs(key, params=key)
    for name in ("params", "dropout"):
        check(ours[name](), theirs[name](), name)


def test_a_key_of_varscale_is_a_seed() -> None:
    want = nnx.Rngs(jax.random.split(jax.random.key(3))[1])()
    check(Rngs(varscale.split(3)[1]).params(), want, "second key of a split")


def test_legacy_splits_follow_the_key() -> None:
    with configured(partitionable=False):
        want = nnx.Rngs(5).split(SIZE).default.key[...]
    slices = Rngs(varscale.key(5, partitionable=False)).split(SIZE)
    check(tuple(each.default.key for each in slices), want, "legacy")


# Modules


class Recorder(nnx.Module):
    """A module that keeps the keys that it draws, as a layer and a dropout would."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.kernel = nnx.Param(jax.random.key_data(rngs.params()))
        self.dropout = rngs.dropout.fork()
        self.bias = nnx.Param(jax.random.key_data(rngs.params()))


def recorded(rngs: Rngs) -> tuple[Any, Any]:
    kernel = rngs.params()
    rngs.dropout.fork()
    return kernel, rngs.params()


@pytest.mark.parametrize("seeds", [{"default": 4}, {"params": 4, "dropout": 5}], ids=str)
def test_layers_made_by_vmap_draw_from_split_streams(seeds: dict[str, int]) -> None:
    theirs, ours = nnx.Rngs(seeds), Rngs(seeds)
    for rngs in (theirs, ours):
        rngs.params()

    @nnx.split_rngs(splits=SIZE)
    @nnx.vmap(in_axes=0, out_axes=0)
    def make(rngs: nnx.Rngs) -> Recorder:
        return Recorder(rngs)

    layers = make(theirs)
    kernels, biases = zip(*map(recorded, ours.split(SIZE)), strict=True)
    check(kernels, jax.random.wrap_key_data(layers.kernel[...]), "kernel")
    check(biases, jax.random.wrap_key_data(layers.bias[...]), "bias")
    check(ours.params(), theirs.params(), "after the layers")


@pytest.mark.parametrize(
    "sizes",
    [
        {"params": SIZE},
        {"params": SIZE, "dropout": None},
        {"dropout": None, ...: SIZE},
        {...: SIZE, "dropout": None},
        {"params": None, "carry": SIZE, ...: SIZE},
    ],
    ids=str,
)
def test_streams_that_are_not_split_start_anew(sizes: Any) -> None:
    seeds = {"params": 1, "dropout": 2, "carry": 3}
    ours, theirs = Rngs(**seeds), nnx.Rngs(**seeds)
    for rngs in (ours, theirs):
        for name in ("dropout", "carry", "carry"):
            rngs[name]()
    slices, split = ours.split(sizes), theirs.split(sizes)
    assert len(slices) == SIZE
    for index, each in enumerate(slices):
        assert list(each) == list(split)
        for name, stream in split.items():
            key, count = stream.key[...], stream.count[...]
            key, count = (key[index], count[index]) if key.ndim else (key, count)
            check(each[name].key, key, (sizes, name))
            assert each[name].count == int(count), (sizes, name)
    for name in seeds:
        assert ours[name].count == int(theirs[name].count[...])


def test_a_fork_that_splits_is_a_split() -> None:
    theirs = nnx.Rngs(9)
    with pytest.warns(DeprecationWarning, match="split"):
        want = theirs.fork(split=SIZE).default.key[...]
    ours = Rngs(9)
    check(tuple(each.default.key for each in ours.split(SIZE)), want, "fork(split=)")
    check(ours(), theirs(), "afterwards")


def test_a_stream_alone_draws_forks_and_splits() -> None:
    ours, theirs = RngStream(2, tag="params"), nnx.RngStream(2, tag="params")
    for case in range(2):
        check(ours(), theirs(), case)
        check(ours.fork()(), theirs.fork()(), case)
        check(tuple(each.key for each in ours.split(SIZE)), theirs.split(SIZE).key[...], case)
    assert (ours.tag, ours.count) == (theirs.tag, int(theirs.count[...]))


def test_copies_draw_on_from_the_same_count() -> None:
    rngs = Rngs(0)
    rngs()
    copies = [copy.deepcopy(rngs), pickle.loads(pickle.dumps(rngs))]
    expected = rngs()
    assert [each() for each in copies] == [expected, expected]


def test_names_and_streams_are_listed_in_order() -> None:
    ours, theirs = Rngs(0, b=1, a=2), nnx.Rngs(0, b=1, a=2)
    assert [name for name, _ in ours.items()] == [name for name, _ in theirs.items()] == [*ours]


def test_linear_layers_are_drawn_as_nnx_draws_them() -> None:
    if not EXACT:
        pytest.skip("not available: jax>=0.10")
    rngs, ours = nnx.Rngs(0), Rngs(0)
    init = varscale.numpy.lecun_normal()
    for sizes in ((2, 3), (3, 4)):
        kernel = init(ours.params(), sizes)
        ours.params()  # a bias draws a key too
        assert_identical(kernel, nnx.Linear(*sizes, rngs=rngs).kernel[...], f"Linear{sizes}")
