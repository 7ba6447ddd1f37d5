"""Trees of JAX parameters as they are met: nested, flat, of NNX, with collections, in files."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.cases import random_cases
from varscale.port.files import read_file
from varscale.port.trees import as_array, flatten, read, shapes

A, B, C = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(3, np.float32), np.zeros(2)
WANT = {"Dense_0/kernel": A, "Dense_0/bias": B}

ALIKE: dict[str, Any] = {
    "nested": {"Dense_0": {"kernel": A, "bias": B}},
    "in a collection": {"params": {"Dense_0": {"kernel": A, "bias": B}}},
    "flat": {"Dense_0/kernel": A, "Dense_0/bias": B},
    "flat, in a collection": {"params/Dense_0/kernel": A, "params/Dense_0/bias": B},
    "dotted": {"Dense_0.kernel": A, "Dense_0.bias": B},
    "dotted, in a collection": {"params.Dense_0.kernel": A, "params.Dense_0.bias": B},
    "half nested": {"params": {"Dense_0/kernel": A, "Dense_0/bias": B}},
    "values of NNX": {"Dense_0": {"kernel": {"value": A}, "bias": {"value": B}}},
    "with None": {"Dense_0": {"kernel": A, "bias": B, "other": None}, "Dense_1": None},
}


@pytest.mark.parametrize("name", ALIKE)
def test_trees_that_mean_the_same_are_the_same(name: str) -> None:
    assert flatten(ALIKE[name]) == WANT
    assert read(ALIKE[name]).others == {}


def test_collections_beside_the_parameters_are_kept_apart() -> None:
    stats = {"BatchNorm_0": {"mean": C}}
    for tree in (
        {"params": {"Dense_0": {"kernel": A}}, "batch_stats": stats},
        {"params.Dense_0.kernel": A, "batch_stats.BatchNorm_0.mean": C},
    ):
        found = read(tree)
        assert found.params == {"Dense_0/kernel": A}
        assert found.others == {"batch_stats/BatchNorm_0/mean": C}


def test_a_collection_with_a_name_like_params_is_another() -> None:
    found = read({"params": {"fc": {"kernel": A}}, "params_axes": {"fc": {"kernel_axes": B}}})
    assert found.params == {"fc/kernel": A}
    assert found.others == {"params_axes/fc/kernel_axes": B}


def test_numbers_and_lists_are_names() -> None:
    assert flatten({"layers": {0: {"kernel": A}, 1: {"kernel": B}}}) == flatten(
        {"layers": [{"kernel": A}, {"kernel": B}]}
    )
    assert set(flatten({"layers": {0: A, 10: B}})) == {"layers/0", "layers/10"}


def test_names_with_dots_or_slashes_stay_whole_where_they_are_names() -> None:
    assert set(flatten({"mlp/~/linear_0": {"w": A}})) == {"mlp/~/linear_0/w"}
    assert set(flatten({"block.0": {"w": A}})) == {"block.0/w"}
    assert set(flatten({"a/b.c": A, "d": B})) == {"a/b.c", "d"}


def test_a_parameter_called_value_is_one_where_others_are_not() -> None:
    assert set(flatten({"pos": {"value": A}, "fc": {"kernel": B}})) == {"pos/value", "fc/kernel"}


def test_shapes_are_read_of_arrays_and_of_shapes() -> None:
    assert shapes({"a": {"b": A}, "c": (4, 5)}) == {"a/b": (2, 3), "c": (4, 5)}


def test_what_is_no_tree_is_refused() -> None:
    with pytest.raises(TypeError, match=r"must be a mapping .* or the path of a file, got list"):
        read([A])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="each path once, got 'a/b' twice"):
        read({"a/b": A, "a": {"b": B}})


@pytest.mark.parametrize("shape", ["ab", 1.5, (4, "a"), object()])
def test_what_is_no_shape_is_refused_with_its_path(shape: Any) -> None:
    with pytest.raises(TypeError, match=r"expect must have arrays or .*, got .* at 'a/b'"):
        shapes({"a": {"b": shape}})


@pytest.mark.parametrize(
    "leaf", ["abc", object(), [[1, 2], [3]], np.zeros(3, "U3"), np.zeros(3, object), lambda: 1]
)
def test_what_is_no_array_of_numbers_is_refused_with_its_path(leaf: Any) -> None:
    with pytest.raises(TypeError, match=r"tree must have arrays of numbers, got .* at 'a/b': "):
        as_array("a/b", leaf)


NAMES = st.text(st.characters(blacklist_characters="/.", codec="utf-8"), min_size=1, max_size=4)
TREES = st.recursive(
    st.integers(), lambda below: st.dictionaries(NAMES, below, min_size=1, max_size=3), max_leaves=8
).filter(lambda tree: isinstance(tree, dict))


@random_cases(max_examples=100)
@given(tree=TREES)
def test_nested_and_flat_trees_are_the_same(tree: Any) -> None:
    found = read(tree)
    everything = {f"params/{path}": leaf for path, leaf in found.params.items()} | found.others
    assert read(everything) == found
    assert len(found.params) + len(found.others) == count(tree)


def count(tree: Any) -> int:
    return sum(map(count, tree.values())) if isinstance(tree, dict) else 1


ARRAYS: dict[str, Any] = {
    "Dense_0/kernel": A,
    "Dense_0/bias": B.astype(np.float16),
    "Embed_0/embedding": np.arange(8).reshape(2, 4).astype(ml_dtypes.bfloat16),
    "scalar": np.float32(3.5),
    "empty": np.zeros((0, 3), np.float32),
    "count": np.array([1, 2], np.int32),
}


def identical(got: dict[str, Any], want: dict[str, Any]) -> None:
    assert set(got) == set(want)
    for path, array in want.items():
        one = np.asarray(got[path])
        assert (one.dtype, one.shape) == (array.dtype, array.shape), path
        assert one.tobytes() == array.tobytes(), path


def test_npz_files_are_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "tree.npz", **ARRAYS)
    identical(flatten(tmp_path / "tree.npz"), ARRAYS)
    identical(flatten(str(tmp_path / "tree.npz")), ARRAYS)


def test_safetensors_files_are_read(tmp_path: Path) -> None:
    library = pytest.importorskip(
        "safetensors.numpy", reason="not installed: pip install safetensors"
    )
    arrays = {path: np.asarray(array) for path, array in ARRAYS.items()}
    library.save_file(arrays, tmp_path / "tree.safetensors", metadata={"format": "np"})
    identical(flatten(tmp_path / "tree.safetensors"), arrays)


def test_msgpack_files_of_flax_are_read(tmp_path: Path) -> None:
    serialization = pytest.importorskip(
        "flax.serialization", reason="not installed: pip install flax"
    )
    tree: dict[str, Any] = {
        "params": {"Dense_0": {"kernel": A, "bias": B}, "scalar": ARRAYS["scalar"]},
        "batch_stats": {"é" * 40: {str(i): np.full(i, i, np.int32) for i in range(20)}},
    }
    (tmp_path / "tree.msgpack").write_bytes(serialization.to_bytes(tree))
    found = read(tmp_path / "tree.msgpack")
    identical(found.params, {**WANT, "scalar": ARRAYS["scalar"]})
    assert found.others["batch_stats/" + "é" * 40 + "/17"].tolist() == [17] * 17


def test_pieces_of_large_arrays_are_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serialization = pytest.importorskip(
        "flax.serialization", reason="not installed: pip install flax"
    )
    monkeypatch.setattr(serialization, "MAX_CHUNK_SIZE", 16)
    data = serialization.msgpack_serialize({"big": {"kernel": A}})
    assert b"chunked" in data
    (tmp_path / "tree.msgpack").write_bytes(data)
    identical(flatten(tmp_path / "tree.msgpack"), {"big/kernel": A})


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.integers(-300, 300)
    | st.floats(allow_nan=False)
    | st.text(max_size=300)
    | st.binary(max_size=300),
    lambda below: (
        st.lists(below, max_size=20) | st.dictionaries(st.text(max_size=5), below, max_size=20)
    ),
    max_leaves=30,
)


@random_cases(max_examples=150)
@given(value=VALUES)
def test_msgpack_is_read_as_its_library_reads_it(value: Any) -> None:
    library = pytest.importorskip("msgpack", reason="not installed: pip install msgpack")
    from varscale.port.files import _Msgpack

    assert _Msgpack(library.packb(value)).value() == value


def test_states_of_nnx_are_trees() -> None:
    nnx = pytest.importorskip("flax.nnx", reason="not installed: pip install flax")

    class Net(nnx.Module):  # type: ignore[misc,name-defined]
        def __init__(self, rngs: Any) -> None:
            self.layers = nnx.List([nnx.Linear(2, 3, rngs=rngs), nnx.Dropout(0.1, rngs=rngs)])

    state = nnx.state(Net(nnx.Rngs(0)))
    for tree in (state, nnx.to_pure_dict(state)):
        found = flatten(tree)
        assert {"layers/0/kernel", "layers/0/bias"} <= set(found)
        assert np.asarray(found["layers/0/kernel"]).shape == (2, 3)


HEADER = json.dumps({"a": {"dtype": "F4", "shape": [1], "data_offsets": [0, 4]}}).encode()
DAMAGED: dict[str, bytes] = {
    "short.safetensors": struct.pack("<Q", 100) + b"{}",
    "empty.safetensors": b"",
    "unknown.safetensors": struct.pack("<Q", len(HEADER)) + HEADER + b"0000",
    "short values.safetensors": struct.pack("<Q", len(HEADER)) + HEADER.replace(b"F4", b"U8"),
    "long.msgpack": b"\x80\x80",
    "short.msgpack": b"\x82\xa1a",
    "unknown.msgpack": b"\x81\xa1a\xd4\x07\x00",
    "reserved.msgpack": b"\xc1",
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(ValueError, match="is no whole file of "):
        read_file(tmp_path / name)


def test_files_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "list.msgpack").write_bytes(b"\x91\x01")
    with pytest.raises(ValueError, match="holds no tree, but one list"):
        read(tmp_path / "list.msgpack")
    with pytest.raises(ValueError, match=r"a file of \.npz, \.safetensors, \.msgpack, got '.*pt'"):
        read(tmp_path / "model.pt")
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing.npz")
    with pytest.raises(ValueError, match=r"(?s)a folder.*Orbax.*orbax\.checkpoint.*numpy\.savez"):
        read(tmp_path)


def test_pickles_in_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "tree.npz", a=np.array([{"b": 1}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read(tmp_path / "tree.npz")
