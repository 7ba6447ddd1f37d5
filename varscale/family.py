"""The functions of `jax.nn.initializers`, with JAX's names and signatures, once for every adapter.

An adapter makes a `Family` of its own kind of initializer and re-exports its methods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from varscale.dtypes import DTypeLike
from varscale.fans import Axes
from varscale.initializers import (
    Constant,
    DeltaOrthogonal,
    Distribution,
    Initializer,
    Mode,
    Normal,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)

__all__ = ["FACTORIES", "Family"]

T = TypeVar("T")

#: Names of the functions that make initializers; `zeros` and `ones` are initializers themselves.
FACTORIES = (
    "constant",
    "delta_orthogonal",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
)


class Family(Generic[T]):
    """The factories, their results wrapped for one framework.

    `dtype` is everywhere the dtype of an initializer's arrays where its call names none, and
    `compiled` chooses among JAX's own roundings where it has several: None for the newest JAX,
    eager; True for `jax.jit`; False for the eager values of jax <= 0.10.

    Args:
        wrap: makes the framework's initializer, called as `init(key, shape, dtype=None)`, from
            the plain data.
    """

    def __init__(self, wrap: Callable[[Initializer], T]) -> None:
        self._wrap = wrap
        self.zeros = wrap(Constant(0))
        self.ones = wrap(Constant(1))

    def variance_scaling(
        self,
        scale: float,
        mode: Mode,
        distribution: Distribution,
        in_axis: Axes = -2,
        out_axis: Axes = -1,
        batch_axis: Axes = (),
        dtype: DTypeLike | None = None,
        *,
        compiled: bool | None = None,
    ) -> T:
        """Make an initializer whose variance is scale / n, n given by the fans of the shape.

        Args:
            scale: a number >= 0.
            mode: n is "fan_in", "fan_out", "fan_avg" or "fan_geo_avg".
            distribution: "truncated_normal" (at two standard deviations), "normal" or "uniform".
            in_axis: axis or axes of the inputs.
            out_axis: axis or axes of the outputs.
            batch_axis: axis or axes that the fans leave out.
            dtype: see `Family`.
            compiled: see `Family`.

        Returns:
            An initializer, called as `init(key, shape, dtype=None)`.

        Raises:
            ValueError: an unknown mode or distribution, or a negative scale; when called, a shape
                of rank <= 1 with the default in_axis, or a dtype that is not a float or complex.

        Example:
            >>> import varscale
            >>> init = varscale.numpy.variance_scaling(2.0, "fan_out", "truncated_normal")
            >>> init(varscale.key(0), (3, 3, 16, 32)).shape
            (3, 3, 16, 32)

        Source: jax.nn.initializers.variance_scaling.
        """
        return self._wrap(
            VarianceScaling(
                scale, mode, distribution, in_axis, out_axis, batch_axis, dtype, compiled
            )
        )

    def uniform(self, scale: float = 1e-2, dtype: DTypeLike | None = None) -> T:
        """Make an initializer of samples uniform in [0, scale).

        Source: jax.nn.initializers.uniform.
        """
        return self._wrap(Uniform(scale, dtype))

    def normal(
        self,
        stddev: float = 1e-2,
        dtype: DTypeLike | None = None,
        *,
        compiled: bool | None = None,
    ) -> T:
        """Make an initializer of normal samples of mean 0 and standard deviation stddev.

        Source: jax.nn.initializers.normal.
        """
        return self._wrap(Normal(stddev, dtype, compiled))

    def truncated_normal(
        self,
        stddev: float = 1e-2,
        dtype: DTypeLike | None = None,
        lower: float = -2.0,
        upper: float = 2.0,
        *,
        compiled: bool | None = None,
    ) -> T:
        """Make an initializer of normal samples restricted to (lower, upper), times stddev.

        The standard deviation that the truncation takes away is not given back.

        Raises:
            ValueError: lower is not below upper.

        Source: jax.nn.initializers.truncated_normal.
        """
        return self._wrap(TruncatedNormal(stddev, dtype, lower, upper, compiled))

    def constant(self, value: Any, dtype: DTypeLike | None = None) -> T:
        """Make an initializer of one value, or of an array that broadcasts to the shape.

        Source: jax.nn.initializers.constant.
        """
        return self._wrap(Constant(value, dtype))

    def orthogonal(
        self,
        scale: float = 1.0,
        column_axis: int = -1,
        dtype: DTypeLike | None = None,
        *,
        compiled: bool | None = None,
    ) -> T:
        """Make an initializer of matrices with orthonormal rows or columns, times scale.

        Equal to JAX where SciPy is installed, else within 2e-6 in float32.

        Source: jax.nn.initializers.orthogonal.
        """
        return self._wrap(Orthogonal(scale, column_axis, dtype, compiled))

    def delta_orthogonal(
        self,
        scale: float = 1.0,
        column_axis: int = -1,
        dtype: DTypeLike | None = None,
        *,
        compiled: bool | None = None,
    ) -> T:
        """Make an initializer of convolution kernels that are orthogonal at their centre.

        Source: jax.nn.initializers.delta_orthogonal.
        """
        return self._wrap(DeltaOrthogonal(scale, column_axis, dtype, compiled))

    def glorot_uniform(
        self,
        in_axis: Axes = -2,
        out_axis: Axes = -1,
        batch_axis: Axes = (),
        dtype: DTypeLike | None = None,
        *,
        compiled: bool | None = None,
    ) -> T:
        """`variance_scaling(1.0, "fan_avg", "uniform")`.

        Source: Glorot, Bengio (AISTATS 2010); jax.nn.initializers.glorot_uniform.
        """
        return self.variance_scaling(
            1.0, "fan_avg", "uniform", in_axis, out_axis, batch_axis, dtype, compiled=compiled
        )

    def glorot_normal(
        self,
        in_axis: Axes = -2,
        out_axis: Axes = -1,
        batch_axis: Axes = (),
        dtype: DTypeLike | None = None,
        *,
        compiled: bool | None = None,
    ) -> T:
        """`variance_scaling(1.0, "fan_avg", "truncated_normal")`.

        Source: Glorot, Bengio (AISTATS 2010); jax.nn.initializers.glorot_normal.
        """
        return self.variance_scaling(
            1.0,
            "fan_avg",
            "truncated_normal",
            in_axis,
            out_axis,
            batch_axis,
            dtype,
            compiled=compiled,
        )

    def lecun_uniform(
        self,
        in_axis: Axes = -2,
        out_axis: Axes = -1,
        batch_axis: Axes = (),
        dtype: DTypeLike | None = None,
        *,
        compiled: bool | None = None,
    ) -> T:
        """`variance_scaling(1.0, "fan_in", "uniform")`.

        Source: LeCun et al., "Efficient BackProp" (1998); jax.nn.initializers.lecun_uniform.
        """
        return self.variance_scaling(
            1.0, "fan_in", "uniform", in_axis, out_axis, batch_axis, dtype, compiled=compiled
        )

    def lecun_normal(
        self,
        in_axis: Axes = -2,
        out_axis: Axes = -1,
        batch_axis: Axes = (),
        dtype: DTypeLike | None = None,
        *,
        compiled: bool | None = None,
    ) -> T:
        """`variance_scaling(1.0, "fan_in", "truncated_normal")`.

        Source: LeCun et al., "Efficient BackProp" (1998); jax.nn.initializers.lecun_normal.
        """
        return self.variance_scaling(
            1.0,
            "fan_in",
            "truncated_normal",
            in_axis,
            out_axis,
            batch_axis,
            dtype,
            compiled=compiled,
        )

    def he_uniform(
        self,
        in_axis: Axes = -2,
        out_axis: Axes = -1,
        batch_axis: Axes = (),
        dtype: DTypeLike | None = None,
        *,
        compiled: bool | None = None,
    ) -> T:
        """`variance_scaling(2.0, "fan_in", "uniform")`.

        Source: He et al. (arXiv:1502.01852); jax.nn.initializers.he_uniform.
        """
        return self.variance_scaling(
            2.0, "fan_in", "uniform", in_axis, out_axis, batch_axis, dtype, compiled=compiled
        )

    def he_normal(
        self,
        in_axis: Axes = -2,
        out_axis: Axes = -1,
        batch_axis: Axes = (),
        dtype: DTypeLike | None = None,
        *,
        compiled: bool | None = None,
    ) -> T:
        """`variance_scaling(2.0, "fan_in", "truncated_normal")`.

        Source: He et al. (arXiv:1502.01852); jax.nn.initializers.he_normal.
        """
        return self.variance_scaling(
            2.0,
            "fan_in",
            "truncated_normal",
            in_axis,
            out_axis,
            batch_axis,
            dtype,
            compiled=compiled,
        )

    xavier_uniform = glorot_uniform
    xavier_normal = glorot_normal
    kaiming_uniform = he_uniform
    kaiming_normal = he_normal
