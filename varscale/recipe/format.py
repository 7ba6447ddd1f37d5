"""A recipe as plain frozen data, and the JSON file that it is.

The operations themselves, with their fields and result types, are in `varscale.recipe.operations`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from varscale.arguments import as_path, check_kind
from varscale.recipe.fields import FIELDS, dtype_from_json, require, sizes_from_json, to_json
from varscale.recipe.operations import Kind, Operation, kinds_of

__all__ = [
    "FORMAT",
    "VERSION",
    "LeftOut",
    "Output",
    "Recipe",
    "check_recipe",
    "dumps",
    "load",
    "loads",
    "save",
]

FORMAT = "varscale-recipe"
#: Of the format. A reader refuses every other one: a value that changed its meaning is no value.
VERSION = 1
#: Deepest nesting of scans that a reader follows.
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Output:
    """A parameter: where it is in the model, and the value of the program that it is.

    Attributes:
        path: names from the model down to the parameter, joined by "/"; unique in a recipe.
        value: number of a value of the program.
        shape: of the parameter, in JAX's layout.
        dtype: of the parameter.
    """

    path: str
    value: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __post_init__(self) -> None:
        check_kind("dtype", self.dtype, np.dtype, "a NumPy dtype")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A leaf of the model that the recipe does not hold, and why not."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an init function does with its key, without the function.

    Attributes:
        typed: the function takes a typed key (`jax.random.key`), value 0 of the program; else the
            key's two words (`jax.random.PRNGKey`), uint32 of shape (2,).
        partitionable: see `varscale.Key`; of the JAX that recorded.
        x64: whether JAX's 64-bit types were on: a seed's high 32 bits count then.
        program: the operations; their results are the values number 1, 2, ... of the program.
        outputs: the parameters, in the order of the model's leaves.
        left_out: leaves that are not arrays of numbers.
        recorded: versions of the libraries that were at work, by name.

    Raises:
        TypeError: a field of another type.
        ValueError: the program is not one: an operation on values that it cannot have.
    """

    typed: bool
    partitionable: bool
    x64: bool
    program: tuple[Operation, ...]
    outputs: tuple[Output, ...]
    left_out: tuple[LeftOut, ...] = ()
    recorded: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_kind("recorded", self.recorded, Mapping, "a mapping from names to versions")
        object.__setattr__(self, "recorded", MappingProxyType(dict(self.recorded)))
        for name in ("program", "outputs", "left_out"):
            check_kind(name, getattr(self, name), tuple, "a tuple")
        for output in self.outputs:
            check_kind("each of outputs", output, Output, "an Output")
        kinds = kinds_of(self.program, [self.key_kind])
        for output in self.outputs:
            require(
                0 <= output.value < len(kinds)
                and kinds[output.value] == Kind(output.shape, output.dtype),
                f"output {output.path!r} is not value {output.value} of the program",
            )
        paths = [output.path for output in self.outputs]
        require(len(set(paths)) == len(paths), "two outputs have the same path")

    @property
    def key_kind(self) -> Kind:
        """What value 0 of the program is."""
        return Kind((), None) if self.typed else Kind((2,), np.dtype(np.uint32))


def check_recipe(recipe: Any) -> None:
    """Raise TypeError for what is no recipe."""
    check_kind("recipe", recipe, Recipe, "a Recipe, as load and record return it")


def dumps(recipe: Recipe) -> str:
    """The recipe as JSON: one operation and one output a line, and the content's SHA-256.

    Raises:
        TypeError: not a recipe.
    """
    check_recipe(recipe)
    content = _content(recipe)
    lines = []
    for name, value in content.items():
        if isinstance(value, list) and value:
            rows = ",\n".join(f"  {json.dumps(row, allow_nan=False)}" for row in value)
            lines.append(f"{json.dumps(name)}: [\n{rows}\n ]")
        else:
            lines.append(f"{json.dumps(name)}: {json.dumps(value, allow_nan=False)}")
    lines.append(f'"sha256": "{_digest(content)}"')
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def loads(text: str) -> Recipe:
    """The recipe of a JSON text.

    Raises:
        TypeError: not a text.
        ValueError: not a recipe, of another version of the format, or changed since it was
            written: its SHA-256 does not fit.
    """
    check_kind("text", text, str | bytes, "the text of a recipe's file")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a recipe: {error}") from None
    require(isinstance(data, dict) and data.get("format") == FORMAT, f"no {FORMAT} file")
    version = data.get("version")
    require(
        type(version) is int and version == VERSION,
        f"version {version!r} of the format is not known; this varscale reads version {VERSION}",
    )
    digest = data.pop("sha256", None)
    require(digest == _digest(data), "it was changed after it was written (sha256)")
    return _recipe(data)


def save(recipe: Recipe, path: str | Path) -> None:
    """Write a recipe to a file, as `dumps` makes it.

    Raises:
        TypeError: not a recipe, or not a path.
        OSError: the file cannot be written.
    """
    as_path("path", path).write_text(dumps(recipe), "utf-8")


