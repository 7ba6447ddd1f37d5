"""JAX's functional initializers, `init(key, shape, dtype=None)`, for Keras' current backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from varscale.adapters.keras.backends import tensor
from varscale.dtypes import DTypeLike
from varscale.initializers import Initializer
from varscale.keys import KeyLike

__all__ = ["KerasInitializerFunction"]


@dataclass(frozen=True, slots=True)
class KerasInitializerFunction:
    """An initializer that is called as in JAX, with a key; Keras layers want the classes instead.

    Attributes:
        data: what it draws.
    """

    data: Initializer

    def __call__(
        self, key: KeyLike, shape: Sequence[int] | None = None, dtype: DTypeLike | None = None
    ) -> Any:
        """Draw a tensor of the current backend.

        Args:
            key: a `varscale.Key`, an integer seed, or a JAX key.
            shape: the shape.
            dtype: default: the initializer's, else `keras.config.floatx()`.

        Returns:
            A tensor of the current backend.

        Raises:
            TypeError: no key, no shape, or a shape that is not integers.
            ValueError: a dtype or shape that does not fit.

        Example:
            >>> import varscale.keras
            >>> init = varscale.keras.lecun_normal()
            >>> tuple(init(varscale.key(0), (3, 3, 16, 32)).shape)
            (3, 3, 16, 32)
        """
        if shape is None:
            raise TypeError(
                "shape must be given after the key, as init(key, shape, dtype); "
                "where Keras calls the initializer, give it one that holds its key, "
                "as varscale.keras.LecunNormal(key=0)"
            )
        return tensor(self.data, key, shape, dtype)
