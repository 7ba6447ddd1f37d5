"""Calls of the family as data, so that JAX and a door can make the same one; and random ones.

Importing this skips the importing module where JAX is not installed, or draws other values.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.cases import WORDS, shapes
from tests.core.oracle import EAGER, EXACT, configured, is_reference, jax

if not EXACT:
    pytest.skip("not available: jax>=0.10", allow_module_level=True)

from hypothesis import strategies as st  # isort: skip

__all__ = ["DTYPES", "FAN_NAMES", "PLAIN_NAMES", "SHAPES", "Call", "axes", "calls", "fan_calls"]

DTYPES = ("float16", "bfloat16", "float32", "float64")

#: Factories whose arguments are axes.
FAN_NAMES = (
    *(
        f"{author}_{distribution}"
        for author in ("glorot", "xavier", "lecun", "he", "kaiming")
        for distribution in ("uniform", "normal")
    ),
    "variance_scaling",
)
#: Factories that look at no axes, and draw what any shape asks for.
PLAIN_NAMES = ("constant", "normal", "truncated_normal", "uniform")

#: Most cases use these, each of which JAX compiles once; the others are of any shape.
SHAPES = ((5,), (4, 6), (2, 3, 4, 5), (2, 1, 3, 4, 2))

#: Those whose values JAX has several roundings of.
_COMPILED = frozenset(FAN_NAMES) | {"normal", "truncated_normal", "orthogonal", "delta_orthogonal"}


@dataclass(frozen=True)
class Call:
    """A factory's name and arguments, and what its initializer is called with."""

    name: str
    arguments: tuple[tuple[str, Any], ...]
    shape: tuple[int, ...]
    dtype: str = "float32"
    words: tuple[int, int] = (0, 0)
    partitionable: bool = True

    @property
    def options(self) -> dict[str, Any]:
        """The factory's arguments for varscale, which must know JAX's version."""
        return dict(self.arguments) | ({"compiled": EAGER} if self.name in _COMPILED else {})

    @property
    def exact(self) -> bool:
        """Whether the installed JAX's values of this call are the reference, bit for bit."""
        distribution = dict(self.arguments).get("distribution", self.name)
        return is_reference(self.shape, self.dtype, distribution)

    @property
    def key(self) -> varscale.Key:
        return varscale.Key(self.words, partitionable=self.partitionable)

    def of_jax(self) -> np.ndarray[Any, Any]:
        """What JAX draws."""
        wide = configured(x64=self.dtype == "float64", partitionable=self.partitionable)
        # JAX warns where a constant overflows a short dtype.
        with wide, np.errstate(over="ignore"):
            key = jax.random.wrap_key_data(jax.numpy.array(self.words, "uint32"))
            init = getattr(jax.nn.initializers, self.name)(**dict(self.arguments))
            return np.asarray(init(key, self.shape, self.dtype))

    def of(self, door: ModuleType, **how: Any) -> Any:
        """What a door of varscale draws."""
        init = getattr(door, self.name)(**self.options)
        return init(self.key, self.shape, self.dtype, **how)


def _mostly_known(
    others: st.SearchStrategy[tuple[int, ...]],
) -> st.SearchStrategy[tuple[int, ...]]:
    known = st.sampled_from(SHAPES)
    return st.integers(0, 4).flatmap(lambda die: known if die else others)


@st.composite
def axes(draw: st.DrawFn, rank: int) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Disjoint in, out and batch axes of an array, and some that are none of these."""
    order = draw(st.permutations(range(rank)))
    cuts = sorted(draw(st.lists(st.integers(1, rank), min_size=3, max_size=3)))
    return tuple(order[: cuts[0]]), tuple(order[cuts[0] : cuts[1]]), tuple(order[cuts[1] : cuts[2]])


@st.composite
def _spelled(draw: st.DrawFn, chosen: tuple[int, ...], rank: int) -> Any:
    """The same axes as a person may write them: from the end, as a list, or as one number."""
    written = [axis - rank if draw(st.booleans()) else axis for axis in chosen]
    if len(written) == 1 and draw(st.booleans()):
        return written[0]
    return draw(st.sampled_from((tuple, list)))(written)


@st.composite
def fan_calls(draw: st.DrawFn, *, dtypes: tuple[str, ...] = DTYPES) -> Call:
    """Calls of the initializers that look at axes."""
    shape = draw(_mostly_known(shapes(min_dims=1, min_side=1, max_size=100)))
    rank = len(shape)
    name = draw(st.sampled_from(FAN_NAMES) | st.just("variance_scaling"))
    arguments: dict[str, Any] = {}
    if name == "variance_scaling":
        arguments["scale"] = draw(st.sampled_from((1.0, 2, 0.0)) | st.floats(1e-6, 1e6))
        arguments["mode"] = draw(st.sampled_from(("fan_in", "fan_out", "fan_avg", "fan_geo_avg")))
        arguments["distribution"] = draw(st.sampled_from(("truncated_normal", "normal", "uniform")))
    if rank < 2 or draw(st.booleans()):
        chosen = draw(axes(rank))
        for key, value in zip(("in_axis", "out_axis", "batch_axis"), chosen, strict=True):
            arguments[key] = draw(_spelled(value, rank))
        if rank < 2 and arguments["in_axis"] == -2:
            arguments["in_axis"] = 0
    return _with_key(draw, name, arguments, shape, dtypes)


@st.composite
def _plain_calls(draw: st.DrawFn, *, dtypes: tuple[str, ...] = DTYPES) -> Call:
    """Calls of the initializers that look at no axes."""
    shape = draw(_mostly_known(shapes(max_size=100)))
    name = draw(st.sampled_from(PLAIN_NAMES))
    number = st.floats(-4, 4).map(lambda x: x if abs(x) > 1e-3 else 0.0)
    arguments: dict[str, Any] = {}
    if name == "constant":
        arguments["value"] = draw(number | st.integers(-3, 3))
    elif draw(st.booleans()):
        arguments["scale" if name == "uniform" else "stddev"] = draw(number)
    if name == "truncated_normal" and draw(st.booleans()):
        lower = draw(st.floats(-3, 1.5))
        arguments |= {"lower": lower, "upper": lower + draw(st.floats(0.5, 3))}
    return _with_key(draw, name, arguments, shape, dtypes)


def calls(*, dtypes: tuple[str, ...] = DTYPES) -> st.SearchStrategy[Call]:
    """Calls of every factory but the orthogonal ones."""
    return fan_calls(dtypes=dtypes) | _plain_calls(dtypes=dtypes)


def _with_key(
    draw: st.DrawFn,
    name: str,
    arguments: dict[str, Any],
    shape: tuple[int, ...],
    dtypes: tuple[str, ...],
) -> Call:
    """The call, with a random dtype, key and order of its bits."""
    return Call(
        name,
        tuple(arguments.items()),
        shape,
        draw(st.sampled_from(dtypes)),
        draw(WORDS),
        draw(st.sampled_from((True, True, False))),
    )
