"""Initializers that return, or fill, PyTorch tensors, and what they do with a weight's axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from varscale.adapters.torch.dtypes import numpy_dtype, torch_dtype
from varscale.adapters.torch.filling import check_destination, fill, untraced
from varscale.arguments import as_shape
from varscale.draws import advise_huge_pages
from varscale.dtypes import DTypeLike
from varscale.initializers import Initializer
from varscale.keys import KeyLike
from varscale.layout import AnyLayout, destination_shape

__all__ = ["TorchInitializer"]


@dataclass(frozen=True, slots=True)
class TorchInitializer:
    """An initializer for PyTorch.

    Attributes:
        data: what it draws.
    """

    data: Initializer

    @untraced
    def __call__(
        self,
        key: KeyLike,
        shape: Sequence[int],
        dtype: torch.dtype | DTypeLike | None = None,
        *,
        device: torch.device | str | int | None = None,
        out: torch.Tensor | None = None,
        layout: AnyLayout | None = None,
    ) -> torch.Tensor:
        """Draw a tensor: exactly what JAX's initializer gives for the same key and shape.

        Args:
            key: a `varscale.Key`, an integer seed, or a JAX key.
            shape: the shape that JAX would draw.
            dtype: default: the initializer's, else out's, else `torch.get_default_dtype()`.
            device: of the new tensor; default: torch's default device. Not with `out`.
            out: a tensor to fill in place, with any strides; `requires_grad` is kept.
            layout: where the drawn positions lie in `out`, which has the layout's shape; or in
                the new tensor.

        Returns:
            `out`, or a new tensor.

        Raises:
            TypeError: no key; a shape that is not integers; `out` of another dtype.
            ValueError: a dtype, shape or layout that does not fit. `out` is as it was.

        Example:
            >>> import torch, varscale.torch
            >>> init = varscale.torch.variance_scaling(2.0, "fan_out", "truncated_normal")
            >>> init(0, (3, 3, 16, 32), torch.bfloat16).dtype
            torch.bfloat16
        """
        if out is not None:
            check_destination(out)
            if device is not None:
                raise TypeError(f"device must not be given with out, got {device!r}")
        if dtype is None:
            dtype = self.data.dtype
        if dtype is None:
            dtype = torch.get_default_dtype() if out is None else out.dtype
        draw = self.data.draw(key, shape, numpy_dtype(dtype))
        target = destination_shape(as_shape(shape), layout)
        if out is None:
            out = torch.empty(target, dtype=torch_dtype(dtype), device=device)
            if out.device.type == "cpu" and type(out) is torch.Tensor:
                # NumPy asks for them itself, torch does not.
                advise_huge_pages(out.data_ptr(), out.nbytes)
        elif tuple(out.shape) != target:
            raise ValueError(f"out must have shape {target}, got {tuple(out.shape)}")
        return fill(draw, out, layout)
