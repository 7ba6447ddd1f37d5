"""What is installed: version, arithmetic in use, frameworks found; nothing is imported to know."""

from __future__ import annotations

from varscale.kernels import native

__all__ = ["VERIFIED_JAX", "info", "version"]

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
    import importlib.util  # takes longer than the rest of varscale: not at the top

    return {
        "version": version("varscale"),
        "kernel": native.in_use(),
        "kernels": native.isas(),
        "frameworks": {name: version(name) for name in ("torch", "tensorflow", "keras", "jax")},
        "orthogonal": "scipy" if importlib.util.find_spec("scipy") else "numpy",
        "verified_jax": VERIFIED_JAX,
    }


def version(name: str) -> str | None:
    """The installed version of a distribution, or None."""
    import importlib.metadata

    distributions = _TENSORFLOW if name == "tensorflow" else (name,)
    for distribution in distributions:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
