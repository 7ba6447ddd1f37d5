"""Errors: JAX's types, sentences that name the argument, and tensors left as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import varscale
from tests.torch.tensors import SENTINEL, torch
from varscale import torch as door

NO_KEY = (
    "key must be given, got None: varscale keeps no global state to draw from; pass an integer "
    "seed or varscale.key(seed)"
)
FLOATS = (
    "float16, float32, float64, bfloat16, float8_e3m4, float8_e4m3, float8_e4m3b11fnuz, "
    "float8_e4m3fn, float8_e4m3fnuz, float8_e5m2, float8_e5m2fnuz"
)

#: What every door of the family and jax.nn.initializers are called with; then the error.
SHARED: dict[str, tuple[Callable[[Any], Any], type[Exception]]] = {
    "unknown mode": (
        lambda f: f.variance_scaling(1.0, "fan_inn", "normal")(KEY, (3, 4)), ValueError,
    ),
    "unknown distribution": (
        lambda f: f.variance_scaling(1.0, "fan_in", "gaussian")(KEY, (3, 4)), ValueError,
    ),
    "rank 0": (lambda f: f.lecun_normal()(KEY, ()), ValueError),
    "rank 1": (lambda f: f.lecun_normal()(KEY, (3,)), ValueError),
    "in_axis": (lambda f: f.lecun_normal(in_axis=2)(KEY, (3, 4)), IndexError),
    "out_axis": (lambda f: f.lecun_normal(out_axis=-3)(KEY, (3, 4)), IndexError),
    "batch_axis": (lambda f: f.lecun_normal(batch_axis=(0, 5))(KEY, (3, 4)), IndexError),
    "float axis": (lambda f: f.lecun_normal(in_axis=0.0)(KEY, (3, 4)), TypeError),
    "integer dtype": (lambda f: f.lecun_normal()(KEY, (3, 4), "int32"), ValueError),
    "no dtype": (lambda f: f.lecun_normal()(KEY, (3, 4), "float33"), TypeError),
    "float shape": (lambda f: f.normal()(KEY, (3.0, 4)), TypeError),
    "no shape": (lambda f: f.normal()(KEY, None), TypeError),
    "orthogonal of rank 1": (lambda f: f.orthogonal()(KEY, (3,)), ValueError),
    "orthogonal bfloat16": (lambda f: f.orthogonal()(KEY, (3, 4), "bfloat16"), NotImplementedError),
    "delta_orthogonal of rank 2": (lambda f: f.delta_orthogonal()(KEY, (3, 4)), ValueError),
    "delta_orthogonal, too wide": (lambda f: f.delta_orthogonal()(KEY, (3, 4, 3)), ValueError),
    "no key": (lambda f: f.normal()(None, (3, 4)), TypeError),
    "float key": (lambda f: f.normal()(0.5, (3, 4)), TypeError),
    "key of text": (lambda f: f.normal()("0", (3, 4)), TypeError),
    "no initializer": (lambda f: f.variance_scaling(), TypeError),
}  # fmt: skip
KEY: Any = np.array([0, 0], np.uint32)


@pytest.mark.parametrize("case", SHARED)
def test_the_error_is_that_of_jax(case: str) -> None:
    call, error = SHARED[case]
    jax = pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
    with pytest.raises(error) as theirs:
        call(jax.nn.initializers)
    with pytest.raises(error) as ours:
        call(door)
    assert ours.type is theirs.type


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda w: door.lecun_normal_(w), TypeError, NO_KEY),
        (lambda w: door.orthogonal_(w), TypeError, NO_KEY),
        (lambda w: door.normal()(None, (3, 4), out=w), TypeError, NO_KEY),
        (lambda w: door.uniform_(w, key=0.5), TypeError,
         "key must be a varscale key, an integer seed, a uint32 array of shape (2,) or a jax key, "
         "got float 0.5"),
        (lambda w: door.uniform_(w, key=torch.Generator()), TypeError,
         "key must be a varscale key, an integer seed, a uint32 array of shape (2,) or a jax key, "
         "got Generator"),
        (lambda w: door.variance_scaling_(w, 1.0, "fan_inn", "normal", key=0), ValueError,
         "mode must be 'fan_in', 'fan_out', 'fan_avg' or 'fan_geo_avg', got 'fan_inn'"),
        (lambda w: door.variance_scaling_(w, 1.0, "fan_in", "gauss", key=0), ValueError,
         "distribution must be 'truncated_normal', 'normal' or 'uniform', got 'gauss'"),
        (lambda w: door.variance_scaling_(w, -1.0, "fan_in", "normal", key=0), ValueError,
         "scale must be >= 0, got -1.0"),
        (lambda w: door.variance_scaling_(w, "1", "fan_in", "normal", key=0), TypeError,
         "scale must be a real number, got '1'"),
        (lambda w: door.lecun_normal_(w, 0, key=0), ValueError,
         "in_axis takes the axis that out_axis is by default, (out, in, *spatial); give both "
         "(a key is given by its name, key=0)"),
        (lambda w: door.lecun_normal_(w, in_axis=2, key=0), IndexError,
         "in_axis 2 is out of range for a tensor of 2 axes"),
        (lambda w: door.lecun_normal_(w, out_axis=-3, key=0), IndexError,
         "out_axis -3 is out of range for a tensor of 2 axes"),
        (lambda w: door.lecun_normal_(w, batch_axis=(0, 5), key=0), IndexError,
         "batch_axis (0, 5) is out of range for a tensor of 2 axes"),
        (lambda w: door.lecun_normal_(w[0], key=0), ValueError,
         "tensor must be at least 2-D, (out, in, *spatial), or in_axis be given; got shape (4,)"),
        (lambda w: door.orthogonal_(w[0], key=0), ValueError,
         "tensor must be at least 2-D for orthogonal_, got (4,)"),
        (lambda w: door.delta_orthogonal_(w, key=0), ValueError,
         "shape must be 3-D, 4-D or 5-D for delta_orthogonal, got (4, 3)"),
        (lambda w: door.delta_orthogonal_(w.view(3, 4, 1), key=0), ValueError,
         "shape must have fan_in <= fan_out (its last two axes), got (4, 3)"),
        (lambda w: door.lecun_normal_(w, key=0, layout=varscale.Layout("OIHW")), ValueError,
         "Layout('OIHW', of='OIHW') is a layout of 4 axes, got shape (3, 4)"),
        (lambda w: door.truncated_normal_(w, lower=2.0, upper=-2.0, key=0), ValueError,
         "lower must be below upper, got 2.0 and -2.0"),
        (lambda w: door.constant_(w, "x"), TypeError,
         "value must be a number or an array, got 'x'"),
        (lambda w: door.constant_(w, 1j), TypeError,
         "value must be real for dtype float32, got 1j"),
        (lambda w: door.lecun_normal()(0, (3, 4), torch.int32), ValueError,
         f"dtype must be one of {FLOATS}"),
        (lambda w: door.lecun_normal()(0, (3, -4), out=w), TypeError,
         "shape must not have negative sizes, got (3, -4)"),
        (lambda w: door.lecun_normal()(0, (3.0, 4), out=w), TypeError,
         "shape must be a sequence of integers, got (3.0, 4)"),
        (lambda w: door.orthogonal()(0, (3, 4), torch.bfloat16), NotImplementedError,
         "dtype must be one of float32, float64"),
    ],
)  # fmt: skip
def test_the_message_names_the_argument_and_nothing_is_written(
    call: Callable[[Any], Any], error: type[Exception], message: str
) -> None:
    tensor = torch.full((3, 4), SENTINEL)
    with pytest.raises(error) as raised:
        call(tensor)
    # What follows the message is a list of dtypes, or a description by torch.
    assert str(raised.value).startswith(message)
    assert bool((tensor == SENTINEL).all())


def test_a_column_axis_out_of_range_is_named() -> None:
    with pytest.raises(IndexError, match="column_axis"):
        door.orthogonal_(torch.empty(3, 4), column_axis=2, key=0)


def test_an_array_that_does_not_broadcast_is_refused_and_nothing_is_written() -> None:
    tensor = torch.full((3, 4), SENTINEL)
    with pytest.raises(ValueError, match="broadcast"):
        door.constant_(tensor, np.zeros(5))
    assert bool((tensor == SENTINEL).all())
