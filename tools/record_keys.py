"""Record the keys of small models of an installed library, for tests that run without it.

    JAX_PLATFORMS=cpu python tools/record_keys.py LIBRARY [--reason "why the keys change"]

LIBRARY is flax, dm-haiku or equinox. Writes tests/porting/vectors/LIBRARY-VERSION.json: for each
model, which key each parameter is drawn with, and the calls of varscale that should give it.
varscale is not used. Keys are this project's API, so a file that exists is overwritten with a
reason only, which the file then carries.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import importlib.metadata
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import numpy as np

VECTORS = Path(__file__).resolve().parents[1] / "tests" / "porting" / "vectors"
SIZE = 2


def words(key: Any) -> Any:
    """Words of a key, typed or raw."""
    typed = jax.numpy.issubdtype(key.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(key) if typed else key).tolist()


def linen_cases() -> Iterator[dict[str, Any]]:
    """The second of a module's two parameters, in the last slice of each new axis.

    `calls` are methods of `varscale.linen.Scope`, arguments, and which of several results is meant.
    """
    from flax import linen as nn

    class Leaf(nn.Module):
        @nn.compact
        def __call__(self, x: Any, step: None = None) -> Any:
            for name in ("a", "b"):
                self.param(name, jax.random.key_data)
            return x, None

    def scan(module: Any, **options: Any) -> Any:
        split = {"params": True}
        return nn.scan(module, {"params": 0}, split_rngs=split, length=SIZE, **options)

    def vmap(module: Any) -> Any:
        return nn.vmap(module, {"params": 0}, {"params": True}, in_axes=None, axis_size=SIZE)

    version = tuple(map(int, importlib.metadata.version("flax").split(".")))
    forks = version >= (0, 10, 2)
    scanned, mapped = (["scan", [SIZE], 1], ["vmap", [SIZE], 1])
    forked = ["fork", [1] if forks else [None], None]
    second, of_two = ["param_key", [2], None], ["param_key", [2, 2], None]
    after_fork = ["param_key", [3 if forks else 2], None]
    cases = {
        "plain": (lambda: Leaf, [second]),
        "vmap": (lambda: vmap(Leaf), [mapped, second]),
        "scan": (lambda: scan(Leaf), [scanned, of_two]),
        "scan(scan)": (lambda: scan(scan(Leaf)), [scanned, scanned, of_two]),
        "vmap(scan)": (lambda: vmap(scan(Leaf)), [mapped, scanned, of_two]),
        "jit": (lambda: nn.jit(Leaf), [forked, after_fork]),
    }
    if version >= (0, 10, 3):
        unchecked = [*scanned, {"check_constancy_invariants": False}]
        cases["scan, unchecked"] = (
            lambda: scan(Leaf, check_constancy_invariants=False),
            [unchecked, second],
        )
    variables = nn.jit(Leaf)().init(jax.random.key(7), np.zeros(1))["params"]
    yield {
        "library": "linen", "name": "jit of the top module", "seed": 7,
        "calls": [forked, after_fork], "words": words(variables["b"]),
    }  # fmt: skip
    for name, (made, calls) in cases.items():
        for path in (("layers",), ("ab", "c", "\u03bb")):

            class Model(nn.Module):
                names: tuple[str, ...]
                made: Any

                @nn.compact
                def __call__(self, x: Any) -> Any:
                    if len(self.names) > 1:
                        return Model(self.names[1:], self.made, name=self.names[0])(x)
                    return self.made()(name=self.names[0])(x, None)

            variables = Model(path, made).init(jax.random.key(7), np.zeros(1))["params"]
            for step in (*path, "b"):
                variables = variables[step]
            key = np.asarray(variables).reshape(-1, 2)[-1]
            yield {
                "library": "linen", "name": f"{name}, {'/'.join(path)}", "seed": 7,
                "calls": [["child", list(path), None], *calls], "words": words(key),
            }  # fmt: skip


def nnx_cases() -> Iterator[dict[str, Any]]:
    """Keys that are drawn one after the other; `split` goes on with the last slice."""
    from flax import nnx

    steps = ["params", "dropout", "fork", "params", "carry", "split", "params", "dropout", "params"]
    for seeds in ({"default": 7}, {"params": 7, "dropout": 8}, {"default": 9, "params": 5}):
        rngs, drawn = nnx.Rngs(**seeds), []
        taken = [step for step in steps if "default" in seeds or step != "carry"]
        for step in taken:
            if step == "fork":
                rngs = rngs.fork()
            elif step == "split":
                last = {name: stream.key[...][-1] for name, stream in rngs.split(SIZE).items()}
                rngs = nnx.Rngs(**last)
            else:
                drawn.append(words(rngs[step]()))
        yield {"library": "nnx", "seeds": seeds, "steps": taken, "words": drawn}


def haiku_cases() -> Iterator[dict[str, Any]]:
    """A function that draws two parameters around a stack of layers that draw two each."""
    import haiku as hk

    def parameter(name: str) -> None:
        init = lambda shape, dtype: hk.next_rng_key()  # noqa: E731
        hk.get_parameter(name, (2,), np.uint32, init=init)

    def function() -> None:
        def layer(x: Any) -> Any:
            parameter("first")
            parameter("second")
            return x

        parameter("before")
        hk.next_rng_keys(3)
        hk.layer_stack(SIZE)(layer)(np.zeros(1))
        parameter("after")

    for size in (1, 4):
        with hk.config.context(rng_reserve_size=size):
            params = hk.transform(function).init(jax.random.PRNGKey(7))
        found = {name: value for module in params.values() for name, value in module.items()}
        order = ("before", "first", "second", "after")
        yield {
            "library": "haiku", "seed": 7, "reserve_size": size,
            "words": {name: words(found[name]) for name in order},
        }  # fmt: skip


def equinox_cases() -> Iterator[dict[str, Any]]:
    """Every layer that draws, with samplers that return the key that they are given."""
    import equinox as eqx

    def witness(key: Any, *_: Any, **__: Any) -> Any:
        return jax.random.key_data(key)

    biases = {f"use_{name}_bias": True for name in ("query", "key", "value", "output")}
    layers: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
        ("Linear", (3, 4), {}),
        *((f"Conv{kind}{d}d", (2, 4, 3), {}) for kind in ("", "Transpose") for d in (1, 2, 3)),
        ("Embedding", (5, 4), {}),
        ("MultiheadAttention", (2, 4), biases),
        ("GRUCell", (3, 4), {}),
        ("LSTMCell", (3, 4), {}),
        *(("MLP", (3, 2, 4, depth), {}) for depth in (0, 1, 3)),
    ]
    for name, sizes, options in layers:
        with mock.patch("jax.random.uniform", witness), mock.patch("jax.random.normal", witness):
            layer = getattr(eqx.nn, name)(*sizes, **options, key=jax.random.key(7))
        leaves, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(layer, eqx.is_array))
        yield {
            "library": "equinox", "layer": name, "seed": 7,
            "depth": sizes[-1] if name == "MLP" else None,
            "words": {
                jax.tree_util.keystr(path, simple=True, separator="."): words(leaf)
                for path, leaf in leaves
            },
        }  # fmt: skip


CASES = {
    "flax": (linen_cases, nnx_cases),
    "dm-haiku": (haiku_cases,),
    "equinox": (equinox_cases,),
}


def main() -> None:
    """Record, and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("library", choices=CASES)
    parser.add_argument("--only", choices=["linen"], help="of flax, where older NNX differs")
    parser.add_argument("--reason", help="why an existing file is overwritten")
    arguments = parser.parse_args()
    version = importlib.metadata.version(arguments.library)
    target = VECTORS / f"{arguments.library}-{version}.json"
    if target.exists() and not arguments.reason:
        sys.exit(f"{target.name} exists: say --reason why its keys change")
    sources = CASES[arguments.library][: 1 if arguments.only else None]
    payload = {"cases": [case for source in sources for case in source()]}
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    provenance = {
        arguments.library: version,
        "jax": jax.__version__,
        "numpy": np.__version__,
        "command": shlex.join(["python", "tools/record_keys.py", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "reason": arguments.reason or "first recording",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    text = json.dumps({"provenance": provenance, **payload}, indent=1)
    # Lists of numbers on one line each.
    text = re.sub(r"\[\s+([^\[\]{}]+?)\s+\]", lambda m: "[" + " ".join(m[1].split()) + "]", text)
    target.write_text(text + "\n")
    print(f"{target.name}: {len(payload['cases'])} cases, {provenance['sha256']}")


if __name__ == "__main__":
    main()
