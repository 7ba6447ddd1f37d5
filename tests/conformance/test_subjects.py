"""The shipped subjects: each draws what is asked, or says what its library does not have.

Keras' are tested on the backend of the process. What a library does otherwise than JAX is written
down here as it was read in its source, so that a subject that no longer shows it is seen.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import itertools
import math
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

import varscale
from tests.core.compare import assert_identical
from varscale.conformance.layers import LAYERS
from varscale.conformance.specs import TRUNCATED_STDDEV, Spec, of_layer
from varscale.conformance.subject import (
    ENTRY_POINTS,
    NotOffered,
    Subject,
    find_subject,
    names,
    seed_of,
)
from varscale.initializers import Distribution, Mode
from varscale.keys import Key

#: What each subject imports, and how that is installed.
NEEDS = {
    "jax": {"jax": "varscale[jax]"},
    "jax.jit": {"jax": "varscale[jax]"},
    "varscale.numpy": {},
    "varscale.torch": {"torch": "varscale[torch]"},
    "varscale.torch.inplace": {"torch": "varscale[torch]"},
    "varscale.tensorflow": {"tensorflow": "varscale[tensorflow]"},
    "varscale.tensorflow.function": {"tensorflow": "varscale[tensorflow]"},
    "varscale.keras": {"keras": "varscale[keras]"},
    "torch.nn.init": {"torch": "varscale[torch]"},
    "keras.initializers": {"keras": "varscale[keras]"},
    "timm": {"torch": "varscale[torch]", "timm": "timm"},
    "flax": {"flax": "flax"},
    "haiku": {"haiku": "dm-haiku"},
}
BITS = tuple(name for name in NEEDS if name.startswith(("jax", "varscale.")))
LAW = tuple(name for name in NEEDS if name not in BITS)
#: Each draw of another kernel is compiled, and each of another initializer.
SLOW, SLOWEST = ("jax", "flax", "haiku"), ("jax.jit", "varscale.tensorflow.function")

MODES, DISTRIBUTIONS = get_args(Mode), get_args(Distribution)
REAL = ("float16", "bfloat16", "float32", "float64")
DTYPES = (*REAL, "complex64", "complex128")
_MATRIX, _CUBE, _WINDOW = (64, 400), (3, 64, 150), (3, 5, 16, 120)
#: Of 25 to 30 thousand elements, so that a standard deviation is known within 3 % at six sigma. Few
#: different ones: compiling for another shape takes most of the time of these tests.
SHAPES = {
    "dense": _MATRIX,
    "conv1d": _CUBE,
    "conv": _WINDOW,
    "grouped": _WINDOW,
    "depthwise": (3, 5, 1, 1920),
    "conv_transpose": _WINDOW,
    "attention_query": _CUBE,
    "attention_out": _CUBE,
    "packed_qkv": _CUBE,
    "embedding": _MATRIX,
}
#: Each distribution and layer, and dtypes of each kind, where all together would take too long.
FEW = (
    ("dense", "fan_in", "truncated_normal", "float32"),
    ("dense", "fan_in", "normal", "float32"),
    ("dense", "fan_in", "uniform", "float32"),
    ("attention_query", "fan_avg", "normal", "float32"),
    ("dense", "fan_in", "normal", "bfloat16"),
    ("dense", "fan_in", "truncated_normal", "complex64"),
    ("attention_out", "fan_geo_avg", "normal", "float32"),
    ("embedding", "fan_in", "normal", "float32"),
    ("conv1d", "fan_out", "normal", "float32"),
    ("packed_qkv", "fan_out", "normal", "float32"),
    ("conv", "fan_in", "normal", "float32"),
    ("grouped", "fan_avg", "normal", "float32"),
    ("conv_transpose", "fan_out", "normal", "float32"),
    ("depthwise", "fan_out", "normal", "float32"),
    ("embedding", "fan_in", "normal", "bfloat16"),
    ("dense", "fan_in", "truncated_normal", "float16"),
    ("dense", "fan_in", "uniform", "float64"),
)
KEY = varscale.key(11)
PLAIN = Spec("normal", 0.5)


@pytest.fixture(params=NEEDS, scope="module")
def subject(request: pytest.FixtureRequest) -> Subject:
    for module, install in NEEDS[request.param].items():
        # Not imported: timm needs torchvision for that, and the subject does not.
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"not installed: pip install {install}")
    return find_subject(request.param)


def drawn(
    subject: Subject,
    spec: Spec,
    shape: tuple[int, ...],
    dtype: str = "float32",
    key: Key = KEY,
) -> np.ndarray[Any, Any]:
    return subject.to_numpy(subject.draw(spec, key, shape, dtype, "cpu"))


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


def is_offered(name: str, spec: Spec, dtype: str) -> bool:
    """Whether the library has it, as its source says."""
    short = name in ("torch.nn.init", "timm", "keras.initializers", "haiku")
    if short and spec.mode == "fan_geo_avg":
        return False
    if name == "keras.initializers":
        return dtype in REAL
    if name in ("torch.nn.init", "timm"):
        return dtype in REAL or spec.distribution != "truncated_normal"
    if name == "haiku" and spec.layer == "embedding":
        return dtype == "float32"
    return name != "haiku" or dtype in REAL or spec.distribution != "uniform"


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
    if "bits" in subject.claims:
        return  # shown by the bits
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
    if "bits" in subject.claims:
        return  # shown by the bits
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
    if subject.name not in LAW or subject.name == "flax":
        return  # shown by the bits; Flax's samples are JAX's
    if not is_offered(subject.name, spec, "complex64"):
        with pytest.raises(NotOffered):
            drawn(subject, spec, shape, "complex64")
        return
    x = drawn(subject, spec, shape, "complex64").astype(np.complex128)
    ratio = math.sqrt(float(np.mean(np.abs(x) ** 2)) / spec.variance(shape))
    assert ratio == pytest.approx(COMPLEX_RATIOS.get((subject.name, law), 1), rel=0.03)


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
    if "bits" not in subject.claims:
        return
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


def core(
    spec: Spec, shape: tuple[int, ...], dtype: str = "float32", key: Key = KEY
) -> np.ndarray[Any, Any]:
    """The value of varscale's core, whatever door leads to it."""
    draw = spec.data.draw(key, shape, dtype)
    return varscale.fill(draw, np.empty(shape, draw.dtype))


def test_claimed_bits_are_those_of_varscale_in_every_form(subject: Subject) -> None:
    if "bits" not in subject.claims:
        return
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
