"""The subjects that claim JAX's bits: JAX itself and varscale's doors."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.core.compare import assert_identical
from varscale.conformance.specs import Spec, of_layer
from varscale.conformance.subject import Subject, find_subject

from .subjects import BITS, FEW, KEY, SHAPES, SLOWEST, core, drawn, loaded


@pytest.fixture(params=BITS, scope="module")
def subject(request: pytest.FixtureRequest) -> Subject:
    return loaded(request.param)


@functools.cache
def jaxs(spec: Spec, dtype: str) -> np.ndarray[Any, Any]:
    """The installed JAX's own value, eager."""
    from tests.core.oracle import configured, jax

    assert spec.initializer == "variance_scaling"
    laws = spec.scale, spec.mode, spec.distribution
    with configured(x64=dtype in ("float64", "complex128")):
        init = jax.nn.initializers.variance_scaling(
            *laws, spec.in_axis, spec.out_axis, spec.batch_axis
        )
        return np.asarray(init(jax.random.key(11), SHAPES[spec.layer], dtype))


def test_claimed_bits_are_those_of_jax(subject: Subject) -> None:
    pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
    from tests.core.oracle import EAGER, EXACT

    if not EXACT:
        pytest.skip("not available: jax>=0.10")
    for layer, mode, law, dtype in FEW[:5] if subject.name in SLOWEST else FEW:
        spec = of_layer(layer, mode, law, 2.0)
        if subject.name in SLOWEST and dtype != "float32":
            continue  # JAX 0.10's jit has forms that varscale has not; and a test below
        if subject.name in SLOWEST and law == "normal":
            spec = replace(spec, compiled=True)  # the eager form is another test's
            want = core(spec, SHAPES[layer])
        else:
            want, spec = jaxs(spec, dtype), replace(spec, compiled=EAGER)
        got = drawn(subject, spec, SHAPES[layer], dtype)
        assert_identical(got, want, f"{layer}/{spec.name}/{dtype}")


def test_claimed_bits_are_those_of_varscale_in_every_form(subject: Subject) -> None:
    forms: tuple[bool | None, ...] = (None, True, False)
    if subject.name.startswith("jax"):  # it has one
        from tests.core.oracle import EAGER, EXACT

        if not EXACT:
            pytest.skip("not available: jax>=0.10")
        forms = (True if subject.name == "jax.jit" else EAGER,)
    elif subject.name in SLOWEST:
        forms = (None,)
    for name in (
        ("normal",) if subject.name in SLOWEST else ("normal", "truncated_normal", "uniform")
    ):
        for form in forms:
            spec, shape = Spec(name, 0.3, compiled=form), SHAPES["dense"]  # no power of 2
            want = core(spec, shape)
            assert_identical(drawn(subject, spec, shape), want, f"{name}, compiled={form}")
    old = replace(KEY, partitionable=False)
    want = core(spec, shape, key=old)
    assert_identical(drawn(subject, spec, shape, key=old), want, "the older order of bits")


@pytest.mark.parametrize(
    ("spec", "dtype"),
    [
        (Spec("normal", 0.3, compiled=False), "float32"),
        (of_layer("dense", "fan_in", "truncated_normal", 2.0), "complex64"),
    ],
)
def test_a_graph_has_the_same_bits_as_eager_code(spec: Spec, dtype: str) -> None:
    pytest.importorskip("tensorflow", reason="not installed: pip install varscale[tensorflow]")
    shape = SHAPES["dense"]
    want = core(spec, shape, dtype)
    got = drawn(find_subject("varscale.tensorflow.function"), spec, shape, dtype)
    assert_identical(got, want, f"{spec.name}/{dtype}")
