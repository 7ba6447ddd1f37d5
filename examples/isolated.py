"""`python -m examples.isolated jax,jaxlib MODULE ...`: run a module without some packages.

An import of one of them raises ModuleNotFoundError, as if it were not installed. TensorFlow, for
one, imports JAX wherever it finds it.
"""

import runpy
import sys


def main(barred: list[str], module: str) -> None:
    """Run the module as a program without the barred packages."""
    assert not set(barred) & set(sys.modules)
    for package in barred:
        sys.modules[package] = None  # type: ignore[assignment]  # Python's mark for "none such"
    runpy.run_module(module, run_name="__main__")
    assert all(sys.modules[package] is None for package in barred)


if __name__ == "__main__":
    names, name, *sys.argv[1:] = sys.argv[1:]
    main(names.split(","), name)
