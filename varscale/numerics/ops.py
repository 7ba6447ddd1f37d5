"""The Protocol that the reference arithmetic is written against; no implementation lives here.

Arithmetic (`+ - * /`) and comparisons are the frameworks' own operators: on floats they round once,
as IEEE 754 says, in every framework; on counters they are exact. What frameworks spell differently,
or round differently, is a method here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from varscale.threefry import WordOps, Words

if TYPE_CHECKING:
    from varscale.layout import CounterMap

__all__ = ["Counters", "Floats", "Ops", "Words"]

#: Signed 64-bit integers of a framework, all >= 0.
Counters: TypeAlias = Any
#: float32 or float64 values of a framework.
Floats: TypeAlias = Any


class Ops(WordOps, Protocol):
    """Everything that sampling needs from a framework."""

    def counters(self, where: CounterMap) -> Counters:
        """The counters of a block, an array of shape `where.extent`."""

    def words(self, counters: Counters) -> tuple[Words, Words]:
        """The counters' (high, low) words."""

    def bits(self, a: Words, low: int, count: int) -> Words:
        """`count` bits of each word, from bit `low` upwards, as a number."""

    def where(self, mask: Any, a: Any, b: Any) -> Any:
        """Elementwise choice."""

    def to_float(self, a: Words, dtype: np.dtype[Any]) -> Floats:
        """The words' unsigned values as float32 (exact below 2**24) or float64 (always exact)."""

    def take(self, table: np.ndarray[Any, Any], index: Words) -> Any:
        """`table[index]`, for a host table of at most 2**10 values of any dtype."""

    def fma(self, a: Floats, b: Floats, c: Floats) -> Floats:
        """A * b + c, rounded once. At least `a` is an array."""

    def sqrt(self, x: Floats) -> Floats:
        """Correctly rounded square root."""

    def cast(self, x: Floats, dtype: np.dtype[Any]) -> Floats:
        """`x` rounded to float32, or widened to float64."""

    def c_library(self, function: Callable[[float], float], x: Floats) -> Floats:
        """A function of Python's `math`, which is the C library's, of float64 values."""

    def complex(self, real: Floats, imaginary: Floats) -> Any:
        """Complex values from their parts."""

    def maximum(self, x: Floats, bound: Any) -> Floats:
        """max(x, bound) for a scalar bound."""

    def minimum(self, x: Floats, bound: Any) -> Floats:
        """min(x, bound) for a scalar bound."""

    def frexp(self, x: Floats) -> tuple[Floats, Floats]:
        """Positive normal float32 `x` as (m, e), both float32: x = m * 2**e, 0.5 <= m < 1."""

    def branch(
        self,
        mask: Any,
        common: Callable[[Floats], Floats],
        rare: Callable[[Floats], Floats],
        x: Floats,
    ) -> Floats:
        """`common(x)` where mask, else `rare(x)`.

        Either function may be evaluated where its value is not wanted.
        """

    def once(self, function: Callable[..., Any], *values: Any, **options: bool) -> Any:
        """`function(self, *values, **options)`, which works element by element.

        A framework that traces may do so once, for draws of all shapes. Words may be Python
        integers.
        """
