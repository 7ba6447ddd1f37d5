"""PyTorch's `Ops`: the reference arithmetic on a device. Every operation is a kernel of its own.

Words are int32 tensors whose bits count; counters are int64 tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from varscale.adapters.torch.dtypes import torch_dtype
from varscale.layout import CounterMap
from varscale.numerics.fma import fma64, refined_sqrt64, sum_to_odd
from varscale.numerics.numpy_ops import NUMPY

__all__ = ["TorchOps"]

Tensor = torch.Tensor


class TorchOps:
    """Operations on one device, which must have float64."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def add(self, a: Tensor, b: Tensor | int) -> Tensor:
        return a + (_signed(b) if isinstance(b, int) else b)

    def xor(self, a: Tensor, b: Tensor | int) -> Tensor:
        return a ^ (_signed(b) if isinstance(b, int) else b)

    def rotate_left(self, a: Tensor, count: int) -> Tensor:
        return (a << count) | self.bits(a, 32 - count, count)

    def counters(self, where: CounterMap) -> Tensor:
        total = torch.full((), where.offset, dtype=torch.int64, device=self.device)
        for axis, (size, stride) in enumerate(zip(where.extent, where.strides, strict=True)):
            steps = torch.arange(size, dtype=torch.int64, device=self.device) * stride
            total = total + steps.reshape(size, *(1,) * (len(where.extent) - axis - 1))
        return total

    def words(self, counters: Tensor) -> tuple[Tensor, Tensor]:
        return (counters >> 32).to(torch.int32), _low_word(counters)

    def bits(self, a: Tensor, low: int, count: int) -> Tensor:
        return (a >> low) & _signed((1 << count) - 1)

    def where(self, mask: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return torch.where(mask, a, b)

    def to_float(self, a: Tensor, dtype: np.dtype[Any]) -> Tensor:
        return (a.to(torch.int64) & 0xFFFFFFFF).to(torch_dtype(dtype))

    def take(self, table: np.ndarray[Any, Any], index: Tensor) -> Tensor:
        plain = torch.from_numpy(table.view(f"u{table.itemsize}")).to(self.device)
        return plain[index.to(torch.int64)].view(torch_dtype(table.dtype))

    def fma(self, a: Tensor, b: Any, c: Any) -> Tensor:
        if a.dtype == torch.float64:
            exact: Tensor = fma64(a, b, c, _to_odd)
            return exact
        product = a.to(torch.float64) * b  # exact: 24 + 24 bits
        addend = c.to(torch.float64) if isinstance(c, Tensor) else torch.full_like(product, c)
        total: Tensor = sum_to_odd(product, addend, _to_odd)
        return total.to(torch.float32)

    def sqrt(self, x: Tensor) -> Tensor:
        # torch's square root on CPU is not correctly rounded. For float32 it need not be: the
        # float64 root of a float32 is never within an ulp of a float32 tie.
        root = torch.sqrt(x.to(torch.float64))
        if x.dtype == torch.float32:
            return root.to(torch.float32)
        refined: Tensor = refined_sqrt64(x, root, _to_odd)
        return refined

    def cast(self, x: Tensor, dtype: np.dtype[Any]) -> Tensor:
        return x.to(torch_dtype(dtype))

    def c_library(self, function: Callable[[float], float], x: Tensor) -> Tensor:
        # No device has the C library's functions, and a value must not depend on the device.
        return torch.from_numpy(NUMPY.c_library(function, x.cpu().numpy())).to(self.device)

    def complex(self, real: Tensor, imaginary: Tensor) -> Tensor:
        return torch.complex(real, imaginary)

    def maximum(self, x: Tensor, bound: float) -> Tensor:
        return x.clamp(min=bound)

    def minimum(self, x: Tensor, bound: float) -> Tensor:
        return x.clamp(max=bound)

    def frexp(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mantissa, exponent = torch.frexp(x)
        return mantissa, exponent.to(torch.float32)

    def branch(
        self,
        mask: Tensor,
        common: Callable[[Tensor], Tensor],
        rare: Callable[[Tensor], Tensor],
        x: Tensor,
    ) -> Tensor:
        return torch.where(mask, common(x), rare(x))

    def once(self, function: Callable[..., Any], *values: Tensor | int, **options: bool) -> Any:
        return function(self, *values, **options)


def _signed(word: int) -> int:
    """A word in [0, 2**32) as the int32 of the same bits."""
    return word - (1 << 32) if word >> 31 else word


def _low_word(counters: Tensor) -> Tensor:
    low = counters & 0xFFFFFFFF
    return ((low ^ 0x80000000) - 0x80000000).to(torch.int32)


def _to_odd(value: Tensor, error: Tensor) -> Tensor:
    bits = value.view(torch.int64)
    # The neighbour towards the error: one up in magnitude where the signs agree, else one down.
    step = torch.where((error > 0) == (value > 0), 1, -1)
    return torch.where((error != 0) & (bits & 1 == 0), bits + step, bits).view(torch.float64)
