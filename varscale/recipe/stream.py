"""Writing parameters to a safetensors file, block by block: a model need not fit in memory.

Source: the format's specification, https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from varscale.arguments import as_path, check_kind
from varscale.keys import KeyLike
from varscale.recipe.format import Recipe
from varscale.recipe.replay import Parameter, parameters

__all__ = ["BLOCK", "write_safetensors"]

#: Elements that are made and written at once.
BLOCK = 1 << 22

_NAMES = {
    "bool": "BOOL",
    "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
    "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64",
    "float16": "F16", "float32": "F32", "float64": "F64", "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}  # fmt: skip


def write_safetensors(
    recipe: Recipe,
    key: KeyLike,
    path: str | Path,
    *,
    progress: Callable[[str, int, int], object] | None = None,
) -> None:
    """Replay a recipe into a safetensors file, which is there whole or not at all.

    What is written goes to a new file beside `path`, which takes its place at the end; after an
    error it is removed, and `path` is as it was. Tensors are made and written in blocks; only one
    that is more than a draw times a number (a sum, an orthogonal matrix) is made whole.

    Args:
        recipe: a recipe.
        key: see `varscale.recipe.parameters`.
        path: of the file.
        progress: called with a parameter's path, the bytes written and the bytes in all.

    Raises:
        TypeError: not a recipe, a key, a path or a function.
        ValueError: a dtype that the format has not, or no recipe's parameter.
        OSError: the file cannot be written.
    """
    file_path = as_path("path", path)
    if not file_path.name or file_path.is_dir():
        raise IsADirectoryError(f"path must be that of a file, got the folder {str(path)!r}")
    check_kind("progress", progress, Callable | None, "a function of (path, written, total)")
    made = list(parameters(recipe, key).values())
    # The largest elements first: every tensor begins at a multiple of its element's size.
    made.sort(key=lambda one: (-one.dtype.itemsize, one.path))
    header = _header(made)
    total = sum(map(_bytes, made))
    with _replaced(file_path) as file:
        file.write(len(header).to_bytes(8, "little") + header)
        written = 0
        for parameter in made:
            for block in parameter.blocks(BLOCK):
                file.write(_little_endian(block))
                written += block.nbytes
                if progress is not None:
                    progress(parameter.path, written, total)


def _header(made: list[Parameter]) -> bytes:
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for parameter in made:
        name = _NAMES.get(parameter.dtype.name)
        if name is None:
            raise ValueError(f"{parameter.path!r}: safetensors has no dtype {parameter.dtype}")
        end = offset + _bytes(parameter)
        entries[parameter.path] = {
            "dtype": name,
            "shape": parameter.shape,
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)


def _bytes(parameter: Parameter) -> int:
    return math.prod(parameter.shape) * parameter.dtype.itemsize


def _little_endian(block: np.ndarray[Any, Any]) -> memoryview:
    plain = np.ascontiguousarray(block).view(f"u{block.itemsize}").reshape(-1)
    return plain.astype(plain.dtype.newbyteorder("<"), copy=False).data


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `path` where all went well, and is removed where not."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with open(part, "xb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            part.unlink()
            raise
