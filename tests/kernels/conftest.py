"""Every test with the fixture `isa` runs once per instruction set that this machine has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from varscale import draws
from varscale.kernels import native


@pytest.fixture(params=["avx512", "avx2", "sse2", "neon"])
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    if name not in native.isas():
        pytest.skip(f"not available: {name}")
    monkeypatch.setattr(native, "_INDEX", native.isas().index(name))
    return name


@pytest.fixture
def reference() -> Callable[..., Any]:
    """`varscale.fill` by the NumPy arithmetic alone, whatever is in use."""

    def fill(*args: Any) -> np.ndarray[Any, Any]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(native, "fill", lambda *_: False)
            return draws.fill(*args)

    return fill


@pytest.fixture
def only_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where `varscale.fill` leaves a draw to the NumPy arithmetic."""

    def refuse(*_: Any) -> Any:
        raise AssertionError("the kernel refused this draw")

    monkeypatch.setattr(draws, "sampler", refuse)
