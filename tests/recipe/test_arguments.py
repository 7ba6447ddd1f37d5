"""Arguments of another type are refused by one sentence: which, what it must be, what was given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from varscale import recipe

F32 = np.dtype("float32")
UNIFORM = {"distribution": "uniform", "interval": (0.0, 1.0), "factors": (), "scale": ()}
DRAW = recipe.Operation("draw", (0,), {"shape": (2, 3), "dtype": F32, **UNIFORM})


def made(**changed: Any) -> recipe.Recipe:
    outputs = (recipe.Output("a", 1, (2, 3), F32),)
    given: dict[str, Any] = {"program": (DRAW,), "outputs": outputs, **changed}
    return recipe.Recipe(typed=True, partitionable=True, x64=False, **given)


RECIPE: Any = made()
ARRAY = np.zeros((2, 3), np.float32)


def blocks(limit: Any) -> Any:
    return list(recipe.parameters(RECIPE, 0)["a"].blocks(limit))


WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "replay": (lambda at: recipe.replay(str(at), 0), "recipe must be a Recipe, .*, got str"),  # type: ignore[arg-type]
    "parameters": (lambda at: recipe.parameters({}, 0), "recipe must be .*, got dict"),  # type: ignore[arg-type]
    "dumps": (lambda at: recipe.dumps(None), "recipe must be .*, got NoneType"),  # type: ignore[arg-type]
    "save": (lambda at: recipe.save(3, at / "x"), "recipe must be .*, got int"),  # type: ignore[arg-type]
    "save to": (lambda at: recipe.save(RECIPE, None), "path must be the path .*, got NoneType"),  # type: ignore[arg-type]
    "load": (lambda at: recipe.load([at]), "path must be the path of a file, got list"),  # type: ignore[arg-type]
    "loads": (lambda at: recipe.loads(3), "text must be the text .*, got int"),  # type: ignore[arg-type]
    "write": (lambda at: recipe.write_safetensors(3, 0, at / "x"), "recipe must be .*, got int"),  # type: ignore[arg-type]
    "write to": (lambda at: recipe.write_safetensors(RECIPE, 0, 3), "path must be .*, got int"),  # type: ignore[arg-type]
    "progress": (
        lambda at: recipe.write_safetensors(RECIPE, 0, at / "x", progress=3),  # type: ignore[arg-type]
        "progress must be a function of .*, got int",
    ),
    "into": (lambda at: recipe.replay(RECIPE, 0, into=ARRAY), "into must be a mapping .* ndarray"),  # type: ignore[arg-type]
    "layouts": (
        lambda at: recipe.replay(RECIPE, 0, into={"a": ARRAY}, layouts="OI"),  # type: ignore[arg-type]
        "layouts must be a mapping from paths to layouts, got str",
    ),
    "limit": (lambda at: blocks(1.5), "limit must be an integer, got float"),
    "init_fn": (lambda at: recipe.record("init"), "init_fn must be a function .*, got str"),  # type: ignore[arg-type]
    "compiled": (lambda at: recipe.record(id, compiled="x"), "compiled must be True or False"),  # type: ignore[arg-type]
    "verify": (lambda at: recipe.record(id, verify=None), "verify must be .*, got NoneType"),  # type: ignore[arg-type]
    "program": (lambda at: made(program=3), "program must be a tuple, got int"),
    "operation": (lambda at: made(program=("draw",)), "program must be an Operation, got str"),
    "outputs": (lambda at: made(outputs=["a"]), "outputs must be a tuple, got list"),
    "output": (lambda at: made(outputs=("a",)), "outputs must be an Output, got str"),
    "recorded": (lambda at: made(recorded=3), "recorded must be a mapping .*, got int"),
    "dtype": (
        lambda at: recipe.Output("a", 1, (2, 3), "float32"),  # type: ignore[arg-type]
        "dtype must be a NumPy dtype, got str",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_argument_of_another_type_is_refused(wrong: str, tmp_path: Path) -> None:
    call, message = WRONG[wrong]
    with pytest.raises(TypeError, match=f"{message}"):
        call(tmp_path)
    assert not list(tmp_path.iterdir())
    assert not ARRAY.any()


def test_values_out_of_range_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="limit must be at least 1, got 0"):
        blocks(0)
    with pytest.raises(IsADirectoryError, match="path must be that of a file, got the folder"):
        recipe.write_safetensors(RECIPE, 0, tmp_path)
    with pytest.raises(ValueError, match="there is no operation 'nope'"):
        made(program=(recipe.Operation("nope"),))
    with pytest.raises(ValueError, match="operation 'draw' lacks"):
        made(program=(recipe.Operation("draw", (0,), {"shape": (2, 3)}),))
    with pytest.raises(ValueError, match="'draw' asks for values"):
        made(program=(recipe.Operation("draw", ("x",), DRAW.fields),))  # type: ignore[arg-type]


def test_a_seed_that_is_no_seed_of_jax_is_refused() -> None:
    pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
    with pytest.raises(OverflowError, match=r"seed must be in \[-2\*\*63, 2\*\*63\), got 1"):
        recipe.record(id, 2**70)
