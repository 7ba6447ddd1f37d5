"""What is drawn, as plain data: every constant already rounded to the dtype."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from varscale.keys import Key

__all__ = ["ComplexLaw", "Distribution", "Draw", "Law"]

Distribution: TypeAlias = Literal["truncated_normal", "normal", "uniform"]


# Laws are compared by identity: as numbers, the constants 0.0 and -0.0 would be equal.
@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """How a random word becomes a sample of a real dtype.

    The value number i is made from the i-th uniform u: for "uniform" u itself, else erf_inv(u);
    times each of `factors_before_clip`, clipped, times `scale`, every step rounded to dtype.

    Attributes:
        dtype: one of `varscale.dtypes.FLOATS`.
        distribution: how u becomes a sample.
        interval: (lower, upper) of u, as scalars of dtype.
        scale: the last factor, a scalar of dtype.
        factors_before_clip: scalars of dtype.
        clip: (lower, upper), scalars of dtype, or None.
        old_log1p: float64's log1p is that of jaxlib <= 0.10.
    """

    dtype: np.dtype[Any]
    distribution: Distribution
    interval: tuple[Any, Any]
    scale: Any
    factors_before_clip: tuple[Any, ...] = ()
    clip: tuple[Any, Any] | None = None
    old_log1p: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ComplexLaw:
    """How two real samples, under two keys split from one, become one of a complex dtype.

    Attributes:
        dtype: one of `varscale.dtypes.COMPLEX`.
        distribution: "normal": the parts are normal; "uniform": on a disk; "truncated_normal":
            normal with a modulus truncated at 2. The last two are drawn as modulus and argument.
        part: of the real samples: the parts themselves, or uniforms in [0, 1).
        scale: of the modulus, a scalar of the parts' dtype; `part` has it where it draws parts.
        fused: the modulus is computed as under `jax.jit`.
        old_log1p: float64's log1p is that of jaxlib <= 0.10.
    """

    dtype: np.dtype[Any]
    distribution: Distribution
    part: Law
    scale: Any
    fused: bool = False
    old_log1p: bool = False


@dataclass(frozen=True, slots=True)
class Draw:
    """Samples of an array; each is a function of the key and its own counter.

    Attributes:
        key: the key.
        shape: of JAX's whole array.
        law: how words become samples.
    """

    key: Key
    shape: tuple[int, ...]
    law: Law | ComplexLaw

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the samples."""
        return self.law.dtype

    @property
    def size(self) -> int:
        """Number of elements of the whole draw."""
        return math.prod(self.shape)
