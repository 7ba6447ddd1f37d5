"""The initializers of `jax.nn.initializers` as plain data: what to draw for a shape and a dtype.

Nothing here knows where the values go (see `varscale.draws.fill`). The functions with JAX's names
and signatures are in `varscale.family`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, get_args

import numpy as np

from varscale import distributions, linalg
from varscale.arguments import as_axes, as_compiled, as_shape, check_choice, check_number, is_number
from varscale.distributions import Distribution
from varscale.draws import AnyDraw, Draw, Known, fill
from varscale.dtypes import COMPLEX, FLOATS, DTypeLike, as_dtype
from varscale.fans import Axes, compute_fans
from varscale.keys import Key, KeyLike, as_key
from varscale.numerics.arithmetic import Arithmetic, flush

__all__ = [
    "Constant",
    "DeltaOrthogonal",
    "Distribution",
    "Initializer",
    "Mode",
    "Normal",
    "Orthogonal",
    "TruncatedNormal",
    "Uniform",
    "UniformBetween",
    "VarianceScaling",
]

Mode: TypeAlias = Literal["fan_in", "fan_out", "fan_avg", "fan_geo_avg"]


class Initializer(Protocol):
    """What every initializer is: data with a default dtype, and a draw for any shape."""

    @property
    def dtype(self) -> DTypeLike | None:
        """The default dtype; None leaves it to the framework."""

    def draw(self, key: KeyLike, shape: Sequence[int], dtype: DTypeLike) -> AnyDraw:
        """What is drawn with this key for an array of this shape and dtype."""


@dataclass(frozen=True, slots=True)
class VarianceScaling:
    """Samples whose variance is scale / n, n given by the fans of the shape.

    Attributes:
        scale: a number >= 0.
        mode: n is "fan_in", "fan_out", their arithmetic ("fan_avg") or geometric ("fan_geo_avg")
            mean.
        distribution: "truncated_normal" (at two standard deviations before scaling), "normal" or
            "uniform" (a disk, for complex dtypes).
        in_axis: axis or axes of the inputs.
        out_axis: axis or axes of the outputs.
        batch_axis: axis or axes that the fans leave out.
        dtype: the default dtype.
        compiled: None for the values of the newest JAX, eager; True for those under `jax.jit`;
            False for the eager ones of jax <= 0.10 (see docs/exactness.md).

    Raises:
        ValueError: an unknown mode or distribution, or a scale that is negative or NaN (of which
            JAX makes NaN).

    Source: jax/_src/nn/initializers.py, `variance_scaling`.
    """

    scale: float
    mode: Mode
    distribution: Distribution
    in_axis: Axes = -2
    out_axis: Axes = -1
    batch_axis: Axes = ()
    dtype: DTypeLike | None = None
    compiled: bool | None = None

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, get_args(Mode))
        check_choice("distribution", self.distribution, get_args(Distribution))
        check_number("scale", self.scale)
        if not self.scale >= 0:
            raise ValueError(f"scale must be >= 0, got {self.scale!r}")
        for name in ("in_axis", "out_axis", "batch_axis"):
            object.__setattr__(self, name, as_axes(name, getattr(self, name)))
        object.__setattr__(self, "compiled", as_compiled(self.compiled))

    def variance(self, shape: Sequence[int]) -> float:
        """Scale / n for a shape, in Python's arithmetic, as JAX computes it."""
        fan_in, fan_out = compute_fans(shape, self.in_axis, self.out_axis, self.batch_axis)
        n = {
            "fan_in": fan_in,
            "fan_out": fan_out,
            "fan_avg": (fan_in + fan_out) / 2,
            "fan_geo_avg": (fan_in * fan_out) ** 0.5,
        }[self.mode]
        return self.scale / n if n else 0.0

    def draw(self, key: KeyLike, shape: Sequence[int], dtype: DTypeLike) -> AnyDraw:
        """What is drawn with this key for an array of this shape and dtype."""
        shape, kind = as_shape(shape), _random_dtype(dtype, FLOATS + COMPLEX)
        variance = self.variance(shape)
        law = distributions.with_variance(kind, self.distribution, variance, self.compiled)
        return Draw(as_key(key), shape, law)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Samples uniform in [0, scale).

    Source: jax/_src/nn/initializers.py, `uniform`.
    """

    scale: float = 1e-2
    dtype: DTypeLike | None = None

    def __post_init__(self) -> None:
        check_number("scale", self.scale)

    def draw(self, key: KeyLike, shape: Sequence[int], dtype: DTypeLike) -> AnyDraw:
        """What is drawn with this key for an array of this shape and dtype."""
        kind = _random_dtype(dtype, FLOATS)
        return Draw(as_key(key), as_shape(shape), distributions.uniform(kind, self.scale))


@dataclass(frozen=True, slots=True)
class UniformBetween:
    """Samples uniform in [minval, maxval); rounding may give maxval itself.

    None of jax.nn.initializers, but what Equinox's layers have by default.

    Attributes:
        minval: the lower bound.
        maxval: the upper bound.
        dtype: the default dtype.

    Raises:
        ValueError: minval is above maxval, or one is NaN (of which JAX makes a constant, or NaN).

    Example:
        >>> import varscale
        >>> layer = UniformBetween(-0.5, 0.5).draw(0, (3, 4), "float32")

    Source: jax/_src/random/core.py, `uniform(key, shape, dtype, minval, maxval)`.
    """

    minval: float = 0.0
    maxval: float = 1.0
    dtype: DTypeLike | None = None

    def __post_init__(self) -> None:
        check_number("minval", self.minval)
        check_number("maxval", self.maxval)
        if not self.minval <= self.maxval:
            raise ValueError(
                f"minval must not be above maxval, got {self.minval!r} and {self.maxval!r}"
            )

    def draw(self, key: KeyLike, shape: Sequence[int], dtype: DTypeLike) -> AnyDraw:
        """What is drawn with this key for an array of this shape and dtype."""
        kind = _random_dtype(dtype, FLOATS)
        law = distributions.uniform_between(kind, self.minval, self.maxval)
        return Draw(as_key(key), as_shape(shape), law)


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal samples of mean 0 and standard deviation stddev.

    Attributes:
        stddev: standard deviation.
        dtype: the default dtype.
        compiled: see `VarianceScaling`.

    Source: jax/_src/nn/initializers.py, `normal`.
    """

    stddev: float = 1e-2
    dtype: DTypeLike | None = None
    compiled: bool | None = None

    def __post_init__(self) -> None:
        check_number("stddev", self.stddev)
        object.__setattr__(self, "compiled", as_compiled(self.compiled))

    def draw(self, key: KeyLike, shape: Sequence[int], dtype: DTypeLike) -> AnyDraw:
        """What is drawn with this key for an array of this shape and dtype."""
        kind = _random_dtype(dtype, FLOATS + COMPLEX)
        law = distributions.normal(kind, self.stddev, self.compiled)
        return Draw(as_key(key), as_shape(shape), law)


