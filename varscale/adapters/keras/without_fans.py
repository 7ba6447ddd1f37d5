"""The initializers that know no fans, as Keras classes: fixed scales, constants, orthogonal."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from varscale import initializers
from varscale.adapters.keras.backends import dtype_name
from varscale.adapters.keras.keyed import Described, Keyed, plain_number
from varscale.dtypes import DTypeLike
from varscale.keys import KeyLike

__all__ = [
    "Constant",
    "DeltaOrthogonal",
    "Normal",
    "Ones",
    "Orthogonal",
    "TruncatedNormal",
    "Uniform",
    "Zeros",
]

_register = keras.saving.register_keras_serializable(package="varscale")


@_register
class Uniform(Keyed):
    """Samples uniform in [0, scale).

    `dtype`, `key` and `seed`, here and below, are those of `VarianceScaling`; so is what its
    docstring says of several layers, of attention layers and of loading.

    Example:
        >>> import varscale.keras
        >>> tuple(varscale.keras.Uniform(0.1, key=0)((5, 7)).shape)
        (5, 7)

    Source: jax.nn.initializers.uniform.
    """

    def __init__(
        self,
        scale: float = 1e-2,
        *,
        dtype: DTypeLike | None = None,
        key: KeyLike | None = None,
        seed: Any = None,
    ) -> None:
        super().__init__(initializers.Uniform(plain_number(scale), dtype_name(dtype)), key, seed)


@_register
class Normal(Keyed):
    """Normal samples of mean 0 and standard deviation stddev.

    Source: jax.nn.initializers.normal.
    """

    def __init__(
        self,
        stddev: float = 1e-2,
        *,
        dtype: DTypeLike | None = None,
        key: KeyLike | None = None,
        seed: Any = None,
        compiled: bool | None = None,
    ) -> None:
        data = initializers.Normal(plain_number(stddev), dtype_name(dtype), compiled)
        super().__init__(data, key, seed)


@_register
class TruncatedNormal(Keyed):
    """Normal samples restricted to (lower, upper), then multiplied by stddev.

    The bounds are in standard deviations, and what they take from the standard deviation is not
    given back.

    Raises:
        ValueError: lower is not below upper.

    Source: jax.nn.initializers.truncated_normal.
    """

    def __init__(
        self,
        stddev: float = 1e-2,
        *,
        dtype: DTypeLike | None = None,
        lower: float = -2.0,
        upper: float = 2.0,
        key: KeyLike | None = None,
        seed: Any = None,
        compiled: bool | None = None,
    ) -> None:
        stddev, lower, upper = (plain_number(one) for one in (stddev, lower, upper))
        data = initializers.TruncatedNormal(stddev, dtype_name(dtype), lower, upper, compiled)
        super().__init__(data, key, seed)


@_register
class Orthogonal(Keyed):
    """Matrices with orthonormal rows or columns, whichever are fewer, times scale.

    Equal to JAX where SciPy is installed, else within 2e-6 in float32.

    Source: jax.nn.initializers.orthogonal.
    """

    def __init__(
        self,
        scale: float = 1.0,
        *,
        column_axis: int = -1,
        dtype: DTypeLike | None = None,
        key: KeyLike | None = None,
        seed: Any = None,
        compiled: bool | None = None,
    ) -> None:
        scale = plain_number(scale)
        data = initializers.Orthogonal(scale, column_axis, dtype_name(dtype), compiled)
        super().__init__(data, key, seed)


@_register
class DeltaOrthogonal(Keyed):
    """Convolution kernels that are an orthogonal matrix at the centre and zero elsewhere.

    Source: Xiao et al. (arXiv:1806.05393); jax.nn.initializers.delta_orthogonal.
    """

    def __init__(
        self,
        scale: float = 1.0,
        *,
        column_axis: int = -1,
        dtype: DTypeLike | None = None,
        key: KeyLike | None = None,
        seed: Any = None,
        compiled: bool | None = None,
    ) -> None:
        scale = plain_number(scale)
        data = initializers.DeltaOrthogonal(scale, column_axis, dtype_name(dtype), compiled)
        super().__init__(data, key, seed)


@_register
class Constant(Described):
    """One value everywhere, or an array that is broadcast to the shape. It has no key.

    Source: jax.nn.initializers.constant.
    """

    def __init__(self, value: Any, *, dtype: DTypeLike | None = None) -> None:
        if hasattr(value, "dtype"):
            value = keras.ops.convert_to_numpy(value)
        super().__init__(initializers.Constant(plain_number(value), dtype_name(dtype)))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as values that JSON has."""
        config = super().get_config()
        return {**config, "value": keras.saving.serialize_keras_object(config["value"])}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constant:
        """Make an initializer from a config.

        Args:
            config: what `get_config` returned.
        """
        value = config["value"]
        if isinstance(value, dict):
            value = np.asarray(keras.saving.deserialize_keras_object(value))
        return cls(value, dtype=config["dtype"])


@_register
class Zeros(Described):
    """Zeros. It has no key.

    Source: jax.nn.initializers.zeros.
    """

    def __init__(self) -> None:
        super().__init__(initializers.Constant(0))

    def get_config(self) -> dict[str, Any]:
        """Nothing: there are no arguments."""
        return {}


@_register
class Ones(Described):
    """Ones. It has no key.

    Source: jax.nn.initializers.ones.
    """

    def __init__(self) -> None:
        super().__init__(initializers.Constant(1))

    def get_config(self) -> dict[str, Any]:
        """Nothing: there are no arguments."""
        return {}
