"""What needs no library: recorded keys and parameters of small models, and the messages of errors.

The keys are recorded by tools/record_keys.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.compare import assert_identical, command
from varscale.equinox import param_keys
from varscale.haiku import PRNGSequence, layer_stack
from varscale.linen import Scope
from varscale.nnx import Rngs, RngStream

VECTORS = Path(__file__).parent / "vectors"
RECORDED = {path.stem: json.loads(path.read_text()) for path in sorted(VECTORS.glob("*.json"))}
#: File, and how many cases it has of each library.
PROMISED = {
    "flax-0.10.1": {"linen": 13},
    "flax-0.12.8": {"linen": 15, "nnx": 3},
    "dm-haiku-0.0.17": {"haiku": 2},
    "equinox-0.13.8": {"equinox": 14},
}


@pytest.mark.parametrize("name", RECORDED)
def test_a_file_is_what_was_recorded(name: str) -> None:
    recorded = dict(RECORDED[name])
    provenance = recorded.pop("provenance")
    text = json.dumps(recorded, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == provenance["sha256"], name


def test_there_are_keys_of_every_promised_version() -> None:
    assert {*PROMISED, "parameters"} == set(RECORDED)
    for name, sizes in PROMISED.items():
        libraries = [case["library"] for case in RECORDED[name]["cases"]]
        assert {library: libraries.count(library) for library in libraries} == sizes
        library, version = name.rsplit("-", 1)
        assert RECORDED[name]["provenance"][library] == version


def of(library: str) -> Any:
    """One test per recorded case of a library."""
    cases = {
        f"{name}-{number}": case
        for name in PROMISED
        for number, case in enumerate(RECORDED[name]["cases"])
        if case["library"] == library
    }
    return pytest.mark.parametrize("case", list(cases.values()), ids=list(cases))


def check(got: Any, want: Any, case: dict[str, Any]) -> None:
    assert got == want, f"{case}: {got}; repeat with {command()}"


@of("linen")
def test_a_recorded_key_of_linen_is_found_again(case: dict[str, Any]) -> None:
    at: Any = Scope(case["seed"])
    for name, arguments, index, *options in case["calls"]:
        at = getattr(at, name)(*arguments, **(options[0] if options else {}))
        at = at if index is None else at[index]
    check(list(at.words), case["words"], case)


@of("nnx")
def test_recorded_keys_of_nnx_are_drawn_again(case: dict[str, Any]) -> None:
    rngs, drawn = Rngs(**case["seeds"]), []
    for step in case["steps"]:
        if step == "fork":
            rngs = rngs.fork()
        elif step == "split":
            rngs = rngs.split(2)[-1]
        else:
            drawn.append(list(rngs[step]().words))
    check(drawn, case["words"], case)


@of("haiku")
def test_recorded_keys_of_haiku_are_drawn_again(case: dict[str, Any]) -> None:
    sequence = PRNGSequence(case["seed"], case["reserve_size"])
    drawn: dict[str, Any] = {"before": list(next(sequence).words)}
    sequence.take(3)
    layers = layer_stack(sequence, 2)
    for name in ("first", "second"):
        drawn[name] = [list(next(layer).words) for layer in layers]
    drawn["after"] = list(next(sequence).words)
    check(drawn, case["words"], case)


@of("equinox")
def test_recorded_keys_of_equinox_are_found_again(case: dict[str, Any]) -> None:
    keys = param_keys(case["layer"], case["seed"], depth=case["depth"])
    check({path: list(key.words) for path, key in keys.items()}, case["words"], case)


def kernels_of_linen(scopes: tuple[Scope, ...], count: int, draws: int | None = None) -> Any:
    init = varscale.numpy.lecun_normal()
    return np.stack([init(scope.param_key(count, draws), (2, 2)) for scope in scopes])


def kernel_of_nnx(draws: int, shape: tuple[int, ...]) -> Any:
    rngs = Rngs(0)
    for _ in range(draws):
        rngs.params()
    return varscale.numpy.lecun_normal()(rngs.params(), shape)


def kernel_of_haiku(number: int, shape: tuple[int, ...]) -> Any:
    sequence = PRNGSequence(0)
    for _ in range(number):
        next(sequence)
    key = next(sequence)
    return varscale.numpy.truncated_normal(1 / np.sqrt(shape[0]))(key, shape)


#: Name in parameters.json: the same, drawn by varscale.
DRAWN: dict[str, Callable[[], Any]] = {
    "nn.scan": lambda: kernels_of_linen(
        tuple(step.child("Dense_0") for step in Scope(0, ("L",)).scan(2)), 1, draws=2
    ),
    "nn.vmap": lambda: kernels_of_linen(Scope(0, ("L",)).vmap(2), 1),
    "nn.jit": lambda: kernels_of_linen((Scope(0, ("L",)).fork(),), 2),
    "nnx first": lambda: kernel_of_nnx(0, (2, 3)),
    # Behind a kernel, a bias and a dropout.
    "nnx second": lambda: kernel_of_nnx(3, (3, 2)),
    "haiku first": lambda: kernel_of_haiku(0, (2, 3)),
    "haiku second": lambda: kernel_of_haiku(1, (3, 2)),
}


def test_every_recorded_parameter_is_drawn() -> None:
    assert set(DRAWN) == set(RECORDED["parameters"]["parameters"])


@pytest.mark.parametrize("name", DRAWN)
def test_a_recorded_parameter_is_drawn_again(name: str) -> None:
    want = np.array(RECORDED["parameters"]["parameters"][name], np.uint32).view(np.float32)
    assert_identical(DRAWN[name]().ravel(), want, name)


SCANNED = Scope(0).child("a", "b").scan(1)[0]

MESSAGES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "count": (lambda: Scope(0).param_key(0), ValueError, "count must be >= 1, got 0"),
    "draws": (lambda: SCANNED.param_key(1, 0), ValueError, "draws must be >= 1, got 0"),
    "no draws": (
        lambda: SCANNED.param_key(1), ValueError,
        "draws must be given under a scan: the number of keys that the module draws each time the "
        "scanned function runs, for a/b",
    ),
    "no draws of a fork": (
        lambda: Scope(0).scan(1)[0].fork(), ValueError,
        "draws must be given under a scan: the number of keys that the module draws each time the "
        "scanned function runs, for the top module",
    ),
    "scans": (lambda: Scope(0, scans=-1), ValueError, "scans must be >= 0, got -1"),
    "path": (
        lambda: Scope(0, "ab"), TypeError,
        "path must be a sequence of names, got the string 'ab'",
    ),
    "child": (lambda: Scope(0).child(1), TypeError, "names must be strings, got 1"),
    "length": (
        lambda: Scope(0).scan(-1), ValueError,
        "the new axis must not have a negative length, got -1",
    ),
    "size": (
        lambda: Scope(0).vmap(-1, split_rngs=False), ValueError,
        "the new axis must not have a negative length, got -1",
    ),
    "attribute": (
        lambda: Rngs(params=0).dropout, AttributeError,
        "No RngStream named 'dropout' found in Rngs.",
    ),
    "item": (
        lambda: Rngs(params=0)["dropout"], KeyError,
        "\"No RngStream named 'dropout' found in Rngs.\"",
    ),
    "no default": (
        lambda: Rngs(params=0)(), AttributeError, "No RngStream named 'default' found in Rngs.",
    ),
    "slices": (
        lambda: Rngs(0).split({"params": 2, ...: 3}), ValueError,
        "one number of slices is wanted, got [2, 3]",
    ),
    "reserve_size": (
        lambda: PRNGSequence(0, 0), ValueError, "reserve_size must be >= 1, got 0",
    ),
    "no depth": (
        lambda: param_keys("MLP", 0), ValueError,
        "depth must be given for an MLP, and be >= 0, got None",
    ),
    "depth": (
        lambda: param_keys("Linear", 0, depth=1), ValueError,
        "depth is for an MLP, got depth=1 for 'Linear'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_names_the_argument(name: str) -> None:
    call, error, message = MESSAGES[name]
    with pytest.raises(error) as raised:
        call()
    assert (type(raised.value), str(raised.value)) == (error, message)


@pytest.mark.parametrize("make", [Scope, Rngs, PRNGSequence, lambda key: RngStream(key, tag="a")])
def test_something_that_is_no_key_is_refused(make: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="key must be a varscale key"):
        make(0.5)


def test_a_scope_is_made_of_whatever_is_a_key() -> None:
    words = np.array([0, 7], np.uint32)
    assert Scope(7) == Scope(varscale.key(7)) == Scope(words, ()) == Scope(np.int64(7), [])
