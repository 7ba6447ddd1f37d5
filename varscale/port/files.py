"""Files of JAX parameters, read without JAX: .npz, .safetensors, and Flax's .msgpack.

The two latter are simple enough that no library is asked for.

Source: https://github.com/huggingface/safetensors (README, "Format");
https://github.com/msgpack/msgpack/blob/master/spec.md; flax/serialization.py (0.12.8).
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from varscale.dtypes import as_dtype

__all__ = ["read_file"]


def read_file(path: str | os.PathLike[str], name: str = "tree") -> dict[Any, Any]:
    """The tree in a file, its arrays as NumPy's.

    Args:
        path: of a file of `numpy.savez`, `safetensors.flax.save_file`, or of the bytes of
            `flax.serialization.to_bytes`, with the suffix .npz, .safetensors or .msgpack.
        name: what an error calls it.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: a file of another kind, or one that is damaged.
    """
    file = Path(path)
    if file.is_dir():
        raise ValueError(
            f"{file} is a folder, perhaps a checkpoint of Orbax, which is not read here: restore "
            "it with orbax.checkpoint, then numpy.savez(file, **flax.traverse_util.flatten_dict("
            'params, sep="/"))'
        )
    if file.suffix not in _READERS:
        known = ", ".join(_READERS)
        raise ValueError(f"{name} must be a mapping or a file of {known}, got {str(path)!r}")
    tree = _READERS[file.suffix](file)
    if not isinstance(tree, dict):
        raise ValueError(f"{file} holds no tree, but one {type(tree).__name__}")
    return tree


def _npz(file: Path) -> dict[str, Any]:
    with np.load(file, allow_pickle=False) as arrays:
        return {name: _named(arrays[name]) for name in arrays.files}


def _named(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """NumPy's files forget the name of ml_dtypes' types; of two bytes it is nearly always this."""
    return array.view(ml_dtypes.bfloat16) if array.dtype == np.dtype("V2") else array


#: The names of safetensors; all are little-endian.
_SAFETENSORS = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32",
    "I32": "int32", "U64": "uint64", "I64": "int64", "F16": "float16", "BF16": "bfloat16",
    "F32": "float32", "F64": "float64", "C64": "complex64", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}  # fmt: skip


def _safetensors(file: Path) -> dict[str, Any]:
    """8 bytes with the length of a JSON header, the header, and the values."""
    data = np.memmap(file, np.uint8, "r") if file.stat().st_size else np.zeros(0, np.uint8)
    try:
        (length,) = struct.unpack("<Q", data[:8].tobytes())
        if data.size < 8 + length:
            raise ValueError(f"{8 + length} bytes are wanted, {data.size} are there")
        header = json.loads(data[8 : 8 + length].tobytes())
        values = data[8 + length :]
        return {
            name: values[slice(*one["data_offsets"])]
            .view(as_dtype(_SAFETENSORS[one["dtype"]]))
            .reshape(one["shape"])
            for name, one in header.items()
            if name != "__metadata__"
        }
    except (struct.error, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file} is no whole file of safetensors: {error!r}") from None


def _msgpack(file: Path) -> Any:
    try:
        return _unchunked(_Msgpack(file.read_bytes()).only_value())
    except (IndexError, KeyError, TypeError, struct.error, ValueError) as error:
        raise ValueError(f"{file} is no whole file of Flax's msgpack: {error!r}") from None


def _unchunked(tree: Any) -> Any:
    """Flax writes an array of more than 1 GiB in pieces."""
    if not isinstance(tree, dict):
        return tree
    if "__msgpack_chunked_array__" in tree:
        in_order = [
            [one[str(i)] for i in range(len(one))] for one in (tree["chunks"], tree["shape"])
        ]
        return np.concatenate(in_order[0]).reshape(in_order[1])
    return {name: _unchunked(child) for name, child in tree.items()}


#: First bytes of values whose length, or themselves, follow: how many bytes, and what they are.
_LENGTHS = {
    0xC4: (">B", "bin"), 0xC5: (">H", "bin"), 0xC6: (">I", "bin"), 0xC7: (">B", "ext"),
    0xC8: (">H", "ext"), 0xC9: (">I", "ext"), 0xCA: (">f", ""), 0xCB: (">d", ""), 0xCC: (">B", ""),
    0xCD: (">H", ""), 0xCE: (">I", ""), 0xCF: (">Q", ""), 0xD0: (">b", ""), 0xD1: (">h", ""),
    0xD2: (">i", ""), 0xD3: (">q", ""), 0xD9: (">B", "str"), 0xDA: (">H", "str"),
    0xDB: (">I", "str"), 0xDC: (">H", "list"), 0xDD: (">I", "list"), 0xDE: (">H", "map"),
    0xDF: (">I", "map"),
}  # fmt: skip
_SINGLE = {0xC0: None, 0xC2: False, 0xC3: True}


class _Msgpack:
    """The values of msgpack, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def only_value(self) -> Any:
        """The one value that there is."""
        found = self.value()
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at} bytes are left over")
        return found

    def value(self) -> Any:
        """The next value."""
        first = self._take(1)[0]
        if first < 0x80:
            return first
        if first >= 0xE0:
            return first - 0x100
        if first in _SINGLE:
            return _SINGLE[first]
        if first < 0xC0:
            kind = "map" if first < 0x90 else "list" if first < 0xA0 else "str"
            return self._sized(kind, first & (0x1F if kind == "str" else 0x0F))
        if 0xD4 <= first <= 0xD8:
            return self._sized("ext", 1 << (first - 0xD4))
        number, kind = _LENGTHS[first]
        (found,) = struct.unpack(number, self._take(struct.calcsize(number)))
        return self._sized(kind, found) if kind else found

    def _sized(self, kind: str, size: int) -> Any:
        if kind == "map":
            return {self.value(): self.value() for _ in range(size)}
        if kind == "list":
            return [self.value() for _ in range(size)]
        if kind == "ext":
            return _extension(self._take(1)[0], self._take(size))
        return self._take(size).decode() if kind == "str" else self._take(size)

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) != size:
            raise ValueError(f"{size} bytes are wanted at {self._at}, {len(taken)} are there")
        self._at += size
        return taken


def _extension(code: int, data: bytes) -> Any:
    """Flax's own: 1 and 3 are arrays and scalars, (shape, dtype, bytes); 2 a complex number."""
    if code == 2:
        return complex(*_Msgpack(data).value())
    if code not in (1, 3):
        raise ValueError(f"msgpack's extension {code} is none of Flax's")
    shape, dtype, values = _Msgpack(data).value()
    kind = dtype if isinstance(dtype, str) else dtype.decode()
    return np.frombuffer(values, as_dtype(kind)).reshape(shape)


_READERS: dict[str, Callable[[Path], Any]] = {
    ".npz": _npz,
    ".safetensors": _safetensors,
    ".msgpack": _msgpack,
}
