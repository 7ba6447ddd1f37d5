"""The shipped subjects: each draws what is asked, or says what its library does not have."""

from __future__ import annotations

import importlib.metadata
import itertools
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.compare import assert_identical
from varscale.conformance.layers import LAYERS
from varscale.conformance.specs import Spec, of_layer
from varscale.conformance.subject import (
    ENTRY_POINTS,
    NotOffered,
    Subject,
    find_subject,
    names,
    seed_of,
)
from varscale.keys import Key

from .subjects import (
    BITS,
    DISTRIBUTIONS,
    DTYPES,
    FEW,
    KEY,
    MODES,
    NEEDS,
    PLAIN,
    SHAPES,
    SLOW,
    SLOWEST,
    drawn,
    is_offered,
    loaded,
)


@pytest.fixture(params=NEEDS, scope="module")
def subject(request: pytest.FixtureRequest) -> Subject:
    return loaded(request.param)


def cases(subject: Subject) -> Iterator[tuple[Spec, tuple[int, ...], str]]:
    """All layers, modes, distributions and dtypes together, or few."""
    few: tuple[tuple[Any, Any, Any, str], ...] = FEW
    if subject.name in SLOWEST:
        few = FEW[:5]
    elif subject.name not in SLOW and not (subject.name == "keras.initializers" and _on_jax()):
        for layer, mode, law, dtype in itertools.product(LAYERS, MODES, DISTRIBUTIONS, DTYPES):
            yield of_layer(layer, mode, law, 2.0), (*SHAPES[layer][:-1], 8), dtype
        return
    for layer, mode, law, dtype in few:
        yield of_layer(layer, mode, law, 2.0), SHAPES[layer], dtype


def _on_jax() -> bool:
    import keras

    return bool(keras.backend.backend() == "jax")


def test_every_subject_that_varscale_registers_is_tested() -> None:
    points = importlib.metadata.distribution("varscale").entry_points
    ours = {point.name for point in points if point.group == ENTRY_POINTS}
    assert ours == set(NEEDS)
    assert ours <= set(names())


def test_it_is_a_subject(subject: Subject) -> None:
    claims = {"bits", "law", "manners"} if subject.name in BITS else {"law"}
    assert isinstance(subject, Subject)
    assert subject.name in NEEDS
    assert find_subject(subject.name) is subject
    assert subject.claims == claims
    assert subject.devices()[0] == "cpu"


def test_it_draws_what_is_asked_or_says_what_is_missing(subject: Subject) -> None:
    for spec, shape, dtype in cases(subject):
        case = f"{spec.layer}/{spec.name}/{dtype}"
        if is_offered(subject.name, spec, dtype):
            got = drawn(subject, spec, shape, dtype)
            assert (got.shape, got.dtype.name) == (shape, dtype), case
            assert np.isfinite(got.astype(np.complex128)).all(), case
            assert len(np.unique(got.flat[:256])) > 40, case
        else:
            with pytest.raises(NotOffered):
                drawn(subject, spec, shape, dtype)


#: What a refusal says, for one subject that refuses it.
TEXTS: dict[str, tuple[str, Spec, str, str]] = {
    "dtype": (
        "torch.nn.init",
        of_layer("dense", "fan_in", "truncated_normal"),
        "complex64",
        "torch.nn.init has no truncated_normal samples of complex64",
    ),
    "mode": (
        "timm",
        of_layer("dense", "fan_geo_avg", "normal"),
        "float32",
        "timm has the modes fan_in, fan_out and fan_avg, not fan_geo_avg",
    ),
    "axes": (
        "torch.nn.init",
        replace(of_layer("dense", "fan_in", "normal"), in_axis=-1, out_axis=-2),
        "float32",
        "torch.nn.init takes its fans from the shape of a layer, and no dense has the shape "
        "(64, 400) with in_axis=-1, out_axis=-2, batch_axis=()",
    ),
    "gain": (
        "torch.nn.init",
        of_layer("dense", "fan_in", "normal", 3.0),
        "float32",
        "torch.nn.init has kaiming functions of the gains 1 and sqrt(2), not of sqrt(3)",
    ),
    "function": (
        "timm",
        PLAIN,
        "float32",
        "timm has no normal initializer: it uses torch.nn.init's",
    ),
    "table": (
        "haiku",
        of_layer("embedding", "fan_in", "normal"),
        "float16",
        "hk.Embed has a table of float32, not of float16",
    ),
    "complex": (
        "varscale.numpy",
        Spec("uniform"),
        "complex64",
        "jax.nn.initializers.uniform has no samples of complex64",
    ),
    "dtype of torch": ("varscale.torch", PLAIN, "float8_e3m4", "torch has no dtype float8_e3m4"),
    "dtype of TensorFlow": (
        "varscale.tensorflow",
        PLAIN,
        "float8_e3m4",
        "TensorFlow has no dtype float8_e3m4",
    ),
    "dtype of Keras": ("varscale.keras", PLAIN, "float8_e3m4", "Keras has no dtype float8_e3m4"),
}


def test_the_texts_say_what_is_missing(subject: Subject) -> None:
    for name, spec, dtype, text in TEXTS.values():
        if name == subject.name:
            with pytest.raises(NotOffered) as caught:
                drawn(subject, spec, SHAPES[spec.layer], dtype)
            assert str(caught.value) == text
    with pytest.raises(NotOffered, match=f"{subject.name} has no device 'abacus' here, but cpu"):
        subject.draw(PLAIN, KEY, (3, 4), "float32", "abacus")


def test_a_key_decides_the_values_with_both_of_its_words(subject: Subject) -> None:
    spec = of_layer("dense", "fan_in", "truncated_normal", 2.0)
    first = drawn(subject, spec, SHAPES["dense"])
    drawn(subject, spec, SHAPES["dense"], key=varscale.key(1))
    assert_identical(drawn(subject, spec, SHAPES["dense"]), first, "the same key")
    for words in ((0, 12), (1, 11), (2**30, 11), (0, 2**31 + 11)):
        other = drawn(subject, spec, SHAPES["dense"], key=Key(words))
        assert (other == first).mean() < 0.1, words
    assert seed_of(KEY) == 11


def states() -> dict[str, Any]:
    """What global generators there are that somebody has imported."""
    found = {"random": random.getstate(), "numpy": repr(np.random.get_state(legacy=False))}
    if torch := sys.modules.get("torch"):
        found["torch"] = torch.get_rng_state().tolist()
    return found


def test_global_generators_stay_as_they_are(subject: Subject) -> None:
    spec, shape = of_layer("dense", "fan_in", "uniform", 2.0), SHAPES["dense"]
    first = drawn(subject, spec, shape)  # the framework is imported now
    random.random()
    np.random.random()
    if torch := sys.modules.get("torch"):
        torch.rand(1)
    before = states()
    assert_identical(drawn(subject, spec, shape), first, "after global draws")
    assert states() == before
