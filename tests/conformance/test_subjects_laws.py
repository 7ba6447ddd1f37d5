"""The subjects of other libraries: the scale, bounds and fans that each library has.

What a library does otherwise than JAX is written down here as it was read in its source, so that a
subject that no longer shows it is seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from varscale.conformance.layers import LAYERS
from varscale.conformance.specs import TRUNCATED_STDDEV, Spec, of_layer
from varscale.conformance.subject import NotOffered, Subject

from .subjects import DISTRIBUTIONS, LAW, MODES, SHAPES, drawn, is_offered, loaded


@pytest.fixture(params=LAW, scope="module")
def subject(request: pytest.FixtureRequest) -> Subject:
    return loaded(request.param)


def leak(subject: Subject) -> float:
    """The fraction of truncated samples that may lie outside the bounds.

    Keras on torch takes the first of four normal samples that is within them, or else the first:
    0.0455**4 of all, one in 230 thousand.
    """
    if subject.name != "keras.initializers":
        return 0.0
    import keras

    return 1e-3 if keras.backend.backend() == "torch" else 0.0


@pytest.mark.parametrize("law", DISTRIBUTIONS)
def test_the_standard_deviation_and_the_bounds_are_the_laws(subject: Subject, law: Any) -> None:
    spec, shape = of_layer("dense", "fan_in", law, 2.0), SHAPES["dense"]
    z = drawn(subject, spec, shape).astype(np.float64) / math.sqrt(spec.variance(shape))
    # Its bounds are absolute, and so far out that nothing is truncated.
    bare = law == "truncated_normal" and subject.name == "torch.nn.init"
    assert z.std() == pytest.approx(1 / TRUNCATED_STDDEV if bare else 1, rel=0.03)
    assert abs(z.mean()) < 0.04
    reach = {"uniform": math.sqrt(3), "truncated_normal": 2 / TRUNCATED_STDDEV}.get(law, math.inf)
    outside = float((np.abs(z) > reach * (1 + 1e-6)).mean())
    assert (outside > 0) == bare or outside < leak(subject)
    assert np.abs(z).max() >= min(reach * 0.999, 3)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("normal", SHAPES["dense"]),
        ("truncated_normal", SHAPES["dense"]),
        ("uniform", SHAPES["dense"]),
        ("truncated_normal", (25600,)),  # no layer's
    ],
)
def test_functions_without_fans_have_the_scale_that_is_given(
    subject: Subject, name: Any, shape: tuple[int, ...]
) -> None:
    spec = Spec(name, 0.5)
    if subject.name == "timm" and name != "truncated_normal":
        with pytest.raises(NotOffered):
            drawn(subject, spec, shape)
        return
    x = drawn(subject, spec, shape).astype(np.float64)
    bare = name == "truncated_normal" and subject.name == "torch.nn.init"
    assert x.std() == pytest.approx(0.5 if bare else math.sqrt(spec.variance(shape)), rel=0.03)
    low, high = {"uniform": (0.0, 0.5), "truncated_normal": (-1.0, 1.0)}.get(name, (-9.0, 9.0))
    assert x.mean() == pytest.approx((low + high) / 2, abs=0.02)
    outside = float(((x < low) | (x > high)).mean())
    assert (outside > 0) == bare or outside < leak(subject)


Fans = Callable[..., tuple[int, int]]


def _transposed(height: int, width: int, inputs: int, outputs: int) -> tuple[int, int]:
    return height * width * outputs, height * width * inputs


def _packed(parts: int, inputs: int, outputs: int) -> tuple[int, int]:
    return inputs, parts * outputs


#: The fans that a library takes, of JAX's shape, where they are not JAX's.
OTHER_FANS: dict[tuple[str, str], Fans] = {
    **{(name, "packed_qkv"): _packed for name in LAW},
    **{(name, "conv_transpose"): _transposed for name in LAW if name != "flax"},
    **{(name, "embedding"): lambda v, d: (d, v) for name in ("torch.nn.init", "timm")},
    **{(name, "embedding"): lambda v, d: (v, d) for name in ("keras.initializers", "haiku")},
    # (*window, in, multiplier), of a kernel of 2 outputs for each input.
    ("keras.initializers", "depthwise"): lambda h, w, _, o: (h * w * o // 2, h * w * 2),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_the_fans_of_each_layer_are_the_librarys(subject: Subject, layer: str) -> None:
    shape, other = SHAPES[layer], OTHER_FANS.get((subject.name, layer))
    for mode in MODES[:3]:
        spec = of_layer(layer, mode, "normal", 2.0)
        variance = spec.variance(shape)
        if other is not None:
            fan_in, fan_out = other(*shape)
            fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
            variance = 2.0 / fans[mode]
        measured = drawn(subject, spec, shape).astype(np.float64).std()
        assert measured == pytest.approx(math.sqrt(variance), rel=0.03), mode


#: What complex samples have of JAX's standard deviation: real and imaginary part are drawn apart.
COMPLEX_RATIOS = {
    ("torch.nn.init", "uniform"): math.sqrt(2),
    ("timm", "uniform"): math.sqrt(2),
    ("haiku", "truncated_normal"): math.sqrt(2),
}


@pytest.mark.parametrize("law", DISTRIBUTIONS)
def test_complex_samples_have_the_librarys_variance(subject: Subject, law: Any) -> None:
    spec, shape = of_layer("dense", "fan_in", law), SHAPES["dense"]
    if not is_offered(subject.name, spec, "complex64"):
        with pytest.raises(NotOffered):
            drawn(subject, spec, shape, "complex64")
        return
    x = drawn(subject, spec, shape, "complex64").astype(np.complex128)
    ratio = math.sqrt(float(np.mean(np.abs(x) ** 2)) / spec.variance(shape))
    assert ratio == pytest.approx(COMPLEX_RATIOS.get((subject.name, law), 1), rel=0.03)