@dataclass(frozen=True, slots=True)
class TruncatedNormal:
    """Normal samples restricted to (lower, upper), then multiplied by stddev.

    Their standard deviation is smaller than stddev: no correction is made, as in JAX.

    Attributes:
        stddev: standard deviation before the truncation.
        dtype: the default dtype.
        lower: lower bound, in standard deviations; may be -inf.
        upper: upper bound, in standard deviations; may be inf.
        compiled: see `VarianceScaling`.

    Raises:
        ValueError: lower is not below upper (of which JAX makes a constant).

    Source: jax/_src/nn/initializers.py, `truncated_normal`.
    """

    stddev: float = 1e-2
    dtype: DTypeLike | None = None
    lower: float = -2.0
    upper: float = 2.0
    compiled: bool | None = None

    def __post_init__(self) -> None:
        for name in ("stddev", "lower", "upper"):
            check_number(name, getattr(self, name))
        if not self.lower < self.upper:
            raise ValueError(f"lower must be below upper, got {self.lower!r} and {self.upper!r}")
        object.__setattr__(self, "compiled", as_compiled(self.compiled))

    def draw(self, key: KeyLike, shape: Sequence[int], dtype: DTypeLike) -> AnyDraw:
        """What is drawn with this key for an array of this shape and dtype."""
        kind = _random_dtype(dtype, FLOATS)
        law = distributions.truncated_normal(
            kind, self.stddev, self.lower, self.upper, self.compiled
        )
        return Draw(as_key(key), as_shape(shape), law)


@dataclass(frozen=True, slots=True)
class Constant:
    """One value everywhere, or an array that is broadcast to the shape; the key is not used.

    Source: jax/_src/nn/initializers.py, `constant`.
    """

    value: Any
    dtype: DTypeLike | None = None

    def __post_init__(self) -> None:
        if not is_number(self.value) and not hasattr(self.value, "dtype"):
            raise TypeError(f"value must be a number or an array, got {self.value!r}")

    def draw(self, key: KeyLike, shape: Sequence[int], dtype: DTypeLike) -> AnyDraw:
        """What is drawn for an array of this shape and dtype."""
        shape, kind = as_shape(shape), as_dtype(dtype)
        try:
            value = np.asarray(self.value)
        except (RuntimeError, TypeError) as error:
            raise TypeError(f"value must be something that NumPy can read: {error}") from None
        if np.iscomplexobj(value) and kind not in COMPLEX:
            raise TypeError(f"value must be real for dtype {kind}, got {self.value!r}")
        with np.errstate(all="ignore"):
            value = value.astype(kind)
        # JAX converts to bfloat16 by arithmetic in float32, which flushes; to float32 it does not.
        value = flush(value) if kind.name == "bfloat16" else value
        values = np.broadcast_to(value, shape)
        return Known(shape, kind, lambda: values)


