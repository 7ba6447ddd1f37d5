"""What every initializer class shares: how it gets its key, its config, and its call."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np

from varscale.adapters.keras.attention import current_place, projection_key
from varscale.adapters.keras.backends import tensor
from varscale.adapters.keras.scopes import is_symbolic
from varscale.dtypes import DTypeLike
from varscale.initializers import Initializer
from varscale.keys import Key, KeyLike, as_key
from varscale.keys import key as key_of_seed

__all__ = ["Described", "Keyed", "plain_number"]


class Described(keras.initializers.Initializer):  # type: ignore[misc]
    """An initializer class over plain data, whose fields are the arguments of the constructor.

    Args:
        data: what it draws.
    """

    def __init__(self, data: Initializer) -> None:
        self._data = data

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Any:
        """Draw a tensor of the current backend.

        Args:
            shape: the shape.
            dtype: default: the initializer's, else `keras.config.floatx()`.

        Raises:
            ValueError: a shape or dtype that does not fit.
        """
        return tensor(self._data, self._key(), shape, dtype)

    def _key(self) -> KeyLike:
        return Key((0, 0))  # constants do not use it

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as values that JSON has."""
        fields: Any = self._data
        return {one.name: getattr(fields, one.name) for one in dataclasses.fields(fields)}


class Keyed(Described):
    """An initializer class with a key.

    Args:
        data: what it draws.
        key: a key, or what is accepted for one; the same values at every call.
        seed: an integer, which is the key `varscale.key(seed)`; or a `keras.random.SeedGenerator`,
            whose next state is the key of each call. None, if there is no key either, for a seed
            that Keras draws now.

    Raises:
        ValueError: key and seed are both given.
        TypeError: a key or a seed of another type.
    """

    def __init__(self, data: Initializer, key: KeyLike | None, seed: Any) -> None:
        super().__init__(data)
        if key is not None and seed is not None:
            raise ValueError(
                f"key and seed must not be given together, got key={key!r} and seed={seed!r}"
            )
        self.key = None if key is None else as_key(key)
        self._init_seed = _as_seed(seed)
        # EinsumDense reads `seed`, and gives it to the clone that it makes.
        self.seed = _drawn_seed() if key is None and seed is None else self._init_seed
        self._made_at = current_place()

    def _key(self) -> KeyLike:
        return projection_key(self._own_key(), self, self._made_at)

    def _own_key(self) -> Key:
        if self.key is not None:
            return self.key
        if isinstance(self.seed, keras.random.SeedGenerator):
            if is_symbolic():
                return Key((0, 0))  # the state has no value now, and the draw's is not used
            # Signed or 64-bit on some backends, but 32 bits are meant.
            high, low = (int(word) & 0xFFFFFFFF for word in self.seed.next())
            return Key((high, low))
        return key_of_seed(self.seed)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as values that JSON has."""
        key = None
        if self.key is not None:
            key = {**dataclasses.asdict(self.key), "words": list(self.key.words)}
        seed = keras.saving.serialize_keras_object(self._init_seed)
        return {**super().get_config(), "key": key, "seed": seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make an initializer from a config.

        Args:
            config: what `get_config` returned.
        """
        key, seed = config.get("key"), config.get("seed")
        if isinstance(key, dict):
            key = Key(**{**key, "words": tuple(key["words"])})
        if isinstance(seed, dict):
            seed = keras.saving.deserialize_keras_object(seed)
        return cls(**{**config, "key": key, "seed": seed})

    def __getstate__(self) -> dict[str, Any]:
        # A copy belongs to no layer that is being built; and a weak reference cannot be pickled.
        return {**vars(self), "_made_at": None}


def plain_number(value: Any) -> Any:
    """A scalar of any framework as a Python number; anything else as it is."""
    is_scalar = hasattr(value, "dtype") and getattr(value, "shape", None) == ()
    return np.asarray(value).item() if is_scalar else value


def _as_seed(seed: Any) -> Any:
    if seed is None or isinstance(seed, keras.random.SeedGenerator):
        return seed
    if isinstance(seed, int | np.integer):
        seed = int(seed)
        key_of_seed(seed)  # raises where the seed does not fit
        return seed
    raise TypeError(
        f"seed must be an integer or a keras.random.SeedGenerator, got {seed!r}; "
        "a key is given as key="
    )


def _drawn_seed() -> Any:
    # From Python's `random`, as keras.utils.set_random_seed promises; no function of Keras' public
    # API draws one without an initializer around it.
    return keras.initializers.RandomNormal().seed
