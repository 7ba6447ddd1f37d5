"""A generator whose i-th element has the i-th possible mantissa, for JAX and for varscale.

With it every value that a draw can have is seen once, through the public functions of both.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from varscale.initializers import Initializer
from varscale.layout import CounterMap
from varscale.numerics import sampler
from varscale.numerics.numpy_ops import NumpyOps

from .oracle import jax

from jax.extend.random import define_prng_impl  # isort: skip

__all__ = ["draw_all", "jax_key", "mantissa"]

#: Elements at once, to bound memory.
_CHUNK = 1 << 20


def mantissa(dtype: np.dtype[Any]) -> int:
    """Explicit mantissa bits: a draw has 2**mantissa different uniforms."""
    return int(ml_dtypes.finfo(dtype).nmant)


def _random_bits(key: Any, bit_width: int, shape: tuple[int, ...]) -> Any:
    # The key's word says how far JAX will shift to the right.
    kind = f"uint{bit_width}"
    size = int(np.prod(shape, dtype=int))
    index = jax.lax.iota(kind, size).reshape(shape)
    return jax.lax.shift_left(index, key[0].astype(kind))


_GENERATOR = define_prng_impl(
    key_shape=(1,),
    seed=lambda seed: jax.numpy.asarray(seed, "uint32")[None],
    split=lambda key, shape: jax.numpy.broadcast_to(key, (*shape, 1)),
    random_bits=_random_bits,
    fold_in=lambda key, data: key,
    name="counting",
    tag="count",
)


def jax_key(dtype: np.dtype[Any]) -> Any:
    """A JAX key whose draws of this dtype count."""
    width = 8 if mantissa(dtype) < 8 else 8 * dtype.itemsize
    return jax.random.wrap_key_data(np.array([width - mantissa(dtype)], np.uint32), impl=_GENERATOR)


class _Counting(NumpyOps):
    def __init__(self, start: int) -> None:
        self.start = start

    def bits(self, a: Any, low: int, count: int) -> Any:
        return np.arange(self.start, self.start + a.size, dtype=np.uint32).reshape(a.shape)


def draw_all(initializer: Initializer, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Varscale's values for a draw that counts (not for float64, whose bits are two words)."""
    draw = initializer.draw(0, shape, dtype)
    with np.errstate(all="ignore"):  # as in `fill`
        parts = [
            sampler(_Counting(start), draw)(CounterMap.row_major((min(_CHUNK, draw.size - start),)))
            for start in range(0, draw.size, _CHUNK)
        ]
    return np.concatenate(parts).reshape(shape)
