"""Keys of Flax Linen: which key `model.init(key, ...)` gives to each parameter. No Flax needed.

Follows flax 0.10 to 0.12, modules without lifted transforms other than `nn.remat`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from varscale.keys import Key, KeyLike, as_key, fold_in

__all__ = ["param_key"]


def param_key(
    key: KeyLike, path: Sequence[str], count: int, *, fix_rng_separator: bool = False
) -> Key:
    """The key that a Linen parameter is drawn with.

    Args:
        key: what `model.init` was called with, or its "params" key.
        path: names of the modules from the top module's children down to the parameter's own
            module, without the parameter's name: ("encoder", "Dense_0"). The top module has ().
        count: the parameter's number among those that its own module draws, from 1 on:
            `nn.Dense` draws its kernel first and its bias second.
        fix_rng_separator: as `flax.config.flax_fix_rng_separator`; Flax's default is False.

    Returns:
        The parameter's key.

    Raises:
        ValueError: count is below 1.

    Example:
        >>> import varscale
        >>> varscale.linen.param_key(0, ("Dense_0",), 1)
        Key(words=(3043437727, 3662875008), impl='threefry2x32', partitionable=True)

    Source: flax/core/scope.py, `LazyRng` and `_fold_in_static`.
    """
    if count < 1:
        raise ValueError(f"count must be >= 1, got {count}")
    if isinstance(path, str):
        raise TypeError(f"path must be a sequence of names, got the string {path!r}")
    digest = hashlib.sha1()
    for item in (*(name.encode() for name in path), _big_endian(count)):
        if fix_rng_separator:
            digest.update(b"\0")
        digest.update(item)
    return fold_in(as_key(key), int.from_bytes(digest.digest()[:4], "big"))


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