@dataclass(frozen=True, slots=True)
class Orthogonal:
    """Matrices with orthonormal rows or columns, whichever are fewer, uniformly distributed.

    Attributes:
        scale: multiplies the matrix.
        column_axis: the axis of the columns; all others together are the rows.
        dtype: the default dtype.
        compiled: see `VarianceScaling`.

    Source: jax/_src/nn/initializers.py, `orthogonal`.
    """

    scale: float = 1.0
    column_axis: int = -1
    dtype: DTypeLike | None = None
    compiled: bool | None = None

    def __post_init__(self) -> None:
        check_number("scale", self.scale)
        object.__setattr__(self, "compiled", as_compiled(self.compiled))

    def draw(self, key: KeyLike, shape: Sequence[int], dtype: DTypeLike) -> AnyDraw:
        """What is drawn with this key for an array of this shape and dtype."""
        shape, kind, known_key = as_shape(shape), _orthogonal_dtype(dtype), as_key(key)
        self.check(shape)
        return Known(shape, kind, lambda: self.matrix(known_key, shape, kind))

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse a shape that holds no such matrix; one without elements holds any."""
        if len(shape) < 2:
            raise ValueError(f"shape must be at least 2-D for orthogonal, got {shape}")
        if 0 not in shape and not -len(shape) <= self.column_axis < len(shape):
            raise IndexError(f"column_axis {self.column_axis} is out of range for shape {shape}")

    def matrix(
        self, key: Key, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> np.ndarray[Any, Any]:
        """The values themselves, for a shape that passed `check`."""
        if 0 in shape:
            return np.zeros(shape, dtype)
        axis = self.column_axis % len(shape)
        columns = shape[axis]
        rest = shape[:axis] + shape[axis + 1 :]
        rows = math.prod(rest)
        long, short = max(rows, columns), min(rows, columns)
        normal = np.empty((long, short), dtype)
        fill(Normal(1.0, compiled=self.compiled).draw(key, normal.shape, dtype), normal)
        matrix = linalg.orthogonal(normal, transposed=rows < columns)
        matrix = np.moveaxis(matrix.reshape(*rest, columns), -1, axis)
        return np.ascontiguousarray(matrix * Arithmetic(dtype).value(self.scale))


@dataclass(frozen=True, slots=True)
class DeltaOrthogonal:
    """Convolution kernels that are an orthogonal matrix at the centre and zero elsewhere.

    Attributes:
        scale: multiplies the matrix.
        column_axis: the axis of the matrix's columns.
        dtype: the default dtype.
        compiled: see `VarianceScaling`.

    Source: Xiao et al. (arXiv:1806.05393); jax/_src/nn/initializers.py, `delta_orthogonal`.
    """

    scale: float = 1.0
    column_axis: int = -1
    dtype: DTypeLike | None = None
    compiled: bool | None = None

    def __post_init__(self) -> None:
        check_number("scale", self.scale)
        object.__setattr__(self, "compiled", as_compiled(self.compiled))

    def draw(self, key: KeyLike, shape: Sequence[int], dtype: DTypeLike) -> AnyDraw:
        """What is drawn with this key for an array of this shape and dtype."""
        shape, kind, known_key = as_shape(shape), _orthogonal_dtype(dtype), as_key(key)
        if len(shape) not in (3, 4, 5):
            raise ValueError(f"shape must be 3-D, 4-D or 5-D for delta_orthogonal, got {shape}")
        if shape[-1] < shape[-2]:
            raise ValueError(
                f"shape must have fan_in <= fan_out (its last two axes), got {shape[-2:]}"
            )
        matrix = Orthogonal(self.scale, self.column_axis, compiled=self.compiled)
        if 0 not in shape:
            matrix.check(shape[-2:])

        def make() -> np.ndarray[Any, Any]:
            values = np.zeros(shape, kind)
            if values.size:
                centre = tuple((n - 1) // 2 for n in shape[:-2])
                values[centre] = matrix.matrix(known_key, shape[-2:], kind)
            return values

        return Known(shape, kind, make)


def _random_dtype(dtype: DTypeLike, allowed: Sequence[np.dtype[Any]]) -> np.dtype[Any]:
    kind = as_dtype(dtype)
    if kind not in allowed:
        names = ", ".join(str(one) for one in allowed)
        raise ValueError(f"dtype must be one of {names}; got {kind}")
    return kind


def _orthogonal_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    kind = _random_dtype(dtype, FLOATS + COMPLEX)
    if kind not in linalg.DTYPES:
        names = ", ".join(str(one) for one in linalg.DTYPES)
        raise NotImplementedError(f"dtype must be one of {names} for orthogonal, got {kind}")
    return kind