def load(path: str | Path) -> Recipe:
    """Read a recipe from a file.

    Raises:
        TypeError: not a path.
        ValueError: see `loads`.
        OSError: the file cannot be read.
    """
    try:
        text = as_path("path", path).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not a recipe: {error}") from None
    return loads(text)


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _content(recipe: Recipe) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "recorded": dict(recipe.recorded),
        "key": {
            "impl": "threefry2x32",
            "typed": recipe.typed,
            "partitionable": recipe.partitionable,
            "x64": recipe.x64,
        },
        "program": [_operation_to_json(operation) for operation in recipe.program],
        "outputs": [
            {
                "path": output.path,
                "value": output.value,
                "shape": list(output.shape),
                "dtype": output.dtype.name,
            }
            for output in recipe.outputs
        ],
        "left_out": [{"path": leaf.path, "why": leaf.why} for leaf in recipe.left_out],
    }


def _operation_to_json(operation: Operation) -> dict[str, Any]:
    result: dict[str, Any] = {"op": operation.name}
    if operation.inputs:
        result["in"] = list(operation.inputs)
    for name in FIELDS[operation.name]:
        if name not in operation.fields:
            continue
        value = operation.fields[name]
        if name == "body":
            result[name] = [_operation_to_json(inner) for inner in value]
        else:
            result[name] = to_json(value)
    return result


def _recipe(data: Mapping[str, Any]) -> Recipe:
    names = {"format", "version", "recorded", "key", "program", "outputs", "left_out"}
    _fields("the recipe", data, names)
    key = data["key"]
    _fields("key", key, {"impl", "typed", "partitionable", "x64"})
    require(key["impl"] == "threefry2x32", f"key's impl {key['impl']!r} is not built")
    for name in ("typed", "partitionable", "x64"):
        require(type(key[name]) is bool, f"key's {name!r} must be true or false")
    recorded = data["recorded"]
    require(
        isinstance(recorded, dict) and all(isinstance(one, str) for one in recorded.values()),
        "recorded must name versions",
    )
    return Recipe(
        typed=key["typed"],
        partitionable=key["partitionable"],
        x64=key["x64"],
        program=_program(data["program"], 0),
        outputs=tuple(_output(row) for row in _rows("outputs", data["outputs"])),
        left_out=tuple(
            LeftOut(_text("path", row["path"]), _text("why", row["why"]))
            for row in _rows("left_out", data["left_out"])
            if _fields("a row of left_out", row, {"path", "why"})
        ),
        recorded=recorded,
    )


def _output(row: Any) -> Output:
    _fields("an output", row, {"path", "value", "shape", "dtype"})
    require(type(row["value"]) is int, f"an output's value must be a number, got {row['value']!r}")
    return Output(
        _text("path", row["path"]),
        row["value"],
        sizes_from_json(row["shape"]),
        dtype_from_json(row["dtype"]),
    )


def _program(rows: Any, depth: int) -> tuple[Operation, ...]:
    require(depth <= _DEEPEST, f"scans are nested more than {_DEEPEST} deep")
    return tuple(_operation(row, depth) for row in _rows("program", rows))


def _operation(row: Any, depth: int) -> Operation:
    require(isinstance(row, dict) and "op" in row, f"an operation needs an 'op', got {row!r:.80}")
    name = row["op"]
    require(isinstance(name, str) and name in FIELDS, f"there is no operation {name!r:.80}")
    fields = FIELDS[name]
    optional = {each for each, one in fields.items() if one.optional}
    _fields(f"operation {name!r}", row, {"op", *fields} - optional, {"in"} | optional)
    inputs = row.get("in", [])
    require(
        isinstance(inputs, list) and all(type(one) is int for one in inputs),
        f"the inputs of {name!r} must be numbers of values",
    )
    values = {each: fields[each].read(row[each]) for each in fields if each in row}
    if "body" in values:
        values["body"] = _program(values["body"], depth + 1)
    return Operation(name, tuple(inputs), values)


def _rows(name: str, rows: Any) -> Sequence[Any]:
    require(isinstance(rows, list), f"{name} must be a list")
    checked: Sequence[Any] = rows
    return checked


def _text(name: str, value: Any) -> str:
    require(isinstance(value, str), f"{name} must be a text, got {value!r:.80}")
    return str(value)


def _fields(
    what: str, row: Any, needed: set[str], optional: frozenset[str] | set[str] = frozenset()
) -> bool:
    require(isinstance(row, dict), f"{what} must be an object, got {row!r:.80}")
    missing, unknown = needed - row.keys(), row.keys() - needed - optional
    require(not missing, f"{what} lacks {sorted(missing)}")
    require(not unknown, f"{what} has unknown fields {sorted(unknown)}")
    return True
