"""What differs between versions of JAX, and of the XLA that comes with them."""

from __future__ import annotations

import jax

__all__ = ["FOLDS", "OLD_LOG1P"]

_VERSION = tuple(int(part) for part in jax.__version__.split(".")[:2])

#: Whether float64's log1p is the older one (docs/exactness.md).
OLD_LOG1P = _VERSION < (0, 11)
#: Whether XLA, where it compiles, makes x * (c * d) of (x * c) * d, where c and d are numbers, and
#: x + (c + d) of (x + c) + d. Found so in jax 0.10.2, and not in 0.12.0.1.
FOLDS = _VERSION < (0, 11)
