"""The direction of imports (docs: the architecture's arrows), read from the source, not run.

doors -> adapters -> core; draws -> kernels; conformance -> the public face; command -> conformance;
recipes -> core, and late: recording -> JAX, destinations -> the room of their framework.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "varscale"
FRAMEWORKS = frozenset({"torch", "tensorflow", "keras", "jax", "jaxlib", "flax", "numpy"})
DOORS = ("numpy", "torch", "tensorflow", "keras")

# What a kernel computes, and what that is made of.
BELOW_KERNELS = (
    "varscale.kernels",
    "varscale.numerics",
    "varscale.dtypes",
    "varscale.keys",
    "varscale.layout",
)

# Beside the standard library. SciPy's QR is the core's only optional library, asked for late.
CORE_LIBRARIES = frozenset({"numpy", "ml_dtypes"})
LATE_LIBRARIES = {"varscale.linalg": frozenset({"scipy"})}

# Recording a recipe is the one thing in the core that needs JAX: a room of its own, asked for late.
RECORDING = "varscale.recipe.recording"
# These write into a destination of any framework, and ask for its room when they see one.
DESTINATIONS = "varscale.recipe.destinations"
# The user says which module is to be imported: an adapter, a function, a subject. What `attach`
# imports stands in its arguments, where it is read.
COMPUTED = ("varscale", "varscale.cli", "varscale.lazy", "varscale.conformance.subject")

# What pytest imports, when it imports nothing else of varscale.
PLUGIN = "varscale.conformance.plugin"

# Keras runs on one of these; its adapter asks for the one in use, and not before it is in use.
# NumPy's room is the reference: the Keras adapter may have it at the top.
KERAS_BACKENDS = frozenset({"torch", "tensorflow", "jax"})


@dataclass(frozen=True)
class Import:
    """One import: the module that is named, and whether it waits for a call, or for ever."""

    module: str
    line: int
    late: bool


def imports(source: str, module: str, *, is_package: bool = False) -> Iterator[Import]:
    """Every import of a module, import_module() included; `from a import b` names a and a.b."""

    def visit(node: ast.AST, late: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, late)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")
                parents = parents[: len(parents) - node.level + is_package]
                base = ".".join([*parents, base] if base else parents)
            yield Import(base, node.lineno, late)
            if base == "varscale" or base.startswith("varscale."):
                for alias in node.names:
                    yield Import(f"{base}.{alias.name}", node.lineno, late)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in ("import_module", "__import__"):
                argument = node.args[0] if node.args else None
                literal = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                yield Import(str(argument.value) if literal else "?", node.lineno, late)
            if called == "attach":
                rooms = node.args[1]
                assert isinstance(rooms, ast.Dict), "attach wants its rooms written out"
                for room in rooms.keys:
                    assert isinstance(room, ast.Constant)
                    yield Import(str(room.value), node.lineno, True)
        inside = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        inside |= isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    yield from visit(ast.parse(source), False)


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def objection(module: str, each: Import) -> str | None:
    """Why this module must not import that one, or None where it may."""
    target = each.module
    top = target.partition(".")[0]
    if target == "?":
        return None if module in COMPUTED else "imports a computed name"
    if top in sys.stdlib_module_names:
        return None
    if top != "varscale":
        return _objection_to_library(module, top, late=each.late)
    if within(target, "varscale.conformance") and not within(module, "varscale.conformance"):
        if module == "varscale.cli" and each.late:
            return None
        return "nothing but the command, late, imports the conformance suite"
    if within(target, "varscale.kernels") and not within(module, "varscale.kernels"):
        callers = ("varscale.draws", "varscale.info")
        return None if module in callers else "only varscale.draws calls kernels; info names them"
    if within(module, "varscale.kernels"):
        return None if within(target, *BELOW_KERNELS) else "a kernel imports nothing above it"
    if within(module, "varscale.conformance"):
        inside = within(target, "varscale.adapters")
        return "the conformance suite knows the public face only" if inside else None
    if within(target, RECORDING) and not within(module, RECORDING):
        called = module == "varscale.recipe.recorder" and each.late
        return None if called else "only record asks for the recording room, late"
    if within(target, "varscale.adapters"):
        return _objection_to_adapter(module, target, late=each.late)
    if target.removeprefix("varscale.") in DOORS:
        return "a door is for users; nothing inside imports it"
    return None


def _objection_to_library(module: str, library: str, *, late: bool) -> str | None:
    if library in CORE_LIBRARIES:
        return None
    if late and library in LATE_LIBRARIES.get(module, ()):
        return None
    if within(module, RECORDING) and library == "jax":
        return None
    if within(module, "varscale.conformance"):
        # Oracles and statistics, never at the top: the suite is importable without them.
        if module == PLUGIN and library == "pytest":
            return None
        return None if late else "the conformance suite imports libraries inside functions only"
    if within(module, "varscale.adapters"):
        room = module.split(".")[2] if module.count(".") > 1 else ""
        if library == room:
            return None
        if room == "keras" and library in KERAS_BACKENDS:
            return None if late else f"the Keras adapter imports {library} inside functions only"
        return f"an adapter imports its own framework only, not {library}"
    return f"the core and the doors import no {library}"


def _objection_to_adapter(module: str, target: str, *, late: bool) -> str | None:
    if target == "varscale.adapters":
        return None if within(module, "varscale.adapters") else "a room is to be named"
    room = target.split(".")[2]
    if within(module, f"varscale.adapters.{room}") or module == f"varscale.{room}":
        return None
    if module == DESTINATIONS:
        return None if late else "destinations ask for a room late"
    if within(module, "varscale.adapters.keras"):
        return (
            None if late or room == "numpy" else f"the Keras adapter asks for the {room} room late"
        )
    return "only a room's own door imports it"


def modules() -> dict[str, Path]:
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def test_the_package_is_read() -> None:
    rooms = {"varscale", "varscale.draws", "varscale.torch", "varscale.adapters.numpy"}
    assert rooms <= modules().keys()


@pytest.mark.parametrize("module", modules())
def test_a_module_imports_only_what_lies_below_it(module: str) -> None:
    path = modules()[module]
    is_package = path.name == "__init__.py"
    found = [
        f"{path.relative_to(PACKAGE.parent)}:{each.line}: imports {each.module}: {why}"
        for each in imports(path.read_text("utf-8"), module, is_package=is_package)
        if (why := objection(module, each)) is not None
    ]
    assert not found, "\n".join(found)


# Each row breaks one arrow: the check above is shown to be able to fail.
BROKEN = {
    "core imports a framework": ("varscale.keys", "import torch"),
    "core imports a framework late": ("varscale.keys", "def f():\n    import jax"),
    "core imports an adapter": ("varscale.draws", "from varscale.adapters.numpy import x"),
    "core imports a door": ("varscale.draws", "from varscale import torch"),
    "core imports a door by name": ("varscale.family", "import varscale.torch as t"),
    "core imports a computed name": ("varscale.keys", "import_module(name)"),
    "core imports by string": ("varscale.keys", "importlib.import_module('torch')"),
    "core imports scipy at the top": ("varscale.linalg", "from scipy.linalg import qr"),
    "another module imports scipy": ("varscale.fans", "def f():\n    import scipy"),
    "the face imports an adapter": ("varscale", "from varscale.adapters.torch import x"),
    "a door imports a framework": ("varscale.torch", "import torch"),
    "a door imports another room": ("varscale.torch", "from varscale.adapters.numpy import x"),
    "a door attaches another room": (
        "varscale.torch",
        "attach(__name__, {'varscale.adapters.keras.port.calls': ('plan',)})",
    ),
    "a relative import of an adapter": ("varscale.numerics.erf", "from ..adapters import torch"),
    "an adapter imports another framework": ("varscale.adapters.torch.a", "import jax"),
    "an adapter imports another room": (
        "varscale.adapters.torch.a",
        "from varscale.adapters.tensorflow import x",
    ),
    "an adapter imports a door": ("varscale.adapters.torch.a", "import varscale.numpy"),
    "keras imports its backend early": ("varscale.adapters.keras.a", "import torch"),
    "keras imports the backend's room early": (
        "varscale.adapters.keras.a",
        "from varscale.adapters.torch import x",
    ),
    "numpy's room imports torch": ("varscale.adapters.numpy", "import torch"),
    "somebody imports the suite": ("varscale.adapters.torch.a", "import varscale.conformance"),
    "a door imports the suite": ("varscale.numpy", "from varscale import conformance"),
    "the command imports the suite early": ("varscale.cli", "import varscale.conformance"),
    "initializers imports a kernel": ("varscale.initializers", "import varscale.kernels"),
    "an adapter imports a kernel": ("varscale.adapters.torch.a", "from varscale import kernels"),
    "a kernel imports draws": ("varscale.kernels.c", "from varscale.draws import fill"),
    "a recipe imports jax": ("varscale.recipe.replay", "def f():\n    import jax"),
    "a recipe imports a room": (
        "varscale.recipe.replay",
        "def f():\n    from varscale.adapters.torch import x",
    ),
    "destinations import a room early": (
        "varscale.recipe.destinations",
        "from varscale.adapters.torch import x",
    ),
    "recording imports flax": ("varscale.recipe.recording.a", "import flax"),
    "record imports its room early": (
        "varscale.recipe.recorder",
        "from varscale.recipe import recording",
    ),
    "replay imports recording": (
        "varscale.recipe.replay",
        "def f():\n    from varscale.recipe.recording import record",
    ),
    "the suite looks inside": ("varscale.conformance.a", "import varscale.adapters.torch"),
    "the suite imports jax at the top": ("varscale.conformance.a", "import jax"),
    "the plug-in imports the suite's libraries": (PLUGIN, "import scipy"),
    "the core names a framework's types": ("varscale.keys", "if TYPE_CHECKING:\n    import torch"),
}


@pytest.mark.parametrize("row", BROKEN)
def test_a_broken_arrow_is_seen(row: str) -> None:
    module, source = BROKEN[row]
    assert [why for each in imports(source, module) if (why := objection(module, each))]


ALLOWED = {
    "draws calls kernels": ("varscale.draws", "from varscale.kernels import fill"),
    "keras asks for its backend late": (
        "varscale.adapters.keras.a",
        "def f():\n    import torch\n    from varscale.adapters.torch import fill",
    ),
    "keras falls back to the reference": (
        "varscale.adapters.keras.a",
        "from varscale.adapters.numpy import x",
    ),
    "linalg asks for scipy late": ("varscale.linalg", "def f():\n    from scipy.linalg import qr"),
    "recording imports jax": ("varscale.recipe.recording.a", "import jax"),
    "record asks for its room late": (
        "varscale.recipe.recorder",
        "def f():\n    from varscale.recipe import recording",
    ),
    "a destination's room is asked for late": (
        "varscale.recipe.destinations",
        "def f():\n    import_module('varscale.adapters.torch.filling')",
    ),
    "the command imports what the user names": ("varscale.cli", "import_module(name)"),
    "the command asks for the suite late": (
        "varscale.cli",
        "def f():\n    from varscale.conformance.command import main",
    ),
    "a door imports its room": ("varscale.torch", "from varscale.adapters.torch import x"),
    "a door attaches its room": (
        "varscale.torch",
        "attach(__name__, {'varscale.adapters.torch.port.calls': ('plan',)})",
    ),
    "the plug-in imports pytest": (PLUGIN, "import pytest"),
    "the suite names a library's types": (
        "varscale.conformance.a",
        "if TYPE_CHECKING:\n    import torch",
    ),
    "the suite uses a door": ("varscale.conformance.a", "import varscale.torch"),
}


@pytest.mark.parametrize("row", ALLOWED)
def test_a_right_arrow_is_allowed(row: str) -> None:
    module, source = ALLOWED[row]
    assert not [why for each in imports(source, module) if (why := objection(module, each))]


def circles(sources: Mapping[str, tuple[str, bool]]) -> list[str]:
    """The modules that import each other, as "a -> b -> a"; also late, and for types only.

    Args:
        sources: by the name of the module its text, and whether it is a package's `__init__`.
    """
    arrows: dict[str, list[str]] = {}
    for module, (source, is_package) in sources.items():
        named = [one.module for one in imports(source, module, is_package=is_package)]
        # `from a import b` takes b from the module a, unless b is a module itself.
        below = {one.rpartition(".")[0] for one in named if one in sources}
        arrows[module] = [one for one in named if one in sources and one not in below]
    found, done = [], set[str]()

    def walk(module: str, path: list[str]) -> None:
        if module in path:
            found.append(" -> ".join([*path[path.index(module) :], module]))
        elif module not in done:
            for other in arrows[module]:
                walk(other, [*path, module])
            done.add(module)

    for module in arrows:
        walk(module, [])
    return found


def test_no_modules_import_each_other() -> None:
    sources = {
        name: (path.read_text("utf-8"), path.name == "__init__.py")
        for name, path in modules().items()
    }
    assert not circles(sources)


@pytest.mark.parametrize(
    "source",
    ["import varscale.b", "from varscale.b import x", "from varscale import b", "from .b import x",
     "def f():\n    import varscale.b", "if TYPE_CHECKING:\n    from varscale.b import x"],
)  # fmt: skip
def test_a_circle_is_seen(source: str) -> None:
    texts = {"varscale.a": source, "varscale.b": "from varscale import c", "varscale.c": ""}
    assert not circles({name: (text, False) for name, text in texts.items()})
    texts["varscale.c"] = "from varscale.a import x"
    found = circles({name: (text, False) for name, text in texts.items()})
    assert found == ["varscale.a -> varscale.b -> varscale.c -> varscale.a"]
