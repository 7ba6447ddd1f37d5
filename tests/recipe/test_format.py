"""The file of a recipe: what is not one is refused with a ValueError, and nothing else happens."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from varscale import recipe
from varscale.recipe.fields import FIELDS

VECTORS = sorted((Path(__file__).parent / "vectors").glob("*.json"))


def signed(data: dict[str, Any]) -> str:
    """The text of a recipe's data, with the SHA-256 that it must have."""
    content = {name: value for name, value in data.items() if name != "sha256"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return json.dumps({**content, "sha256": hashlib.sha256(canonical.encode()).hexdigest()})


DATA = {path.stem: json.loads(path.read_text("utf-8")) for path in VECTORS}


def everything() -> recipe.Recipe:
    """Every operation of the format, once at least."""
    f32, i32 = np.dtype("float32"), np.dtype("int32")
    program: list[recipe.Operation] = []

    def add(name: str, *inputs: int, **fields: Any) -> int:
        program.append(recipe.Operation(name, inputs, fields))
        return len(program)

    words = add("unwrap", 0)
    key = add("wrap", words)
    keys = add("split", key, shape=(2,))
    number = add("constant", shape=(), dtype=i32, values=(3,))
    folded = add("fold_in", keys, number)
    law = {"dtype": f32, "distribution": "uniform", "interval": (0.0, 1.0)}
    drawn = add("draw", folded, shape=(3, 4), factors=(), scale=(0.5,), **law)
    add("orthogonal", key, shape=(3, 4), dtype=f32)
    flat = add("reshape", drawn, shape=(6, 4))
    turned = add("transpose", flat, axes=(1, 0))
    part = add("slice", turned, start=(0, 1), stop=(4, 6), step=(1, 2))
    start = add("dynamic_slice", turned, number, number, shape=(2, 2))
    back = add("reverse", part, axes=(1,))
    wide = add("broadcast", back, shape=(2, 4, 3), axes=(1, 2))
    both = add("concatenate", part, back, axis=0)
    add("update", turned, start, start=(1, 1))
    add("convert", both, dtype=np.dtype("bfloat16"))
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum"):
        add(name, part, back)
    for name in ("negate", "absolute", "sign", "sqrt", "exp", "log"):
        add(name, part)
    add("fma", part, back, part)
    for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
        choice = add(name, part, back)
    add("select", choice, part, back)
    step = recipe.Operation("draw", (0,), {"shape": (5,), "factors": (), "scale": (), **law})
    rows = add("scan", keys, length=2, reverse=True, consts=0, carry=0, body=(step,), results=(1,))
    kinds = {"wide": (wide, (2, 4, 3)), "rows": (rows, (2, 5)), "start": (start, (2, 2))}
    return recipe.Recipe(
        typed=True,
        partitionable=True,
        x64=False,
        program=tuple(program),
        outputs=tuple(recipe.Output(name, *kind, f32) for name, kind in kinds.items()),
        left_out=(recipe.LeftOut("rngs", "a PRNG key"),),
        recorded={"jax": "0"},
    )


DATA["everything"] = json.loads(recipe.dumps(everything()))


def test_there_are_recorded_recipes() -> None:
    assert len(VECTORS) >= 3


def test_every_operation_is_in_the_examples() -> None:
    used = {one["op"] for one in DATA["everything"]["program"]}
    assert used == set(FIELDS)


@pytest.mark.parametrize("name", DATA)
def test_a_recipe_is_the_same_after_it_was_written_and_read(name: str) -> None:
    made = recipe.loads(json.dumps(DATA[name]))
    assert json.loads(recipe.dumps(made)) == DATA[name]
    assert recipe.dumps(recipe.loads(recipe.dumps(made))) == recipe.dumps(made)


def test_numbers_keep_their_bits() -> None:
    numbers = (0.0, -0.0, 1e-45, 0.1, float("inf"), float("-inf"), float("nan"), 1 / 3)
    made = recipe.Recipe(
        typed=False,
        partitionable=True,
        x64=True,
        program=(
            recipe.Operation(
                "constant", (), {"shape": (8,), "dtype": np.dtype(float), "values": numbers}
            ),
        ),
        outputs=(recipe.Output("x", 1, (8,), np.dtype(float)),),
    )
    got = recipe.replay(recipe.loads(recipe.dumps(made)), 0)["x"]
    assert got.tobytes() == np.array(numbers).tobytes()


def test_another_version_is_refused() -> None:
    data = {**DATA["everything"], "version": 2}
    with pytest.raises(ValueError, match=r"version 2 of the format is not known; .* version 1"):
        recipe.loads(signed(data))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"format": "x"}', '"\ud800"', "[" * 10**5])
