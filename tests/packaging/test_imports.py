"""What an import loads: the core and the NumPy door never even ask for a framework."""

from __future__ import annotations

import subprocess
import sys

import pytest

import varscale
from tests.packaging.forms import FORMS

# Refuses and records every attempt to load, so that the tests also hold where nothing is installed
# and against `try: import torch`. To look whether a framework is there (find_spec) is no attempt.
WATCH = """
import sys
from importlib.machinery import ModuleSpec

FORBIDDEN = {
    "torch", "tensorflow", "keras", "jax", "jaxlib", "flax", "haiku", "equinox", "scipy"
}

class Watch:
    asked = []

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name.partition(".")[0] in FORBIDDEN else None

    def create_module(self, spec):
        self.asked.append(spec.name)
        raise ModuleNotFoundError(f"No module named {spec.name!r}", name=spec.name)

    def exec_module(self, module):
        raise NotImplementedError

watch = Watch()
sys.meta_path.insert(0, watch)
"""

PROGRAMS = {
    "the package": "import varscale; varscale.info(); varscale.key(0); dir(varscale)",
    "the core's data": """
import varscale
varscale.initializers.Normal().draw(0, (3, 4), "float32")
varscale.linen.param_key(0, ("Dense_0",), 1)
""",
    "the keys of JAX's libraries": """
import varscale
varscale.nnx.Rngs(0).params()
next(varscale.haiku.PRNGSequence(0))
varscale.equinox.param_keys("Linear", 0)
""",
    "a recipe that is read and replayed": """
import varscale, varscale.cli
from varscale.recipe import Operation, Output, Recipe, dumps, loads, replay
import numpy
ones = {"shape": (2,), "dtype": numpy.dtype("float32"), "values": (1.0,)}
made = Recipe(True, True, False, (Operation("constant", (), ones),),
              (Output("x", 1, (2,), numpy.dtype("float32")),))
replay(loads(dumps(made)), 0, into={"x": numpy.zeros(2, "float32")})
""",
    "the NumPy door": """
import varscale.numpy
for make in (varscale.numpy.lecun_normal, varscale.numpy.glorot_uniform, varscale.numpy.zeros):
    init = make if make is varscale.numpy.zeros else make()
    assert init(varscale.key(0), (3, 4)).shape == (3, 4)
""",
}


def output(program: str, *arguments: str) -> str:
    """What a program prints; varscale is the installed one, whatever the current folder holds."""
    command = [sys.executable, "-P", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def asked_for(program: str) -> list[str]:
    """The forbidden modules that a program asks for, each time that it does."""
    printed = output(f"{WATCH}\n{program}\nprint('asked:', *watch.asked)")
    return printed.partition("asked:")[2].split()


def test_the_tests_import_the_installed_package() -> None:
    assert output("import varscale; print(varscale.__file__)").strip() == varscale.__file__


@pytest.mark.parametrize("what", PROGRAMS)
def test_no_framework_is_asked_for(what: str) -> None:
    assert asked_for(PROGRAMS[what]) == []


def test_scipy_is_asked_for_by_orthogonal_only_and_is_optional() -> None:
    program = "import varscale.numpy; varscale.numpy.orthogonal()(varscale.key(0), (3, 4))"
    assert set(asked_for(program)) == {"scipy"}


@pytest.mark.parametrize("attempt", ["import torch", "import jax.numpy", "import scipy.linalg"])
def test_an_attempt_is_seen_although_it_is_caught(attempt: str) -> None:
    assert asked_for(f"try:\n    {attempt}\nexcept ImportError:\n    pass\n") != []


@pytest.mark.parametrize("framework", ["torch", "tensorflow", "keras"])
def test_a_door_without_its_framework_raises_module_not_found(framework: str) -> None:
    program = f"""
try:
    import varscale.{framework}
except ModuleNotFoundError as error:
    assert error.name == {framework!r}, error.name
else:
    raise AssertionError("no error")
"""
    assert set(asked_for(program)) == {framework}


@pytest.mark.parametrize("framework", ["torch", "tensorflow", "keras"])
def test_every_form_of_a_doors_import_works(framework: str) -> None:
    # The NumPy door's: test_distributions.py, for every way to install varscale.
    pytest.importorskip(framework, reason=f"not installed: pip install varscale[{framework}]")
    assert output(FORMS, framework).splitlines()[-1] == varscale.__file__


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_whole_models_are_imported_when_they_are_asked_for(framework: str) -> None:
    pytest.importorskip(framework, reason=f"not installed: pip install varscale[{framework}]")
    program = f"""
import sys, varscale.{framework} as door
assert not [name for name in sys.modules if name.startswith("varscale.port")], "imported"
assert set(door.__all__) <= set(dir(door))
assert door.init_ is door.init_ and door.init_.__module__.endswith("port.calls")
assert "varscale.port.plan" in sys.modules
from varscale.{framework} import check, explain, plan
print(getattr(door, "no_such_name", "none"))
"""
    assert output(program).strip() == "none"
