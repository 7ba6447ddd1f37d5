"""fan_in and fan_out against the installed JAX's own function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import varscale

from .cases import random_cases, shapes
from .compare import command
from .oracle import VERSION

from hypothesis import assume, example, given  # isort: skip
from hypothesis import strategies as st  # isort: skip

from jax._src.nn.initializers import _compute_fans  # isort: skip

AXIS = st.integers(-6, 5)
AXES = AXIS | st.lists(AXIS, max_size=3).map(tuple) | st.lists(AXIS, max_size=2)


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return type(error)


@random_cases(max_examples=500)
@given(shape=shapes(), in_axis=AXES, out_axis=AXES, batch_axis=AXES)
@example(shape=(3, 3, 16, 32), in_axis=-2, out_axis=-1, batch_axis=())
@example(shape=(7,), in_axis=-2, out_axis=-1, batch_axis=())
@example(shape=(7,), in_axis=0, out_axis=(), batch_axis=())
@example(shape=(), in_axis=(), out_axis=(), batch_axis=())
@example(shape=(0, 4), in_axis=-2, out_axis=-1, batch_axis=())
@example(shape=(2, 3, 4, 5), in_axis=(0, 1), out_axis=[3], batch_axis=2)
def test_fans_and_errors_are_those_of_jax(
    shape: tuple[int, ...], in_axis: Any, out_axis: Any, batch_axis: Any
) -> None:
    want = outcome(lambda: _compute_fans(shape, in_axis, out_axis, batch_axis))
    # Older versions refuse more than the newest: rank 1, and zero-sized axes.
    assume(not (VERSION < (0, 10) and len(shape) <= 1))
    assume(want is not ZeroDivisionError)
    got = outcome(lambda: varscale.compute_fans(shape, in_axis, out_axis, batch_axis))
    case = f"compute_fans({shape}, {in_axis}, {out_axis}, {batch_axis})"
    message = f"{case}: got {got}, expected {want}; repeat with {command()}"
    if isinstance(want, tuple) and VERSION < (0, 11):
        # Divided one by one there, all at once now: an axis that counts twice may round otherwise.
        assert got == pytest.approx(want, rel=1e-15), message
    else:
        assert got == want, message


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (3, 0, 4), (0, 0)])
def test_zero_sized_axes_have_fans_of_zero_as_in_the_newest_jax(shape: tuple[int, ...]) -> None:
    if VERSION >= (0, 11):
        assert varscale.compute_fans(shape) == _compute_fans(shape)
    assert varscale.compute_fans(shape) == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            ((7,),),
            ValueError,
            "in_axis must be given for a weights array of rank 1: with its default, the shape "
            "must be at least 2-D, got (7,)",
        ),
        (((2, 3), 2), IndexError, "in_axis 2 is out of range for shape (2, 3)"),
        (((2, 3), -2, (0, -3)), IndexError, "out_axis (0, -3) is out of range for shape (2, 3)"),
        (((2, 3), -2, -1, 5), IndexError, "batch_axis 5 is out of range for shape (2, 3)"),
    ],
    ids=["rank 1", "in_axis", "out_axis", "batch_axis"],
)
def test_the_message_names_the_argument(arguments: Any, error: Any, message: str) -> None:
    with pytest.raises(error) as raised:
        varscale.compute_fans(*arguments)
    assert str(raised.value) == message
