"""`fill` for tensors: the core's primitive, carried to where a tensor's memory is."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import torch

from varscale import draws
from varscale.adapters.torch.dtypes import numpy_dtype, torch_dtype
from varscale.adapters.torch.ops import TorchOps
from varscale.draws import AnyDraw, Known
from varscale.layout import AnyLayout, CounterMap, blocks, in_memory_order, overlaps_itself
from varscale.numerics import sampler

__all__ = ["check_destination", "fill", "untraced"]

#: Elements that a device makes at once; its scratch is about 150 bytes times this.
_DEVICE_BLOCK = 1 << 22

_F = TypeVar("_F", bound=Callable[..., Any])


def untraced(function: _F) -> _F:
    """A function that `torch.compile` calls as it is: it fills memory through NumPy."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        # Not a decorator of the function: that would import torch's compiler with this module.
        if torch.compiler.is_compiling():
            return torch.compiler.disable(function)(*args, **kwargs)  # type: ignore[no-untyped-call]
        return function(*args, **kwargs)

    return cast(_F, call)


@untraced
def check_destination(tensor: torch.Tensor) -> None:
    """Refuse what cannot be filled.

    Raises:
        TypeError: not a tensor, or not a dense one.
        ValueError: a lazy parameter, whose shape is not known yet.
        NotImplementedError: a distributed tensor, or one inside a transform of torch.func.
    """
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"tensor must be a torch.Tensor, got {type(tensor).__name__}")
    if torch.nn.parameter.is_lazy(tensor):
        raise ValueError("tensor is a lazy parameter without a shape: run its module once first")
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_nested:
        kind = "quantized" if tensor.is_quantized else "nested" if tensor.is_nested else None
        raise TypeError(f"tensor must be dense and strided, got layout {kind or tensor.layout}")
    if hasattr(tensor, "to_local"):
        raise NotImplementedError(
            "tensor is a DTensor; fill tensor.to_local() with a CounterMap of its shard"
        )
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        raise NotImplementedError(
            "tensor is inside torch.func.functionalize, grad or vmap, where a fill would be lost"
        )
    if tensor.is_conj() or tensor.is_neg():
        raise ValueError("tensor must hold its values, got a lazily conjugated or negated view")


@untraced
def fill(draw: AnyDraw, tensor: torch.Tensor, layout: AnyLayout | None = None) -> torch.Tensor:
    """Write a draw into a tensor, in place; autograd does not see it.

    Args:
        draw: what is drawn, of the tensor's dtype.
        tensor: a dense tensor of any strides and device; one on the meta device is left as it is.
        layout: see `varscale.fill`.

    Returns:
        The tensor.

    Raises:
        TypeError: another dtype, or what `check_destination` refuses.
        ValueError: the tensor does not fit the draw or the layout, or overlaps itself.
    """
    check_destination(tensor)
    if tensor.dtype != torch_dtype(draw.dtype):
        raise TypeError(f"tensor must be of dtype {torch_dtype(draw.dtype)}, got {tensor.dtype}")
    where = draws.bind(draw, tuple(tensor.shape), layout)
    if overlaps_itself(tensor.shape, tensor.stride(), 1):
        raise ValueError(
            f"tensor must not overlap itself, got shape {tuple(tensor.shape)} and strides "
            f"{tensor.stride()}"
        )
    # A fake tensor, of deferred initialisation, has no more memory than one on the meta device.
    if tensor.is_meta or not tensor.numel() or type(tensor).__name__ == "FakeTensor":
        return tensor
    target = tensor.detach()
    if tensor.device.type == "cpu":
        draws.write(draw, numpy_view(target), where)
        if not tensor.is_inference():
            # NumPy wrote behind autograd's back; it must know that saved values are stale.
            torch.autograd.graph.increment_version(tensor)
    elif tensor.device.type == "cuda":
        fill_on_device(draw, target, where)
    else:
        fill_from_host(draw, target, where)
    return tensor


def numpy_view(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """A CPU tensor's memory as a NumPy array of the same strides."""
    dtype = numpy_dtype(tensor.dtype)
    if dtype.isbuiltin == 1:
        view: np.ndarray[Any, Any] = tensor.numpy()
        return view
    # NumPy knows ml_dtypes' types, torch does not know that it does.
    plain = {1: torch.uint8, 2: torch.uint16, 4: torch.int32}[dtype.itemsize]
    return tensor.view(plain).numpy().view(dtype)


def fill_on_device(draw: AnyDraw, tensor: torch.Tensor, where: CounterMap) -> None:
    """Fill by the device's own arithmetic, block by block."""
    if isinstance(draw, Known):
        fill_from_host(draw, tensor, where)
    else:
        _fill_blocks(tensor, where, sampler(TorchOps(tensor.device), draw))


def fill_from_host(draw: AnyDraw, tensor: torch.Tensor, where: CounterMap) -> None:
    """Fill a device that cannot compute the samples itself, block by block."""

    def from_host(part: CounterMap) -> torch.Tensor:
        host = torch.empty(part.extent, dtype=tensor.dtype, device="cpu")
        draws.write(draw, numpy_view(host), part)
        return host.to(tensor.device)

    _fill_blocks(tensor, where, from_host)


def _fill_blocks(
    tensor: torch.Tensor, where: CounterMap, make: Callable[[CounterMap], torch.Tensor]
) -> None:
    where, strides = in_memory_order(where, tensor.stride())
    memory = tensor.as_strided(where.extent, strides, tensor.storage_offset())
    with torch.no_grad():
        for index, part in blocks(where, _DEVICE_BLOCK):
            memory[index] = make(part)
