"""The manners are asked for exactly: JAX's errors are JAX's, and no difference goes unseen.

That each manner can fail is shown by the mutants, in test_mutants.
"""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from varscale.conformance import (
    NotOffered,
    Outcome,
    Spec,
    execute,
    manners,
    plan,
    reference,
    seed_of,
)
from varscale.conformance.cases import DTYPES
from varscale.conformance.manners import ERRORS, MANNERS
from varscale.keys import Key, key

Shape = tuple[int, ...]


@pytest.fixture(scope="module", autouse=True)
def scipy() -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[conformance]")


@dataclass
class Plain:
    """A subject that answers whatever it is asked, but for what it does not offer."""

    name: str = "plain"
    claims: frozenset[Any] = frozenset({"manners"})
    offers: tuple[str, ...] = DTYPES
    touches: Any = None

    def devices(self) -> list[str]:
        return ["cpu"]

    def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Any:
        if dtype not in self.offers:
            raise NotOffered(dtype)
        if self.touches is not None:
            self.touches()
        return self.generator(key).standard_normal(shape).astype(np.dtype(dtype))

    def generator(self, key: Key) -> np.random.Generator:
        return np.random.default_rng(key.words)

    def to_numpy(self, array: Any) -> Any:
        return np.asarray(array)


def outcome(subject: Any, what: str) -> Outcome:
    made = plan(subject, seed=4, cases=[f"manners/{what}/cpu"])
    return execute(made, made.cases[0])


def failed(subject: Any, what: str) -> list[str]:
    return [one.check for one in outcome(subject, what).findings if not one.passed]


# JAX's errors


@pytest.mark.parametrize("name", ERRORS)
def test_the_installed_jax_raises_what_the_table_says(name: str) -> None:
    pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
    spec, shape, dtype, wanted = ERRORS[name]
    with pytest.raises(Exception) as raised:  # noqa: PT011 - the type is what is tested
        reference.native(spec, key(0), shape, dtype, compiled=False)
    assert isinstance(raised.value, wanted)


def test_no_error_is_a_finding_for_each_call_that_jax_refuses() -> None:
    assert failed(Plain(offers=(*DTYPES, "int32")), "errors") == list(ERRORS)


@pytest.mark.parametrize("name", ERRORS)
def test_another_exception_is_a_finding_that_names_both(name: str) -> None:
    wanted = ERRORS[name][3]

    @dataclass
    class Raises(Plain):
        def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Any:
            if (spec, shape, dtype) != ERRORS[name][:3]:
                raise wanted_of(spec, shape, dtype)("as JAX")
            raise OSError("the disk is full")

    found = {one.check: one for one in outcome(Raises(), "errors").findings}
    assert [check for check, one in found.items() if not one.passed] == [name]
    assert found[name].note == f"OSError: the disk is full, JAX raises {wanted.__name__}"


def wanted_of(spec: Spec, shape: Shape, dtype: str) -> type[Exception]:
    return next(row[3] for row in ERRORS.values() if row[:3] == (spec, shape, dtype))


def test_a_subclass_of_jaxs_exception_is_as_good() -> None:
    class Own(ValueError, IndexError):
        pass

    @dataclass
    class Raises(Plain):
        def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Any:
            raise Own

    assert failed(Raises(), "errors") == []


def test_calls_that_are_not_offered_are_left_out() -> None:
    assert len(outcome(Plain(), "errors").findings) == len(ERRORS) - 2  # no int32
    nothing = outcome(Plain(offers=()), "errors")
    assert (nothing.status, nothing.reason) == ("not run", "there is nothing to compare here")


# Which values differ


@pytest.mark.parametrize(
    ("first", "second", "differing"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0),
        ([1.0, 2.0], [1.0, np.nextafter(np.float32(2), np.float32(3))], 1),
        ([0.0, 0.0], [-0.0, 0.0], 1),
        ([np.nan], [np.nan], 0),
        ([], [], 0),
        ([1.0, 2.0, 3.0], [1.0, 2.0], 3),
        ([], [1.0], 1),
    ],
)
def test_values_are_compared_bit_by_bit(first: Any, second: Any, differing: int) -> None:
    pair = np.array(first, np.float32), np.array(second, np.float32)
    assert manners._differing(*pair) == differing


