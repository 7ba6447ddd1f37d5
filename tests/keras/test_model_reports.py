"""`explain` and `check` of a Keras model; what they say is tested in tests/porting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="not installed: pip install varscale[keras]")

import varscale.keras as vk  # noqa: E402
import varscale.numpy as vn  # noqa: E402
from varscale.linen import param_key  # noqa: E402

FLAX = "flax.linen"


def model(dtype: str = "float32") -> Any:
    layers = [keras.Input((6,)), keras.layers.Dense(5, name="head", dtype=dtype)]
    return keras.Sequential(layers)


def dumped(dtype: str = "float32") -> dict[str, Any]:
    key = param_key(3, ("head",), 1)
    return {"head": {"kernel": vn.lecun_normal()(key, (6, 5), dtype), "bias": np.zeros(5, dtype)}}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_started_model_has_the_values_of_the_dump(dtype: str) -> None:
    twin = model(dtype)
    vk.init_(twin, 3, FLAX, style="setup")
    comparison = vk.check(twin, dumped(dtype), FLAX, style="setup")
    assert comparison.ok, str(comparison)


def test_a_model_of_another_key_has_not() -> None:
    twin = model()
    vk.init_(twin, 4, FLAX, style="setup")
    comparison = vk.check(twin, dumped(), FLAX, style="setup")
    assert not comparison.ok
    assert "head.kernel" in str(comparison)


def test_a_model_is_explained() -> None:
    rows = vk.explain(model(), 3, FLAX, style="setup").rows
    assert [(row.to, row.path, row.fans) for row in rows] == [
        ("head.kernel", "head/kernel", (6.0, 5.0)),
        ("head.bias", "head/bias", None),
    ]
