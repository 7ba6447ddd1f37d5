"""The second in-place call of a kind, which remembers the first: the same values and manners."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from tests.torch.tensors import torch  # isort: skip

import varscale
import varscale.torch as door
from varscale.adapters.torch import again
from varscale.kernels import native

KEYS = (varscale.key(3), varscale.Key((7, 9)), varscale.Key((7, 9), partitionable=False), 5)


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The tasks that were carried out in full."""
    if not native.isas() or native.in_use() == "reference":
        pytest.skip("not available: kernels")
    tasks: list[Any] = []
    whole = again._carry_out

    def carry_out(task: Any, tensor: Any, key: Any) -> Any:
        tasks.append(task)
        return whole(task, tensor, key)

    monkeypatch.setattr(again, "_carry_out", carry_out)
    return tasks


def by_the_long_way(function: Any, tensor: torch.Tensor, *args: Any, key: Any, **named: Any) -> Any:
    """The values that a subclass of Tensor gets, for which nothing is remembered."""

    class Other(torch.Tensor):
        pass

    other = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
    return function(other.as_subclass(Other), *args, key=key, **named).as_subclass(torch.Tensor)


@pytest.mark.parametrize(
    ("function", "args", "named"),
    [
        (door.uniform_, (0.25,), {}),
        (door.normal_, (), {"compiled": False}),
        (door.truncated_normal_, (0.5,), {"upper": 1.5}),
        (door.lecun_normal_, (), {}),
        (door.he_uniform_, (0, 1), {}),
        (door.glorot_normal_, (), {"layout": varscale.Layout("OIHW", of="HWIO", flip="H")}),
        (door.variance_scaling_, (2.0, "fan_out", "normal"), {"batch_axis": (2,)}),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_every_call_gives_what_the_long_way_gives(
    function: Any, args: Any, named: Any, dtype: Any
) -> None:
    tensors = (
        torch.empty(6, 5, 3, 2, dtype=dtype),
        torch.empty(2, 3, 5, 6, dtype=dtype).permute(3, 2, 1, 0),
        torch.empty(12, 5, 3, 2, dtype=dtype)[::2],
        torch.nn.Parameter(torch.empty(6, 5, 3, 2, dtype=dtype)),
    )
    for tensor in (*tensors, *tensors):
        for key in KEYS:
            want = by_the_long_way(function, tensor, *args, key=key, **named)
            assert function(tensor, *args, key=key, **named) is tensor
            assert torch.equal(tensor.detach(), want)


def test_axes_of_another_type_are_another_kind() -> None:
    tensor = torch.zeros(4, 5, 3, 3)
    door.lecun_normal_(tensor, in_axis=(1, 2), out_axis=0, key=0)
    before = tensor.clone()
    with pytest.raises(TypeError):
        door.lecun_normal_(tensor, in_axis=(1.0, 2), out_axis=0, key=1)
    assert torch.equal(tensor, before)


def test_only_the_first_call_of_a_kind_is_described(described: list[Any]) -> None:
    for _ in range(3):
        for key in (11, varscale.key(12)):
            door.uniform_(torch.empty(13, 17), 0.123, key=key)
    assert len(described) == 1
    door.uniform_(torch.empty(17, 13), 0.123, key=1)
    door.uniform_(torch.empty(13, 17), 0.124, key=1)
    door.uniform_(torch.empty(13, 17, dtype=torch.float16), 0.123, key=1)
    door.uniform_(torch.empty(17, 13).T, 0.123, key=1)
    assert len(described) == 5


def test_arguments_that_are_equal_but_not_the_same_are_told_apart(described: list[Any]) -> None:
    shape = (3, 19)
    positive = door.uniform_(torch.empty(shape), 0.0, key=1)
    negative = door.uniform_(torch.empty(shape), -0.0, key=1)
    assert not torch.signbit(positive).any()
    assert torch.signbit(negative).all()
    positive, negative = (
        door.uniform_(torch.empty(shape), np.float32(zero), key=1) for zero in (0.0, -0.0)
    )
    assert not torch.signbit(positive).any()
    assert torch.signbit(negative).all()
    door.uniform_(torch.empty(shape), 1.0, key=1)
    door.uniform_(torch.empty(shape), 1, key=1)
    assert len(described) == 6
    door.normal_(torch.empty(shape), compiled=None, key=1)
    for wrong in (0, 1):
        with pytest.raises(TypeError, match="compiled must be"):
            door.normal_(torch.empty(shape), compiled=wrong, key=1)  # type: ignore[arg-type]


def test_a_remembered_kind_is_refused_where_the_first_would_be() -> None:
    def fill(tensor: torch.Tensor, key: Any = 1) -> torch.Tensor:
        return door.lecun_normal_(tensor, key=key)

    for _ in range(2):
        fill(torch.empty(4, 5))
        meta = fill(torch.empty(4, 5, device="meta"))
        assert meta.is_meta
        for wrong in (None, 1.5, "1"):
            with pytest.raises(TypeError, match="key"):
                fill(torch.empty(4, 5), wrong)
        negative = torch.zeros(4, 5, dtype=torch.complex64).conj().imag
        with pytest.raises(ValueError, match="negated"):
            fill(negative)
        with pytest.raises(NotImplementedError, match=r"torch\.func"):
            torch.func.vmap(fill)(torch.empty(3, 4, 5))
        with pytest.raises(TypeError, match="dense"):
            fill(torch.empty(4, 5).to_sparse())
        with pytest.raises(ValueError, match="overlap"):
            fill(torch.empty(5).expand(4, 5))


def test_autograd_learns_of_every_fill() -> None:
    parameter = torch.nn.Parameter(torch.empty(4, 5))
    versions = [door.lecun_normal_(parameter, key=1)._version for _ in range(3)]
    assert versions == sorted(set(versions))
    assert parameter.requires_grad
    with torch.inference_mode():
        inside = torch.empty(4, 5)
        for _ in range(2):
            door.lecun_normal_(inside, key=1)
    assert torch.equal(inside, parameter)


def test_what_is_remembered_is_bounded(described: list[Any]) -> None:
    for step in range(again._REMEMBERED + 10):
        door.uniform_(torch.empty(1), 1.0 + step, key=1)
    (plans,) = (
        cell.cell_contents
        for cell in door.uniform_.__closure__  # type: ignore[attr-defined]
        if isinstance(cell.cell_contents, dict)
    )
    assert 0 < len(plans) <= again._REMEMBERED


def test_the_signature_is_the_public_one() -> None:
    signature = inspect.signature(door.lecun_normal_)
    assert list(signature.parameters)[:1] == ["tensor"]
    assert signature.return_annotation == "torch.Tensor"
