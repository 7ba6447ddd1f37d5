"""What the tests of the shipped subjects share: how each is found, what is drawn, what it offers.

Keras' are tested on the backend of the process.
"""

from __future__ import annotations

import importlib.util
from typing import Any, get_args

import numpy as np
import pytest

import varscale
from varscale.conformance.specs import Spec
from varscale.conformance.subject import Subject, find_subject
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


def loaded(name: str) -> Subject:
    """The subject, or a skip that names what to install."""
    for module, install in NEEDS[name].items():
        # Not imported: timm needs torchvision for that, and the subject does not.
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"not installed: pip install {install}")
    return find_subject(name)


def drawn(
    subject: Subject,
    spec: Spec,
    shape: tuple[int, ...],
    dtype: str = "float32",
    key: Key = KEY,
) -> np.ndarray[Any, Any]:
    return subject.to_numpy(subject.draw(spec, key, shape, dtype, "cpu"))


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


def core(
    spec: Spec, shape: tuple[int, ...], dtype: str = "float32", key: Key = KEY
) -> np.ndarray[Any, Any]:
    """The value of varscale's core, whatever door leads to it."""
    draw = spec.data.draw(key, shape, dtype)
    return varscale.fill(draw, np.empty(shape, draw.dtype))
