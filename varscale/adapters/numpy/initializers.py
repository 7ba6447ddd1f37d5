"""Initializers that return, or fill, NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from varscale.arguments import as_shape
from varscale.draws import fill
from varscale.dtypes import DTypeLike, as_dtype
from varscale.initializers import Initializer
from varscale.keys import KeyLike
from varscale.layout import AnyLayout, destination_shape

__all__ = ["NumpyInitializer"]


@dataclass(frozen=True, slots=True)
class NumpyInitializer:
    """An initializer for NumPy.

    Attributes:
        data: what it draws.
    """

    data: Initializer

    def __call__(
        self,
        key: KeyLike,
        shape: Sequence[int],
        dtype: DTypeLike | None = None,
        *,
        out: np.ndarray[Any, Any] | None = None,
        layout: AnyLayout | None = None,
    ) -> np.ndarray[Any, Any]:
        """Draw an array.

        Args:
            key: a `varscale.Key`, an integer seed, or a JAX key.
            shape: the shape that JAX would draw.
            dtype: default: the initializer's, else out's, else float32.
            out: a writeable array to fill in place, with any strides.
            layout: where the drawn positions lie in `out`, which has the layout's shape; or in
                the new array.

        Returns:
            `out`, or a new array.

        Raises:
            TypeError: no key; a shape that is not integers; `out` of another dtype.
            ValueError: a dtype, shape or layout that does not fit. `out` is as it was.

        Example:
            >>> import numpy as np, varscale
            >>> weight = np.empty((7, 5), np.float32)
            >>> init = varscale.numpy.lecun_normal()
            >>> _ = init(0, (5, 7), out=weight, layout=varscale.Layout("OI", of="IO"))
            >>> bool((weight.T == init(0, (5, 7))).all())
            True
        """
        if dtype is None:
            dtype = self.data.dtype
        if dtype is None:
            dtype = np.float32 if out is None else out.dtype
        draw = self.data.draw(key, shape, as_dtype(dtype))
        target = destination_shape(as_shape(shape), layout)
        if out is None:
            out = np.empty(target, draw.dtype)
        elif not isinstance(out, np.ndarray):
            raise TypeError(f"out must be a NumPy array, got {type(out).__name__}")
        elif out.shape != target:
            raise ValueError(f"out must have shape {target}, got {out.shape}")
        return fill(draw, out, layout)
