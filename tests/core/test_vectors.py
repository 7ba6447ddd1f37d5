"""Recorded values of JAX, found again without JAX: see tools/record_vectors.py."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import varscale
from varscale.conformance.reference import VECTORS, vectors
from varscale.layout import CounterMap
from varscale.numerics.bits import random_words
from varscale.numerics.numpy_ops import NUMPY

from .compare import assert_identical, command

FLAX = Path(__file__).parent / "vectors" / "flax-0.12.8.json"
RECORDED = vectors() | {FLAX.stem: json.loads(FLAX.read_text())}
#: File: what `compiled=` must be for its values.
FORMS = VECTORS


def of(section: str) -> Any:
    """One test per recorded case of every file of JAX's."""
    rows = [(name, case) for name in FORMS for case in RECORDED[name][section]]
    names = [f"{name}-{number}" for number, (name, _) in enumerate(rows)]
    return pytest.mark.parametrize(("name", "case"), rows, ids=names)


def test_there_are_vectors_of_every_promised_version() -> None:
    assert {f"jax-{version}" for version in varscale.info()["verified_jax"]} == set(FORMS)
    for name in FORMS:
        sizes = {
            section: len(RECORDED[name][section]) for section in ("keys", "random_bits", "draws")
        }
        assert sizes == {"keys": 29, "random_bits": 8, "draws": 107}, (name, sizes)


@pytest.mark.parametrize("name", RECORDED)
def test_a_file_is_what_was_recorded(name: str) -> None:
    recorded = dict(RECORDED[name])
    provenance = recorded.pop("provenance")
    text = json.dumps(recorded, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == provenance["sha256"], name


@pytest.mark.parametrize("name", FORMS)
def test_a_file_says_where_its_values_come_from(name: str) -> None:
    provenance = RECORDED[name]["provenance"]
    assert f"jax-{provenance['jax']}" == name
    assert provenance["configuration"]["jax_platforms"] == "cpu"
    assert provenance["command"].startswith("python tools/record_vectors.py")
    assert provenance["reason"]


@of("keys")
def test_a_recorded_key_is_made_again(name: str, case: dict[str, Any]) -> None:
    call = case["call"]
    if call == "key":
        keys: Any = (varscale.key(case["seed"], x64=case["x64"]),)
    elif call == "split":
        parent = varscale.key(case["seed"], partitionable=case["partitionable"])
        keys = varscale.split(parent, case["num"])
    else:
        keys = (varscale.fold_in(case["seed"], case["data"]),)
    got = [list(key.words) for key in keys]
    assert got == case["words"], f"{name}, {case}: {got}; repeat with {command()}"


@of("random_bits")
def test_recorded_bits_are_made_again(name: str, case: dict[str, Any]) -> None:
    width, size = case["width"], case["size"]
    high, low = random_words(
        NUMPY,
        varscale.key(case["seed"]).words,
        CounterMap.row_major((size,)),
        size=size,
        width=width,
        partitionable=case["partitionable"],
    )
    mask = 2 ** min(width, 32) - 1
    got = [(int(h) << 32) * (width == 64) | int(w) & mask for h, w in zip(high, low, strict=True)]
    assert got == case["bits"], f"{name}, {case}: {got}; repeat with {command()}"


@of("draws")
def test_recorded_values_are_drawn_again(name: str, case: dict[str, Any]) -> None:
    dtype = np.dtype(getattr(ml_dtypes, case["dtype"], case["dtype"]))
    options = {} if case["initializer"] == "uniform" else {"compiled": FORMS[name]}
    init = getattr(varscale.numpy, case["initializer"])(*case["arguments"], **options)
    key = varscale.key(case["seed"], partitionable=case["partitionable"])
    got = init(key, tuple(case["shape"]), dtype)
    want = np.array(case["bits"], f"u{dtype.itemsize}").view(dtype).reshape(case["shape"])
    text = f"{case['initializer']}{tuple(case['arguments'])}({key}, {case['shape']}, {dtype})"
    assert_identical(got, want, f"{name}: {text}")
