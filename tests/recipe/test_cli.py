"""The command: from a model's file to its parameters, and one line where it cannot be done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from varscale import recipe
from varscale.cli import main

VECTORS = Path(__file__).parent / "vectors"

MODEL = """
import jax
initializers = jax.nn.initializers

class Nets:
    @staticmethod
    def init(key):
        first, second = jax.random.split(key)
        return {"w": initializers.lecun_normal()(first, (8, 16)), "key": second}

def init(key):
    return {"b": initializers.normal(1e-6)(key, (999,))}

def bad(key):
    return jax.numpy.tanh(jax.random.normal(key, (3,)))

number = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
    (tmp_path / "some_model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "some_model", raising=False)
    return tmp_path


def test_a_model_is_recorded_and_replayed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "some_model:Nets.init", "--out", "recipe.json"]) == 0
    assert capfd.readouterr().err == "left out: key: a PRNG key\n"
    assert main(["replay", "recipe.json", "--seed", "7", "--out", "model.safetensors"]) == 0
    assert capfd.readouterr().err == ""
    wanted = recipe.replay(recipe.load("recipe.json"), 7)["w"]
    assert (folder / "model.safetensors").read_bytes().endswith(wanted.tobytes())

    import jax
    from some_model import Nets  # type: ignore[import-not-found]

    assert (np.asarray(Nets.init(jax.random.key(7))["w"]) == wanted).all()


def test_the_options_of_record_are_carried_out(folder: Path) -> None:
    main(["record", "some_model:init", "--out", "a.json"])
    main(["record", "some_model:init", "--out", "b.json", "--jit", "--raw-key", "--seed", "3"])
    eager, jitted = recipe.load("a.json"), recipe.load("b.json")
    assert (eager.typed, jitted.typed) == (True, False)
    assert (eager.recorded["init"], jitted.recorded["init"]) == ("init", "jax.jit(init)")


def test_no_verify_does_not_compare(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
    from varscale.recipe.recording import record

    called = []
    module = sys.modules[record.__module__]
    monkeypatch.setattr(module, "_compare", lambda *all: called.append(all))
    main(["record", "some_model:init", "--out", "a.json", "--no-verify"])
    assert not called
    main(["record", "some_model:init", "--out", "a.json"])
    assert len(called) == 2


WRONG = {
    "primitive": (["record", "some_model:bad", "--out", "x"], "tanh(float32[3]) cannot be"),
    "module": (["record", "no_model:init", "--out", "x"], "No module named 'no_model'"),
    "function": (["record", "some_model:nope", "--out", "x"], "has no attribute 'nope'"),
    "no function": (["record", "some_model:number", "--out", "x"], "not a function, but a int"),
    "no colon": (["record", "some_model.init", "--out", "x"], "MODULE:FUNCTION is wanted"),
    "relative": (["record", "..some_model:init", "--out", "x"], "MODULE:FUNCTION is wanted"),
    "no recipe": (["replay", "nope.json", "--out", "x"], "No such file"),
    "other file": (["replay", "some_model.py", "--out", "x"], "not a recipe"),
    "folder": (["replay", str(VECTORS / "linen-mlp.json"), "--out", "no/x"], "No such file"),
    "seed": (["replay", str(VECTORS / "linen-mlp.json"), "--seed", str(2**70), "--out", "x"],
             "seed must be in"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_an_error_is_one_line(wrong: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments, message = WRONG[wrong]
    assert main(arguments) == 2
    text = capfd.readouterr().err
    assert message in text
    assert text.startswith(f"varscale {arguments[0]}: ")
    assert text.count("\n") == 1
    assert {one.name for one in folder.iterdir()} <= {"some_model.py", "__pycache__"}


def test_wrong_arguments_are_argparse_s(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["replay"])
    assert caught.value.code == 2
    assert "usage: varscale replay" in capfd.readouterr().err


def test_the_package_is_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "varscale"]
    made = VECTORS / "linen-mlp.json"
    run = subprocess.run([*command, "replay", made, "--out", "x"], cwd=tmp_path, check=False)
    assert run.returncode == 0
    assert (tmp_path / "x").stat().st_size > 1000
    shown = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("varscale ")


def test_a_recipe_is_not_overwritten_by_its_parameters(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "recipe.json"
    made.write_bytes((VECTORS / "linen-mlp.json").read_bytes())
    before = made.read_bytes()
    assert main(["replay", str(made), "--out", str(made)]) == 2
    assert "must not be the recipe itself" in capfd.readouterr().err
    assert made.read_bytes() == before


def test_an_init_that_raises_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
    (tmp_path / "model_that_raises.py").write_text("def init(key): raise RuntimeError('no data')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["record", "model_that_raises:init", "--out", "x"]) == 2
    assert capfd.readouterr().err == "varscale record: no data\n"
