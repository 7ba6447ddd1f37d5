"""Orthogonal matrices against the installed JAX, with SciPy's QR and with NumPy's."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest

from .compare import assert_identical, command
from .factories import jax_draw, own_draw
from .oracle import EXACT, VERSION, is_reference


def qr_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `import scipy.linalg` fail."""
    monkeypatch.setitem(sys.modules, "scipy.linalg", None)


ORTHOGONAL = [
    ("orthogonal", (), (7, 7)), ("orthogonal", (1.7,), (9, 4)), ("orthogonal", (), (8, 19)),
    ("orthogonal", (2.0, 0), (7, 9)), ("orthogonal", (1.0, 1), (3, 8, 4)),
    ("orthogonal", (), (1, 1)),
    ("orthogonal", (), (0, 3)), ("orthogonal", (), (64, 33)),
    ("delta_orthogonal", (), (3, 7, 9)), ("delta_orthogonal", (0.5,), (2, 3, 8, 8)),
    ("delta_orthogonal", (1.0, 0), (3, 1, 2, 7, 7)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "shape"), ORTHOGONAL, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_orthogonal_with_scipy_is_that_of_jax(
    name: str, args: tuple[Any, ...], shape: tuple[int, ...], dtype: str
) -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
    if not EXACT:
        pytest.skip("not available: jax>=0.10")
    want, got = (draw(name, args, {}, 3, shape, dtype) for draw in (jax_draw, own_draw))
    columns = shape[-1] if name == "delta_orthogonal" else shape[args[1] if len(args) > 1 else -1]
    rows = shape[-2] if name == "delta_orthogonal" else math.prod(shape) // max(columns, 1)
    if is_reference((min(rows, columns),), dtype, "normal"):
        assert_identical(got, want, f"{name}{args}, {shape}")
    else:
        assert np.abs(got - want).max(initial=0) <= 2e-6, f"{name}{args}, {shape}: {command()}"


@pytest.mark.parametrize(("name", "args", "shape"), ORTHOGONAL, ids=str)
def test_orthogonal_without_scipy_is_within_2e_6_of_jax(
    monkeypatch: pytest.MonkeyPatch, name: str, args: tuple[Any, ...], shape: tuple[int, ...]
) -> None:
    if VERSION < (0, 10) and 0 in shape:
        pytest.skip("not available: jax>=0.10")
    want = jax_draw(name, args, {}, 3, shape, "float32")
    qr_free(monkeypatch)
    got = own_draw(name, args, {}, 3, shape, "float32")
    assert got.shape == want.shape
    scale = args[0] if args else 1.0
    error = float(np.abs(got - want).max(initial=0)) / scale
    assert error <= 2e-6, f"{name}{args} {shape}: {error}; repeat with {command()}"
