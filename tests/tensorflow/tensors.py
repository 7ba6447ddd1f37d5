"""TensorFlow for these tests. Importing this skips where it is not installed."""

from __future__ import annotations

import pytest

tf = pytest.importorskip("tensorflow", reason="not installed: pip install varscale[tensorflow]")

__all__ = ["tf"]
