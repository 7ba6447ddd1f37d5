"""JAX's initializers for PyTorch, Keras 3, TensorFlow and NumPy: same key, same weights.

The core needs NumPy only. An adapter (`varscale.torch`, `varscale.keras`, `varscale.tensorflow`,
`varscale.numpy`) is imported when it is first asked for, and never imports another framework.
"""

from __future__ import annotations

import importlib
from typing import Any

from varscale.draws import fill
from varscale.fans import compute_fans
from varscale.info import info
from varscale.info import version as _version
from varscale.keys import Key, fold_in, key, key_data, split, wrap_key_data
from varscale.layout import CounterMap, Layout

__all__ = [
    "CounterMap",
    "Key",
    "Layout",
    "__version__",
    "compute_fans",
    "fill",
    "fold_in",
    "info",
    "key",
    "key_data",
    "split",
    "wrap_key_data",
]

_ADAPTERS = ("keras", "numpy", "tensorflow", "torch")
#: Parts of the core that most programs do not need; they import NumPy only.
_CORE = ("equinox", "haiku", "initializers", "linen", "nnx", "recipe")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version("varscale")
    if name in _CORE:
        return importlib.import_module(f"varscale.{name}")
    if name in _ADAPTERS:
        try:
            return importlib.import_module(f"varscale.{name}")
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            raise ModuleNotFoundError(
                f"varscale.{name} needs {name}: pip install 'varscale[{name}]'", name=name
            ) from None
    raise AttributeError(f"module 'varscale' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_ADAPTERS, *_CORE])
