"""What is installed: version, arithmetic in use, frameworks found; nothing is imported to know."""

from __future__ import annotations

import importlib.metadata
import importlib.util

from varscale.kernels import native

__all__ = ["VERIFIED_JAX", "__version__", "info"]

__version__ = importlib.metadata.version("varscale")

#: JAX versions that the values of this version were found equal to, bit for bit, on CPU.
VERIFIED_JAX = ("0.10.2", "0.12.0.1")
_TENSORFLOW = ("tensorflow", "tensorflow-cpu")


def info() -> dict[str, object]:
    """What this installation has.

    Returns:
        version: varscale's version. kernel: the instruction set of the compiled kernel in use, or
        "reference", the NumPy arithmetic. kernels: the instruction sets that could be used, best
        first; none where varscale was installed without a C compiler. frameworks: the installed
        version of each framework, or None. orthogonal: the QR in use. verified_jax: the JAX
        versions whose values these are.

    Example:
        >>> import varscale
        >>> varscale.info()["verified_jax"]
        ('0.10.2', '0.12.0.1')
    """
    return {
        "version": __version__,
        "kernel": native.in_use(),
        "kernels": native.isas(),
        "frameworks": {name: _version(name) for name in ("torch", "tensorflow", "keras", "jax")},
        "orthogonal": "scipy" if importlib.util.find_spec("scipy") else "numpy",
        "verified_jax": VERIFIED_JAX,
    }


def _version(name: str) -> str | None:
    distributions = _TENSORFLOW if name == "tensorflow" else (name,)
    for distribution in distributions:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
