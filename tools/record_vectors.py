"""Record known answers of the installed JAX, for tests that run without JAX.

    JAX_PLATFORMS=cpu python tools/record_vectors.py [--reason "why the values change"]

writes varscale/conformance/vectors/jax-VERSION.json: keys, bits, uniforms, normals, truncated
normals and variance scaling, as bit patterns, with their provenance. Values are this project's API,
so a file that exists is overwritten with a reason only, which the file then carries. varscale is
not used.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import platform
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

VECTORS = Path(__file__).resolve().parents[1] / "varscale" / "conformance" / "vectors"
SETTINGS = ("jax_threefry_partitionable", "jax_default_prng_impl", "jax_platforms")
SEEDS = (0, 42, -1, 2**31, 2**32 - 1, 2**40 + 5, 2**63 - 1, -(2**63))
SHAPE = (3, 8)
DTYPES = (
    "float32", "float64", "float16", "bfloat16", "float8_e3m4", "float8_e4m3",
    "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz",
)  # fmt: skip


def patterns(values: Any) -> list[int]:
    """Bit patterns, row-major."""
    array = np.asarray(values)
    return array.view(f"u{array.itemsize}").ravel().tolist()


def words(keys: Any) -> list[list[int]]:
    """Words of one or several keys."""
    return np.asarray(jax.random.key_data(keys)).reshape(-1, 2).tolist()


def key_cases() -> Iterator[dict[str, Any]]:
    """Seeds, splits and folds, in both orders and both widths."""
    for x64 in (False, True):
        with jax.enable_x64(x64):
            for seed in SEEDS:
                yield {
                    "call": "key",
                    "seed": seed,
                    "x64": x64,
                    "words": words(jax.random.key(seed)),
                }
    for partitionable in (True, False):
        with jax.threefry_partitionable(partitionable):
            for num in (1, 2, 3, 7):
                yield {
                    "call": "split", "seed": 42, "num": num, "partitionable": partitionable,
                    "words": words(jax.random.split(jax.random.key(42), num)),
                }  # fmt: skip
    for data in (0, 1, 7, 2**31, 2**32 - 1):
        yield {
            "call": "fold_in", "seed": 42, "data": data,
            "words": words(jax.random.fold_in(jax.random.key(42), data)),
        }  # fmt: skip


def draw_cases() -> Iterator[dict[str, Any]]:
    """Calls of initializers, in the form {initializer, arguments, seed, shape, dtype, bits}."""
    calls: list[tuple[str, list[Any]]] = [
        ("uniform", [1.0]),
        ("uniform", [0.03]),
        ("normal", [1.0]),
        ("normal", [0.02]),
        ("truncated_normal", [1.0]),
        ("variance_scaling", [1.0, "fan_in", "truncated_normal"]),
        ("variance_scaling", [2.0, "fan_out", "normal"]),
        ("variance_scaling", [0.5, "fan_avg", "uniform"]),
        ("variance_scaling", [1.0, "fan_geo_avg", "truncated_normal"]),
    ]
    for dtype in DTYPES:
        for partitionable in (True, False) if dtype in DTYPES[:4] else (True,):
            for name, arguments in calls if partitionable else calls[:1] + calls[5:6]:
                init = getattr(jax.nn.initializers, name)(*arguments)
                x64 = jax.enable_x64(dtype == "float64")
                with x64, jax.threefry_partitionable(partitionable):
                    values = init(jax.random.key(42), SHAPE, dtype)
                yield {
                    "initializer": name, "arguments": arguments, "seed": 42, "shape": list(SHAPE),
                    "dtype": dtype, "partitionable": partitionable, "bits": patterns(values),
                }  # fmt: skip


def random_bits_cases() -> Iterator[dict[str, Any]]:
    """Random bits of each width, an odd number of them, in both orders."""
    for partitionable in (True, False):
        for width in (8, 16, 32, 64):
            with jax.enable_x64(True), jax.threefry_partitionable(partitionable):
                values = jax.random.bits(jax.random.key(42), (13,), f"uint{width}")
            yield {
                "width": width, "seed": 42, "size": 13, "partitionable": partitionable,
                "bits": patterns(values),
            }  # fmt: skip


def digest(payload: dict[str, Any]) -> str:
    """SHA-256 of the cases, written without spaces and with sorted names."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> None:
    """Record, and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--reason", help="why an existing file is overwritten")
    reason = parser.parse_args().reason
    target = VECTORS / f"jax-{jax.__version__}.json"
    if jax.default_backend() != "cpu":
        sys.exit(f"values are defined on CPU, got {jax.default_backend()}: set JAX_PLATFORMS=cpu")
    if target.exists() and not reason:
        sys.exit(f"{target.name} exists: say --reason why its values change")
    payload = {
        "keys": list(key_cases()),
        "random_bits": list(random_bits_cases()),
        "draws": list(draw_cases()),
    }
    provenance = {
        "jax": jax.__version__,
        "jaxlib": jax.lib.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "configuration": {name: jax.config._read(name) for name in SETTINGS},
        "command": shlex.join(["python", "tools/record_vectors.py", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "reason": reason or "first recording",
        "sha256": digest(payload),
    }
    text = json.dumps({"provenance": provenance, **payload}, indent=1)
    # Lists of numbers, and the short objects that hold them, on one line each.
    text = re.sub(r"\[\s+([^\[\]{}]+?)\s+\]", lambda m: "[" + " ".join(m[1].split()) + "]", text)
    text = re.sub(r"\[\s+(\[[^{}]+?\])\s+\]", lambda m: "[" + " ".join(m[1].split()) + "]", text)
    text = re.sub(
        r"{\s+(\"(?!prov|jax)[^{}]+?)\s+}", lambda m: "{" + " ".join(m[1].split()) + "}", text
    )
    target.write_text(text + "\n")
    print(f"{target.name}: {sum(map(len, payload.values()))} cases, {provenance['sha256']}")


if __name__ == "__main__":
    main()
