"""Carry out a case of the kind "manners": shapes, dtypes, errors, determinism, nothing hidden.

Every check is exact. What a framework's global generator is, is asked only of the frameworks that
somebody has imported.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from varscale.conformance.cases import DTYPES, Case
from varscale.conformance.law_case import draw_keys
from varscale.conformance.results import Finding, Outcome
from varscale.conformance.specs import Spec
from varscale.conformance.subject import NotOffered, Subject
from varscale.keys import Key
from varscale.keys import key as seed_key

__all__ = ["DEVICES", "ERRORS", "MANNERS", "manners_case"]

Array = np.ndarray[Any, Any]
Draw = Callable[[Spec, Key, tuple[int, ...], str], Array]

_PLAIN = Spec("normal", 1.0)
_SHAPE = (33, 40)


def manners_case(subject: Subject, case: Case, seed: int) -> Outcome:
    """Carry out one of `MANNERS`."""

    def draw(spec: Spec, key: Key, shape: tuple[int, ...], dtype: str) -> Array:
        return subject.to_numpy(subject.draw(spec, key, shape, dtype, case.device))

    key = draw_keys(seed, 1)[0][1]
    if case.what == DEVICES:
        findings = list(_devices(subject, case.device, key))
    else:
        findings = list(MANNERS[case.what](draw, key))
    if not findings:
        return Outcome(case.id, "manners", "not run", reason="there is nothing to compare here")
    passed = all(one.passed for one in findings)
    facts = {"device": case.device}
    return Outcome(
        *(case.id, "manners", "passed" if passed else "failed", tuple(findings)), facts=facts
    )


def _exact(check: str, wrong: int, of: int, note: str = "") -> Finding:
    return Finding(check, not wrong, of, wrong, 0.0, unit="wrong ones", note=note)


def _differing(first: Array, second: Array) -> int:
    """How many values differ, bit by bit."""
    if first.shape != second.shape or first.dtype != second.dtype:
        return max(first.size, second.size, 1)
    pair = [np.ascontiguousarray(one).reshape(-1).view(np.uint8) for one in (first, second)]
    return int((pair[0] != pair[1]).reshape(first.size, -1).any(axis=1).sum()) if first.size else 0


def _same_key(draw: Draw, key: Key) -> Iterator[Finding]:
    """The same key gives the same array, also after other draws."""
    first = draw(_PLAIN, key, _SHAPE, "float32")
    again = draw(_PLAIN, key, _SHAPE, "float32")
    yield _exact("same key twice", _differing(first, again), first.size)
    for seed in range(3):
        draw(_PLAIN, seed_key(seed), (5, 7), "float32")
    late = draw(_PLAIN, key, _SHAPE, "float32")
    yield _exact("after other draws", _differing(first, late), first.size)


def _other_key(draw: Draw, key: Key) -> Iterator[Finding]:
    """Another key gives another array: each of its words counts, and each of their bits."""
    first = draw(_PLAIN, key, _SHAPE, "float32")
    same = []
    for word in range(2):
        for bit in range(32):
            words = list(key.words)
            words[word] ^= 1 << bit
            other = replace(key, words=(words[0], words[1]))
            if _differing(first, draw(_PLAIN, other, _SHAPE, "float32")) < first.size // 2:
                same.append(f"word {word}, bit {bit}")
    note = f"no other array for {', '.join(same[:4])}" if same else ""
    yield _exact("every bit of the key", len(same), 64, note)
    first = draw(_PLAIN, Key((1, 2)), _SHAPE, "float32")
    again = draw(_PLAIN, Key((2, 1)), _SHAPE, "float32")
    alike = _differing(first, again) < first.size // 2
    yield _exact("exchanged words of the key", int(alike), 1)


def _threads(draw: Draw, key: Key) -> Iterator[Finding]:
    """Draws from several threads at once are those of one thread."""
    keys = [replace(key, words=(key.words[0], (key.words[1] + i) % 2**32)) for i in range(8)]
    want = [draw(_PLAIN, one, _SHAPE, "float32") for one in keys]
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda one: draw(_PLAIN, one, _SHAPE, "float32"), keys))
    wrong = sum(bool(_differing(*pair)) for pair in zip(got, want, strict=True))
    yield _exact("four threads", wrong, len(keys))


def _index(draw: Draw, key: Key) -> Iterator[Finding]:
    """A value depends on key and place alone: a longer array starts with the same values."""
    whole = draw(_PLAIN, key, (64, 40), "float32")
    wrong = _differing(whole[:33], draw(_PLAIN, key, _SHAPE, "float32"))
    yield _exact("a longer array", wrong, 33 * 40)
    wrong = _differing(whole.reshape(2560, 1), draw(_PLAIN, key, (2560, 1), "float32"))
    yield _exact("another shape of as many elements", wrong, whole.size)


def _shapes(draw: Draw, key: Key) -> Iterator[Finding]:
    """Shapes are what was asked for: none, one, many axes, empty ones."""
    for shape in ((), (1,), (7,), (0,), (0, 3), (3, 0, 2), (1, 1), (2, 3, 4, 5, 6)):
        got = draw(_PLAIN, key, shape, "float32")
        finite = bool(np.isfinite(got).all())
        note = "" if got.shape == shape else f"got {got.shape}"
        yield _exact(f"shape {shape}", int(got.shape != shape or not finite), 1, note)


def _dtypes(draw: Draw, key: Key) -> Iterator[Finding]:
    """Dtypes are what was asked for."""
    for dtype in DTYPES:
        try:
            got = draw(_PLAIN, key, _SHAPE, dtype)
        except NotOffered:
            continue
        yield _exact(f"dtype {dtype}", int(got.dtype.name != dtype), 1, f"got {got.dtype}")


#: Calls that JAX refuses: what is wrong, (spec, shape, dtype), and the exception's type.
#: Source: jax.nn.initializers of 0.10.2 and 0.12.0.1; a test asks the installed JAX again.
ERRORS: Mapping[str, tuple[Spec, tuple[int, ...], str, type[Exception]]] = MappingProxyType(
    {
        "an unknown mode": (
            Spec("variance_scaling", mode=cast(Any, "fan_inn")), (4, 5), "float32", ValueError,
        ),
        "an unknown distribution": (
            Spec("variance_scaling", distribution=cast(Any, "gauss")),
            (4, 5), "float32", ValueError,
        ),
        "one axis, and the default in_axis": (
            Spec("variance_scaling"), (5,), "float32", ValueError,
        ),
        "no axis": (Spec("variance_scaling"), (), "float32", ValueError),
        "an in_axis that is not there": (
            Spec("variance_scaling", in_axis=5), (4, 5), "float32", IndexError,
        ),
        "an integer dtype": (Spec("variance_scaling"), (4, 5), "int32", ValueError),
        "an integer dtype, normal": (_PLAIN, (4, 5), "int32", ValueError),
    }
)  # fmt: skip


def _errors(draw: Draw, key: Key) -> Iterator[Finding]:
    """What JAX refuses is refused, with JAX's type of exception."""
    for name, (spec, shape, dtype, wanted) in ERRORS.items():
        note = "no error"
        try:
            draw(spec, key, shape, dtype)
        except NotOffered:
            continue
        except Exception as error:  # any other type is the finding
            note = "" if isinstance(error, wanted) else f"{type(error).__name__}: {error}"
        yield _exact(name, int(bool(note)), 1, note and f"{note}, JAX raises {wanted.__name__}")


