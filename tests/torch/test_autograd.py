"""What autograd and torch's modes see of a fill: nothing, but that the values are new."""

from __future__ import annotations

import pytest

from tests.torch.tensors import SENTINEL, torch
from varscale import torch as door


def filled() -> torch.Tensor:
    return door.lecun_normal_(torch.empty(3, 4), key=0)


@pytest.mark.parametrize("requires_grad", [False, True])
def test_requires_grad_is_kept_and_a_leaf_stays_a_leaf(requires_grad: bool) -> None:
    tensor = torch.empty(3, 4, requires_grad=requires_grad)
    for make in (door.lecun_normal_, door.uniform_, door.orthogonal_):
        assert make(tensor, key=0) is tensor
    assert door.ones_(tensor) is tensor
    assert tensor.requires_grad is requires_grad
    assert tensor.is_leaf
    assert tensor.grad_fn is None


def test_out_keeps_requires_grad() -> None:
    out = torch.empty(3, 4, requires_grad=True)
    assert door.normal()(0, (3, 4), out=out).requires_grad
    assert out.grad_fn is None


def test_a_new_tensor_requires_no_grad() -> None:
    assert not door.lecun_normal()(0, (3, 4)).requires_grad


def test_a_gradient_that_is_there_is_kept() -> None:
    tensor = torch.ones(3, 4, requires_grad=True)
    tensor.sum().backward()
    door.lecun_normal_(tensor, key=0)
    assert torch.equal(tensor.grad, torch.ones(3, 4))


def test_a_tensor_with_a_history_keeps_it_and_gets_the_values() -> None:
    leaf = torch.ones(3, 4, requires_grad=True)
    tensor = leaf * 2
    door.lecun_normal_(tensor, key=0)
    assert torch.equal(tensor, filled())
    tensor.sum().backward()
    assert torch.equal(leaf.grad, torch.full((3, 4), 2.0))


@pytest.mark.parametrize("name", ["lecun_normal_", "uniform_", "orthogonal_"])
def test_the_version_goes_up(name: str) -> None:
    tensor = torch.empty(3, 4)
    before = tensor._version
    getattr(door, name)(tensor, key=0)
    assert tensor._version > before


def test_a_view_shares_the_version_of_its_base() -> None:
    base = torch.empty(6, 4)
    before = base._version
    door.lecun_normal_(base[:3].t(), key=0)
    assert base._version > before


def test_backward_refuses_values_that_a_fill_has_replaced() -> None:
    weight = torch.ones(3, 4, requires_grad=True)
    loss = (weight * weight).sum()
    door.lecun_normal_(weight, key=0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_an_error_leaves_the_version_as_it_was() -> None:
    tensor = torch.full((3, 4), SENTINEL)
    before = tensor._version
    with pytest.raises(TypeError):
        door.lecun_normal_(tensor)
    assert tensor._version == before


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
def test_the_values_are_the_same_in_every_mode(mode: type) -> None:
    weight = torch.empty(3, 4, requires_grad=True)
    with mode():
        door.lecun_normal_(weight, key=0)
        new = door.lecun_normal()(0, (4, 3))
    assert torch.equal(weight, filled())
    assert torch.equal(new.t(), filled())
    assert weight.requires_grad


@pytest.mark.parametrize("inside", [False, True])
def test_an_inference_tensor_is_filled(inside: bool) -> None:
    with torch.inference_mode():
        tensor = torch.empty(3, 4)
    assert tensor.is_inference()
    with torch.inference_mode(inside):
        door.lecun_normal_(tensor, key=0)
    with torch.inference_mode():
        assert torch.equal(tensor, filled())
