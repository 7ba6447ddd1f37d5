"""What all doors have in common; they are read, not imported, so that no framework is needed."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

import varscale
from varscale.family import FACTORIES, Family

ROOT = Path(varscale.__file__).parent
DOORS = ("keras", "numpy", "tensorflow", "torch")


def statements(name: str) -> list[ast.stmt]:
    return ast.parse((ROOT / f"{name}.py").read_text(encoding="utf-8")).body


def assigned(name: str) -> dict[str, ast.expr]:
    """A door's names that are given a value, with the value."""
    return {
        target.id: statement.value
        for statement in statements(name)
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


@pytest.mark.parametrize("name", DOORS)
def test_every_door_offers_the_family(name: str) -> None:
    public = set(ast.literal_eval(assigned(name)["__all__"]))
    assert {*FACTORIES, "zeros", "ones"} <= public


@pytest.mark.parametrize("name", DOORS)
def test_a_doors_functions_are_the_familys_of_the_same_names(name: str) -> None:
    values = assigned(name)
    assert ast.unparse(values["_family"]).startswith("Family(")
    for function in (*FACTORIES, "zeros", "ones"):
        assert ast.unparse(values[function]) == f"_family.{function}"


@pytest.mark.parametrize("name", DOORS)
def test_all_names_of_a_door_are_defined_sorted_and_listed_once(name: str) -> None:
    public = ast.literal_eval(assigned(name)["__all__"])
    imported = {
        alias.asname or alias.name
        for statement in statements(name)
        for node in ast.walk(statement)  # the names that `attach` gives stand under TYPE_CHECKING
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(public) <= imported | set(assigned(name))
    assert public == sorted(set(public))


def test_the_family_has_no_other_factory() -> None:
    methods = {name for name, _ in inspect.getmembers(Family, inspect.isfunction)}
    assert {name for name in methods if not name.startswith("_")} == set(FACTORIES)


def test_a_factory_passes_its_arguments_on_in_order() -> None:
    family = Family(lambda data: data)
    data = family.variance_scaling(2.0, "fan_out", "uniform", 0, 1, 2, "bfloat16", compiled=True)
    assert (data.scale, data.mode, data.distribution) == (2.0, "fan_out", "uniform")
    assert (data.in_axis, data.out_axis, data.batch_axis) == (0, 1, 2)
    assert (data.dtype, data.compiled) == ("bfloat16", True)
    wide = family.truncated_normal(0.5, "float64", -1.0, 3.0, compiled=False)
    assert (wide.stddev, wide.dtype, wide.lower, wide.upper, wide.compiled) == (
        0.5, "float64", -1.0, 3.0, False,
    )  # fmt: skip


@pytest.mark.parametrize("name", [name for name in FACTORIES if name.split("_")[0] in {
    "glorot", "he", "kaiming", "lecun", "xavier"}])  # fmt: skip
def test_a_named_scaling_passes_its_arguments_on(name: str) -> None:
    family = Family(lambda data: data)
    data = getattr(family, name)(0, 1, 2, "bfloat16", compiled=True)
    assert (data.in_axis, data.out_axis, data.batch_axis) == (0, 1, 2)
    assert (data.dtype, data.compiled) == ("bfloat16", True)


def test_the_package_lists_its_doors_and_imports_them_when_asked() -> None:
    assert set(DOORS) <= set(dir(varscale))
    assert varscale.numpy is importlib.import_module("varscale.numpy")
    with pytest.raises(AttributeError, match=r"^module 'varscale' has no attribute 'nonesuch'$"):
        getattr(varscale, "nonesuch")  # noqa: B009