def _global_state(draw: Draw, key: Key) -> Iterator[Finding]:
    """Global generators neither decide the values nor are moved by a draw."""
    first = draw(_PLAIN, key, _SHAPE, "float32")  # the framework is imported now
    _use_global_generators()  # or a draw that seeds them would leave them as the first one did
    states = _states()
    draw(_PLAIN, key, _SHAPE, "float32")
    after = _states()
    moved = [name for name in states if states[name] != after[name]]
    yield _exact("global generators stay", len(moved), len(states), ", ".join(moved))
    _use_global_generators()
    again = draw(_PLAIN, key, _SHAPE, "float32")
    yield _exact("after global draws", _differing(first, again), first.size)


def _use_global_generators() -> None:
    """As a program does that draws from them."""
    random.random()
    np.random.random()
    if torch := sys.modules.get("torch"):
        torch.rand(1)


def _states() -> dict[str, Any]:
    found: dict[str, Any] = {
        "random": random.getstate(),
        "numpy.random": repr(np.random.get_state(legacy=False)),
    }
    if torch := sys.modules.get("torch"):
        found["torch"] = torch.get_rng_state().tolist()
    if tensorflow := sys.modules.get("tensorflow"):
        found["tensorflow"] = tensorflow.random.get_global_generator().state.numpy().tolist()
    return found


def _devices(subject: Subject, device: str, key: Key) -> Iterator[Finding]:
    """Every device gives the values of the first."""
    for other in subject.devices():
        if other == device:
            continue
        for dtype in ("float32", "bfloat16"):
            pair = [
                subject.to_numpy(subject.draw(_PLAIN, key, _SHAPE, dtype, one))
                for one in (device, other)
            ]
            yield _exact(f"{dtype} on {other}", _differing(*pair), pair[0].size)


#: The one of the manners that is asked of the subject itself.
DEVICES = "devices"
#: The others, by name.
MANNERS: Mapping[str, Callable[[Draw, Key], Iterator[Finding]]] = MappingProxyType(
    {
        "same key": _same_key,
        "other key": _other_key,
        "threads": _threads,
        "index": _index,
        "shapes": _shapes,
        "dtypes": _dtypes,
        "errors": _errors,
        "global state": _global_state,
    }
)
