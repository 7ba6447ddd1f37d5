"""PRNG keys: what JAX's `jax.random.key`, `split` and `fold_in` give, as plain immutable data."""

from __future__ import annotations

import operator
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from varscale.threefry import INTEGERS, split_key, threefry2x32

__all__ = ["Key", "KeyLike", "as_key", "fold_in", "key", "key_data", "split", "wrap_key_data"]

#: Implementations that JAX has and varscale has not; a key of theirs is refused by name.
_NOT_BUILT = ("rbg", "unsafe_rbg", "philox2x32", "philox4x32", "threefry4x32")
_THREEFRY = "threefry2x32"

#: Whatever is accepted where a key is asked for: a Key, a seed, a uint32 array of two words, or a
#: `jax.random.key` / `jax.random.PRNGKey` array.
KeyLike: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the counter-based generator threefry2x32.

    Attributes:
        words: the key's two words, each in [0, 2**32).
        impl: the generator's name, as `jax.random.key_impl` gives it.
        partitionable: whether bits and splits follow `jax_threefry_partitionable=True` (the
            default since jax 0.5) or the older order. Keys made from this one keep the flag.
    """

    words: tuple[int, int]
    impl: str = _THREEFRY
    partitionable: bool = True

    def __post_init__(self) -> None:
        _check_impl(self.impl)
        try:
            object.__setattr__(self, "words", tuple(map(operator.index, self.words)))
        except TypeError:
            raise TypeError(f"words must be two integers, got {self.words!r}") from None
        if len(self.words) != 2 or not all(0 <= word < 2**32 for word in self.words):
            raise ValueError(f"words must be two integers in [0, 2**32), got {self.words!r}")


def key(
    seed: int | np.integer[Any] | np.ndarray[Any, Any],
    *,
    impl: str | None = None,
    x64: bool = False,
    partitionable: bool = True,
) -> Key:
    """Make a key from a seed, as `jax.random.key(seed)` does.

    Args:
        seed: a Python integer in [-2**63, 2**63) or a NumPy integer.
        impl: the generator; only "threefry2x32" (the default) is built.
        x64: follow `JAX_ENABLE_X64=1`, where the seed's high 32 bits count. Without it JAX drops
            them: `key(2**40 + 5)` equals `key(5)`, and `key(-1)` equals `key(2**32 - 1)`.
        partitionable: see `Key`.

    Returns:
        The key.

    Raises:
        TypeError: the seed is not an integer scalar.
        OverflowError: a Python integer that does not fit 64 bits.
        NotImplementedError: a generator that JAX has and varscale has not.

    Example:
        >>> import varscale
        >>> varscale.key(42)
        Key(words=(0, 42), impl='threefry2x32', partitionable=True)

    Source: jax/_src/random/threefry2x32.py, `threefry_seed`.
    """
    _check_impl(impl)
    if isinstance(seed, Key) or _is_jax_key(seed):
        raise TypeError("seed must be an integer, got a key")
    bits = 64
    if not isinstance(seed, int):
        array = np.asarray(seed) if hasattr(seed, "dtype") else None
        if array is None or array.ndim or not (np.issubdtype(array.dtype, np.integer)):
            raise TypeError(f"seed must be an integer scalar, got {_describe(seed)}")
        bits = 8 * array.dtype.itemsize
        seed = int(array)
    elif not -(2**63) <= seed < 2**63:
        raise OverflowError(f"seed must be in [-2**63, 2**63), got {seed}")
    high = (seed >> 32) & 0xFFFFFFFF if x64 and bits == 64 else 0
    return Key((high, seed & 0xFFFFFFFF), partitionable=partitionable)


def fold_in(key: KeyLike, data: int | np.integer[Any]) -> Key:
    """Make a key from a key and a number, as `jax.random.fold_in` does.

    Args:
        key: a key, or what is accepted for one (see `as_key`).
        data: an integer in [0, 2**32). A NumPy integer of another range is wrapped, as JAX does.

    Raises:
        TypeError: data is not an integer scalar.
        OverflowError: a Python integer out of range.

    Example:
        >>> import varscale
        >>> varscale.fold_in(varscale.key(0), 1).words
        (928981903, 3453687069)
    """
    parent = as_key(key)
    if not isinstance(data, int):
        if np.ndim(data) or not np.issubdtype(np.asarray(data).dtype, np.integer):
            raise TypeError(f"data must be an integer scalar, got {_describe(data)}")
        data = int(np.asarray(data)) & 0xFFFFFFFF
    elif not 0 <= data < 2**32:
        raise OverflowError(f"data must be in [0, 2**32), got {data}")
    return _child(parent, threefry2x32(INTEGERS, parent.words, (0, int(data))))


def split(key: KeyLike, num: int | Sequence[int] = 2) -> Any:
    """Make `num` keys from a key, as `jax.random.split` does.

    Args:
        key: a key, or what is accepted for one (see `as_key`).
        num: how many keys, or the shape of an array of keys.

    Returns:
        A tuple of `num` keys; for a shape, nested tuples of that shape (for `()`, one key).

    Raises:
        TypeError: num is not an integer or a sequence of integers.
        ValueError: num is negative.

    Example:
        >>> import varscale
        >>> k1, k2 = varscale.split(varscale.key(0))
        >>> k1.words
        (1797259609, 2579123966)
    """
    parent = as_key(key)
    shape = tuple(num) if isinstance(num, Sequence) else (num,)
    shape = tuple(operator.index(n) for n in shape)
    if any(n < 0 for n in shape):
        raise ValueError(f"num must not be negative, got {num}")
    words = split_key(
        INTEGERS, parent.words, int(np.prod(shape, dtype=object)), parent.partitionable
    )
    keys = iter([_child(parent, pair) for pair in words])

    def nested(sizes: tuple[int, ...]) -> Any:
        return tuple(nested(sizes[1:]) for _ in range(sizes[0])) if sizes else next(keys)

    return nested(shape)


def key_data(key: KeyLike) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """The key's words as a uint32 array of shape (2,), as `jax.random.key_data` gives them.

    Example:
        >>> import varscale
        >>> varscale.key_data(varscale.key(7))
        array([0, 7], dtype=uint32)
    """
    return np.array(as_key(key).words, np.uint32)


def wrap_key_data(data: Any, *, impl: str | None = None, partitionable: bool = True) -> Key:
    """Make a key from its words, as `jax.random.wrap_key_data` does.

    Args:
        data: a uint32 array of shape (2,).
        impl: the generator; only "threefry2x32" (the default) is built.
        partitionable: see `Key`.

    Raises:
        TypeError: data is not a uint32 array of shape (2,).
        NotImplementedError: a generator that JAX has and varscale has not.

    Example:
        >>> import numpy as np, varscale
        >>> varscale.wrap_key_data(np.array([0, 7], np.uint32)) == varscale.key(7)
        True
    """
    _check_impl(impl)
    array = np.asarray(data)
    if array.dtype != np.uint32:
        raise TypeError(f"key data must be a uint32 array, got {_describe(data)}")
    if array.shape == (4,):
        raise TypeError(
            "key data must have shape (2,), got (4,): keys of four words belong to rbg, "
            f"unsafe_rbg, philox4x32 or threefry4x32, and only {_THREEFRY} is built"
        )
    if array.ndim > 1:
        raise ValueError(f"one key of shape (2,) is wanted, got an array of shape {array.shape}")
    if array.shape != (2,):
        raise TypeError(f"key data must have shape (2,), got {array.shape}")
    return Key((int(array[0]), int(array[1])), partitionable=partitionable)


def as_key(key: KeyLike) -> Key:
    """The key that is meant.

    Args:
        key: a Key; an integer seed; a uint32 array of shape (2,) of any framework; a
            `jax.random.key` or `jax.random.PRNGKey` array, whose order of bits is then what
            `jax.config.jax_threefry_partitionable` says (False by default before jax 0.5).

    Raises:
        TypeError: none of these; `None` is explained.
        ValueError: several keys where one is wanted.
        NotImplementedError: a key of a generator that is not built.
    """
    if isinstance(key, Key):
        return key
    if key is None:
        raise TypeError(
            "key must be given, got None: varscale keeps no global state to draw from; "
            "pass an integer seed or varscale.key(seed)"
        )
    if _is_jax_key(key):
        return _from_jax(key)
    if isinstance(key, int | np.integer):
        return _seed(key)
    if hasattr(key, "dtype") and hasattr(key, "shape"):
        array = np.asarray(key)
        if array.ndim == 0 and np.issubdtype(array.dtype, np.integer):
            return _seed(array)
        return wrap_key_data(array, partitionable=_partitionable(key))
    raise TypeError(
        "key must be a varscale key, an integer seed, a uint32 array of shape (2,) or a jax key, "
        f"got {_describe(key)}"
    )


def _child(parent: Key, words: tuple[int, int]) -> Key:
    return Key(words, parent.impl, parent.partitionable)


#: `key`, under a name that functions with an argument `key` can call.
_seed = key


def _check_impl(impl: str | None) -> None:
    if impl in (None, _THREEFRY):
        return
    if impl in _NOT_BUILT:
        raise NotImplementedError(f"impl {impl!r} is not built; varscale has {_THREEFRY!r} only")
    raise ValueError(f"impl must be {_THREEFRY!r}, got {impl!r}")


def _is_jax_key(value: Any) -> bool:
    """Whether `value` is a typed key array of JAX; JAX is not imported to find out."""
    return str(getattr(value, "dtype", "")).startswith("key<")


def _from_jax(value: Any) -> Key:
    # A value of JAX's own type exists, so the user has imported JAX.
    jax = sys.modules["jax"]
    if value.ndim:
        raise ValueError(f"one key is wanted, got an array of keys of shape {value.shape}")
    impl = jax.random.key_impl(value)
    _check_impl(impl if isinstance(impl, str) else str(impl))
    data = np.asarray(jax.random.key_data(value))
    return wrap_key_data(data, partitionable=_partitionable(value))


def _partitionable(value: Any) -> bool:
    """The order that JAX itself would draw in; a key of another library is of today's order."""
    if not type(value).__module__.startswith("jax"):
        return True
    return bool(sys.modules["jax"].config.jax_threefry_partitionable)


def _describe(value: Any) -> str:
    kind = type(value).__name__
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{kind} of dtype {value.dtype} and shape {tuple(value.shape)}"
    return f"{kind} {value!r}"
