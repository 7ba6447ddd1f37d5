"""The JAX libraries whose models can be ported: their layers and their keys."""

from __future__ import annotations

from varscale.port.libraries.equinox import Equinox
from varscale.port.libraries.haiku import Haiku
from varscale.port.libraries.haiku_inits import HaikuVarianceScaling
from varscale.port.libraries.linen import Linen
from varscale.port.libraries.nnx import NNX
from varscale.port.slots import Library

__all__ = ["NNX", "Equinox", "Haiku", "HaikuVarianceScaling", "Linen", "named"]

_NAMES: dict[str, type[Library]] = {
    "flax.linen": Linen,
    "flax.nnx": NNX,
    "haiku": Haiku,
    "equinox": Equinox,
}


def named(like: str | Library, framework: str) -> Library:
    """The library of this name; one that is made with options is taken as it is.

    Args:
        like: the name, or the library.
        framework: what else `like` may be, for the message.

    Raises:
        TypeError: neither a name nor a library.
        ValueError: no such library.
    """
    known = ", ".join(map(repr, (*_NAMES, framework)))
    if isinstance(like, str):
        if like not in _NAMES:
            raise ValueError(f"like must be one of {known}, got {like!r}")
        return _NAMES[like]()
    # Users' own libraries have these too; a class has them without being one.
    if isinstance(like, type) or not all(
        hasattr(like, name) for name in ("name", "schemes", "layer", "keys")
    ):
        raise TypeError(
            f"like must be one of {known}, or a library of varscale.port.libraries with its "
            f"options, got {like!r}"
        )
    return like
