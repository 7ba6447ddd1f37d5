"""Plain data are checked where they are made: what would be wrong later is refused at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import varscale
from varscale import CounterMap, Key, Layout, initializers


def test_a_map_of_numpy_integers_cannot_wrap_around() -> None:
    draw = initializers.Orthogonal().draw(0, (4, 4), np.float32)
    where = CounterMap(np.int64(0), (np.int64(2**61),), (np.int64(9),))
    assert where.bounds() == (0, 2**64)
    with pytest.raises(ValueError, match=r"^layout must stay in the draw's 16 elements"):
        varscale.fill(draw, np.zeros(9, np.float32), where)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ((0.7, (1,), (2,)), TypeError),
        ((0, (1.0,), (2,)), TypeError),
        ((0, (1, 1), (2,)), ValueError),
        ((0, (1,), (-2,)), ValueError),
    ],
)
def test_a_map_that_means_nothing_is_refused(fields: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="extent must be"):
        CounterMap(*fields)


def test_a_map_takes_lists() -> None:
    assert CounterMap(0, [2, 1], [3, 2]) == CounterMap(0, (2, 1), (3, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("compiled", [0, 1, "False", 0.0])
def test_compiled_is_none_or_a_bool(compiled: Any) -> None:
    # 0 is False to Python, and would have chosen the values of None.
    for factory in (varscale.numpy.normal, varscale.numpy.truncated_normal,
                    varscale.numpy.orthogonal, varscale.numpy.lecun_normal):  # fmt: skip
        with pytest.raises(TypeError, match=r"^compiled must be None, True or False, got "):
            factory(compiled=compiled)


def test_a_bool_of_numpy_chooses_as_a_bool_does() -> None:
    old, want, new = (
        varscale.numpy.normal(0.3, compiled=compiled)(0, (99,))
        for compiled in (np.bool_(False), False, None)
    )
    assert np.array_equal(old, want)
    assert not np.array_equal(old, new)


def test_a_key_takes_any_integers_and_nothing_else() -> None:
    assert Key([np.uint32(3), 4]) == Key((3, 4))  # type: ignore[arg-type]
    assert all(type(word) is int for word in Key((np.uint32(3), np.uint32(4))).words)
    with pytest.raises(TypeError, match=r"^words must be two integers, got \(1\.5, 2\)$"):
        Key((1.5, 2))  # type: ignore[arg-type]


def test_an_axis_cannot_be_flipped_twice() -> None:
    with pytest.raises(ValueError, match=r"^flip must name axes of 'HW' once each, got 'HH'$"):
        Layout("HW", flip="HH")


@pytest.mark.parametrize("layout", [None, Layout("OIHW", of="HWIO")])
def test_a_draw_of_another_shape_is_refused_and_nothing_is_written(layout: Any) -> None:
    draw = initializers.Normal().draw(0, (3, 3, 4, 8), np.float32)
    out = np.full((4, 8, 3, 3), 7, np.float32)  # the right number of elements
    with pytest.raises(ValueError, match=r"^destination must hold a draw of shape \(3, 3, 4, 8\)"):
        varscale.fill(draw, out, layout)
    assert (out == 7).all()


def test_a_string_is_not_a_layout_and_the_message_says_what_is() -> None:
    for call in (
        lambda: varscale.numpy.normal()(0, (3, 4), layout="VD"),
        lambda: varscale.fill(
            initializers.Normal().draw(0, (2,), "float32"), np.empty(2, np.float32), "V"
        ),
    ):
        with pytest.raises(TypeError, match=r"^layout must be a Layout or a CounterMap, got 'V"):
            call()


def test_complex_numbers_are_no_scales() -> None:
    with pytest.raises(TypeError, match=r"^stddev must be a real number, got \(1\+2j\)$"):
        varscale.numpy.normal(1 + 2j)


def test_a_missing_framework_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ModuleNotFoundError, match=r"^varscale\.torch needs torch: pip install 'v"):
        varscale.__getattr__("torch")