def test_what_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a recipe"):
        recipe.loads(text)


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not a recipe"):
        recipe.load(tmp_path / "x.json")


def places(data: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything in JSON data."""
    found = [here] if here else []
    inner = enumerate(data) if isinstance(data, list) else getattr(data, "items", list)()
    for name, value in inner:
        found += places(value, (*here, name))
    return found


PLACES = {name: places(data) for name, data in DATA.items()}
values = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 9), st.sampled_from((2**31, 2**64, 10**400)),
    st.floats(), st.text(max_size=3), st.sampled_from(("nan", "float32", "draw", "key", "scan")),
    st.lists(st.integers(-1, 5), max_size=3), st.just({}),
)  # fmt: skip


@st.composite
def mutants(draw: Any) -> tuple[str, dict[str, Any]]:
    """A recipe with one part replaced, removed or doubled."""
    name = draw(st.sampled_from(sorted(DATA)))
    data = copy.deepcopy(DATA[name])
    *way, last = draw(st.sampled_from(PLACES[name]))
    owner = data
    for one in way:
        owner = owner[one]
    change = draw(st.sampled_from(("replace", "replace", "remove", "double")))
    if change == "replace":
        owner[last] = draw(values)
    elif change == "remove":
        del owner[last]
    elif isinstance(owner, list):
        owner.insert(last, copy.deepcopy(owner[last]))
    else:
        owner[f"{last}2"] = owner[last]
    return name, data


everywhere = hypothesis.settings(
    max_examples=300, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)


@everywhere
@hypothesis.given(mutants())
def test_a_changed_recipe_is_never_replayed(mutant: tuple[str, dict[str, Any]]) -> None:
    name, data = mutant
    if json.dumps(data, sort_keys=True) == json.dumps(DATA[name], sort_keys=True):
        return
    with pytest.raises(ValueError, match="not a recipe"):
        recipe.loads(json.dumps(data))


@everywhere
@hypothesis.given(mutants())
def test_a_wrong_recipe_with_the_right_sum_is_a_valueerror_or_a_recipe(
    mutant: tuple[str, dict[str, Any]],
) -> None:
    """Whoever writes recipes by hand gets an error that says so, or the values that they say."""
    _, data = mutant
    try:
        made = recipe.loads(signed(data))
    except ValueError as error:
        if not str(error).startswith("not a recipe: "):
            raise
        return
    if any(np.prod(one.shape, dtype=object) > 10**6 for one in made.outputs):
        return
    if any(one.fields.get("length", 0) > 99 for one in made.program):
        return
    for path, array in recipe.replay(made, 0).items():
        expected = next(one for one in made.outputs if one.path == path)
        assert (array.shape, array.dtype) == (expected.shape, expected.dtype)


def test_scans_nested_too_deep_are_refused() -> None:
    fields: dict[str, Any] = {"length": 1, "reverse": False, "consts": 0, "carry": 0, "results": []}
    body: list[Any] = []
    for _ in range(40):
        body = [{"op": "scan", **fields, "body": body}]
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        recipe.loads(signed({**DATA["everything"], "program": body, "outputs": []}))