def test_arrays_of_other_dtypes_and_shapes_differ_everywhere() -> None:
    ones = np.ones((2, 3), np.float32)
    assert manners._differing(ones, ones.astype(np.float64)) == 6
    assert manners._differing(ones, ones.T) == 6
    assert manners._differing(ones.T, np.ones((3, 2), np.float32)) == 0
    assert manners._differing(np.ones((0,), np.float32), np.ones((0,), np.float64)) == 1


# Each of the manners


def test_a_right_subject_has_every_manner_but_jaxs_errors() -> None:
    wrong = {what: failed(Plain(), what) for what in MANNERS}
    assert wrong.pop("errors")
    assert not any(wrong.values()), wrong
    assert len(wrong) >= 7


def test_a_subject_that_is_seeded_as_the_protocol_says_has_the_manner_of_keys() -> None:
    @dataclass
    class AsToldTo(Plain):
        def generator(self, key: Key) -> np.random.Generator:
            return np.random.default_rng(seed_of(key))

    assert failed(AsToldTo(), "other key") == []


def test_dtypes_that_are_not_offered_are_left_out() -> None:
    few = outcome(Plain(offers=("float32", "bfloat16")), "dtypes")
    assert [one.check for one in few.findings] == ["dtype float32", "dtype bfloat16"]
    assert few.status == "passed"


def test_a_dtype_that_is_another_is_a_finding() -> None:
    @dataclass
    class Double(Plain):
        def to_numpy(self, array: Any) -> Any:
            short = array.dtype in (np.float32, np.float16)
            return array.astype(np.float64) if short else array

    assert failed(Double(), "dtypes") == ["dtype float32", "dtype float16"]


def test_a_shape_of_values_that_are_not_finite_is_a_finding() -> None:
    @dataclass
    class Unfilled(Plain):
        def to_numpy(self, array: Any) -> Any:
            return np.full(array.shape, np.nan, array.dtype) if array.shape == (7,) else array

    assert failed(Unfilled(), "shapes") == ["shape (7,)"]


def test_one_device_is_nothing_to_compare() -> None:
    assert outcome(Plain(), "devices").status == "not run"


@pytest.mark.parametrize("module", ["torch", "tensorflow"])
def test_the_generators_of_frameworks_that_are_imported_are_watched(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Framework()
    monkeypatch.setitem(sys.modules, module, fake)
    subject = Plain(touches=fake.rand)
    (stays, *_) = outcome(subject, "global state").findings
    assert (stays.check, stays.passed, stays.note) == ("global generators stay", False, module)
    assert failed(Plain(), "global state") == []


def test_a_draw_that_reads_a_frameworks_generator_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Framework()
    monkeypatch.setitem(sys.modules, "torch", fake)

    @dataclass
    class Reads(Plain):
        def generator(self, key: Key) -> np.random.Generator:
            return np.random.default_rng([*key.words, fake.moves])

    assert failed(Reads(), "global state") == ["after global draws"]


class Framework(types.ModuleType):
    """What torch and TensorFlow have of global generators."""

    def __init__(self) -> None:
        super().__init__("framework")
        self.moves = 0
        self.random = self

    def rand(self, *shape: int) -> None:
        self.moves += 1

    def get_rng_state(self) -> Any:
        return np.array([self.moves])

    def get_global_generator(self) -> Any:
        numpy = types.SimpleNamespace(numpy=self.get_rng_state)
        return types.SimpleNamespace(state=numpy)


def test_a_framework_that_nobody_imported_is_not_imported() -> None:
    absent = {name for name in ("torch", "tensorflow") if name not in sys.modules}
    outcome(Plain(), "global state")
    assert not absent & set(sys.modules)


def test_a_key_of_which_a_bit_is_ignored_is_named() -> None:
    @dataclass
    class Masked(Plain):
        def draw(self, spec: Spec, key: Key, shape: Shape, dtype: str, device: str) -> Any:
            words = (key.words[0], key.words[1] & ~(1 << 9))
            return super().draw(spec, replace(key, words=words), shape, dtype, device)

    found = outcome(Masked(), "other key").findings[0]
    assert found.statistic == 1
    assert found.note == "no other array for word 1, bit 9"
