"""The examples in the docstrings of the package do what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import varscale

#: A module under one of these needs the framework, which is also the extra that brings it.
FRAMEWORKS = ("torch", "tensorflow")
PACKAGES = (
    *("numerics", "adapters.numpy", "adapters.tensorflow", "adapters.torch"),
    *("conformance", "conformance.mutants", "conformance.report", "conformance.subjects"),
)
#: Keras is left out: which backend it runs on is for its own tests to say.
MODULES = sorted(
    module.name
    for module in pkgutil.iter_modules(varscale.__path__, "varscale.")
    if module.name != "varscale.keras" and not module.ispkg
) + sorted(
    module.name
    for package in PACKAGES
    for module in pkgutil.iter_modules(
        [f"{varscale.__path__[0]}/{package.replace('.', '/')}"], f"varscale.{package}."
    )
    if not module.name.endswith("__main__")
)
#: The modules of the core whose examples people read; an empty run would say nothing.
AT_LEAST_ONE = (
    "varscale.conformance.bounds",
    "varscale.conformance.running",
    "varscale.conformance.subject",
    "varscale.draws",
    "varscale.dtypes",
    "varscale.equinox",
    "varscale.family",
    "varscale.fans",
    "varscale.haiku",
    "varscale.info",
    "varscale.keys",
    "varscale.layout",
    "varscale.linen",
    "varscale.nnx",
    "varscale.adapters.numpy.initializers",
    "varscale.adapters.tensorflow.initializers",
    "varscale.adapters.torch.initializers",
    "varscale.adapters.torch.inplace",
    "varscale.adapters.torch.weights",
)


def test_modules_with_examples_are_among_those_that_are_run() -> None:
    assert set(AT_LEAST_ONE) <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_do_what_they_say(name: str) -> None:
    for framework in FRAMEWORKS:
        if framework in name.split("."):
            pytest.importorskip(
                framework, reason=f"not installed: pip install varscale[{framework}]"
            )
    if "conformance" in name.split("."):
        pytest.importorskip("scipy", reason="not installed: pip install varscale[conformance]")
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0
    if name in AT_LEAST_ONE:
        assert results.attempted > 0
