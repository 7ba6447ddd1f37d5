"""The file written block by block: the same values, whole or not at all, in little memory."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from varscale import recipe
from varscale.recipe import stream

VECTORS = Path(__file__).parent / "vectors"
NAMES = sorted(path.stem for path in VECTORS.glob("*.json"))
F32 = np.dtype("float32")


def model(shapes: dict[str, tuple[int, ...]]) -> recipe.Recipe:
    """A recipe of uniform tables, each under a key of its own, twice as large as drawn."""
    program, outputs = [], []
    for i, (path, shape) in enumerate(shapes.items()):
        number = {"shape": (), "dtype": np.dtype("int32"), "values": (i,)}
        draw = {"shape": shape, "dtype": F32, "distribution": "uniform", "interval": (0.0, 1.0),
                "factors": (), "scale": (2.0,)}  # fmt: skip
        program += [
            recipe.Operation("constant", (), number),
            recipe.Operation("fold_in", (0, 3 * i + 1)),
            recipe.Operation("draw", (3 * i + 2,), draw),
        ]
        outputs.append(recipe.Output(path, 3 * i + 3, shape, F32))
    return recipe.Recipe(
        typed=True, partitionable=True, x64=False, program=tuple(program), outputs=tuple(outputs)
    )


def read(path: Path) -> dict[str, tuple[str, list[int], bytes]]:
    """The file by its specification, without the library."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    assert size % 8 == 0
    header = json.loads(data[8 : 8 + size])
    assert header.pop("__metadata__") == {"format": "pt"}
    found = {}
    end = 0
    for name, entry in header.items():
        low, high = entry["data_offsets"]
        assert low == end
        end = high
        found[name] = (entry["dtype"], entry["shape"], data[8 + size + low : 8 + size + high])
    assert 8 + size + end == len(data)
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("block", [5, stream.BLOCK])
def test_the_file_holds_the_bytes_of_a_replay(
    name: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BLOCK", block)
    made = recipe.load(VECTORS / f"{name}.json")
    recipe.write_safetensors(made, 5, tmp_path / "model.safetensors")
    found = read(tmp_path / "model.safetensors")
    wanted = recipe.replay(made, 5)
    assert found.keys() == wanted.keys()
    for path, array in wanted.items():
        dtype, shape, data = found[path]
        assert (dtype, tuple(shape)) == (stream._NAMES[array.dtype.name], array.shape)
        assert data == array.tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_library_reads_the_file(name: str, tmp_path: Path) -> None:
    safetensors = pytest.importorskip(
        "safetensors", reason="not installed: pip install safetensors"
    )
    made = recipe.load(VECTORS / f"{name}.json")
    recipe.write_safetensors(made, 5, tmp_path / "model.safetensors")
    wanted = recipe.replay(made, 5)
    entries = dict(safetensors.deserialize((tmp_path / "model.safetensors").read_bytes()))
    assert entries.keys() == wanted.keys()
    for path, array in wanted.items():
        assert tuple(entries[path]["shape"]) == array.shape
        assert bytes(entries[path]["data"]) == array.tobytes()


def constants(*dtypes: str) -> recipe.Recipe:
    fields = [{"shape": (3,), "dtype": np.dtype(one), "values": (value,)}
              for one, value in zip(dtypes, (True, 3, 4, 0.5, 2.0), strict=False)]  # fmt: skip
    return recipe.Recipe(
        typed=True,
        partitionable=True,
        x64=False,
        program=tuple(recipe.Operation("constant", (), one) for one in fields),
        outputs=tuple(
            recipe.Output(one, i + 1, (3,), np.dtype(one)) for i, one in enumerate(dtypes)
        ),
    )


def test_larger_elements_come_first(tmp_path: Path) -> None:
    made = constants("bool", "int64", "uint8", "float16", "float64")
    recipe.write_safetensors(made, 0, tmp_path / "x")
    assert list(read(tmp_path / "x")) == ["float64", "int64", "float16", "bool", "uint8"]


def test_a_dtype_that_the_format_has_not_is_refused(tmp_path: Path) -> None:
    import ml_dtypes

    fields = {"shape": (3,), "dtype": np.dtype(ml_dtypes.float8_e3m4), "values": (1.0,)}
    made = recipe.Recipe(
        typed=True, partitionable=True, x64=False,
        program=(recipe.Operation("constant", (), fields),),
        outputs=(recipe.Output("a", 1, (3,), fields["dtype"]),),  # type: ignore[arg-type]
    )  # fmt: skip
    with pytest.raises(ValueError, match="'a': safetensors has no dtype float8_e3m4"):
        recipe.write_safetensors(made, 0, tmp_path / "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("existing", [False, True])
def test_an_error_leaves_no_file_and_no_part(existing: bool, tmp_path: Path) -> None:
    target = tmp_path / "model.safetensors"
    if existing:
        target.write_bytes(b"old")
    seen: list[str] = []

    def stop(path: str, written: int, total: int) -> None:
        seen.extend(one.name for one in tmp_path.iterdir())
        if written > total // 2:
            raise KeyboardInterrupt

    made = model({"a": (100, 10), "b": (200, 10)})
    with pytest.raises(KeyboardInterrupt):
        recipe.write_safetensors(made, 0, target, progress=stop)
    assert any(name.endswith(".part") for name in seen)
    assert [one.name for one in tmp_path.iterdir()] == ([target.name] if existing else [])
    assert not existing or target.read_bytes() == b"old"


def test_an_older_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "model.safetensors"
    target.write_bytes(b"old")
    made = model({"a": (100, 10)})
    recipe.write_safetensors(
        made, 0, target, progress=lambda *_: None if target.read_bytes() == b"old" else 1 / 0
    )
    assert list(read(target)) == ["a"]


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    told: list[Any] = []
    made = model({"a": (100, 10), "b": (200, 10)})
    recipe.write_safetensors(made, 0, tmp_path / "x", progress=lambda *all: told.append(all))
    assert told == [("a", 4000, 12000), ("b", 12000, 12000)]


def test_a_process_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    made = model({f"layer{i}": (2000, 1000) for i in range(400)})
    recipe.save(made, tmp_path / "recipe.json")
    target = tmp_path / "model.safetensors"
    target.write_bytes(b"old")
    command = [sys.executable, "-m", "varscale", "replay", "recipe.json", "--out", target.name]
    process = subprocess.Popen(command, cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".*.part")) and time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert target.read_bytes() == b"old"


LIMITED = """
import resource, sys
import numpy
from varscale import recipe
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    numpy.ones(limit, numpy.uint8)
except MemoryError:
    print("limited")
made = recipe.load("recipe.json")
recipe.write_safetensors(made, 3, "model.safetensors")
"""


def test_a_model_larger_than_the_memory_is_written(tmp_path: Path) -> None:
    """One tensor of 512 MB and others, by a process that may have 192 MB."""
    pytest.importorskip("resource", reason="not available: limits")
    made = model({"table": (2**17, 2**10), "a": (1000, 1000), "b": (2**20, 3)})
    recipe.save(made, tmp_path / "recipe.json")
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(192 * 2**20)], cwd=tmp_path, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip() == "limited"
    target = tmp_path / "model.safetensors"
    parts = recipe.parameters(made, 3)
    header = 8 + int.from_bytes(_start(target), "little")
    expected = hashlib.sha256()
    for path in sorted(parts):
        for block in parts[path].blocks(1 << 20):
            expected.update(block.tobytes())
    assert _sum(target, header) == expected.hexdigest()


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _sum(path: Path, start: int) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(1 << 24):
            found.update(chunk)
    return found.hexdigest()
