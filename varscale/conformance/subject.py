"""What is tested, reached through five short members; and how a subject is found by its name."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

import numpy as np

from varscale.conformance.specs import Spec
from varscale.keys import Key

__all__ = ["ENTRY_POINTS", "Claim", "NotOffered", "Subject", "find_subject", "names", "seed_of"]

#: What a subject says of itself: its bits are JAX's, its laws are, its manners are.
Claim: TypeAlias = Literal["bits", "law", "manners"]

#: The group of entry points by which a distribution registers its subjects.
ENTRY_POINTS = "varscale.subjects"


class NotOffered(Exception):
    """A subject has no such initializer, dtype, layer or mode; the text says what is missing."""


@runtime_checkable
class Subject(Protocol):
    """Initializers of one framework or library.

    `name` and `claims` may be plain attributes.

    Example:
        A subject of your own, in a module `mine` that is named as `mine:SUBJECT`:

        >>> import numpy as np
        >>> class Mine:
        ...     name = "mine"
        ...     claims = frozenset({"law"})
        ...
        ...     def devices(self):
        ...         return ["cpu"]
        ...
        ...     def draw(self, spec, key, shape, dtype, device):
        ...         if spec.initializer != "normal" or dtype != "float32":
        ...             raise NotOffered(f"{spec.initializer} of {dtype}")
        ...         generator = np.random.default_rng(seed_of(key))
        ...         return spec.scale * generator.standard_normal(shape, np.float32)
        ...
        ...     def to_numpy(self, array):
        ...         return array
        >>> isinstance(Mine(), Subject)
        True
    """

    @property
    def name(self) -> str:
        """As on the command line and in the report."""

    @property
    def claims(self) -> frozenset[Claim]:
        """What is to be tested: any of "bits", "law", "manners"."""

    def devices(self) -> Sequence[str]:
        """The devices that can be drawn on here, "cpu" first."""

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        """Draw with a key.

        Args:
            spec: the initializer; `spec.layer` says what the array is the weight of.
            key: JAX's key. A subject that has generators of its own seeds one with `seed_of(key)`:
                the same key is to give the same array.
            shape: in JAX's layout.
            dtype: its name, as "bfloat16".
            device: one of `devices()`.

        Returns:
            The subject's own array or tensor, its axes in JAX's order.

        Raises:
            NotOffered: the subject has no such initializer.
        """

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """The array as NumPy's, of the same dtype (ml_dtypes' for the short ones)."""


def seed_of(key: Key) -> int:
    """A seed in [0, 2**64) for a generator of your own, another one for each key."""
    high, low = key.words
    return high << 32 | low


def names() -> list[str]:
    """The names of all registered subjects."""
    return sorted({point.name for point in importlib.metadata.entry_points(group=ENTRY_POINTS)})


def find_subject(name: str) -> Subject:
    """The subject of this name.

    Args:
        name: of a registered subject; or "module:object", of the working directory too, where the
            object is a subject or makes one without arguments.

    Raises:
        ValueError: no such subject is registered, or the module has no such object.
        TypeError: it is no subject.
        ModuleNotFoundError: the library that it tests is not installed.
    """
    if ":" in name:
        module, _, attribute = name.partition(":")
        if "" not in sys.path:
            sys.path.insert(0, "")
        found: Any = importlib.import_module(module)
        try:
            for part in attribute.split("."):
                found = getattr(found, part)
        except AttributeError:
            raise ValueError(f"subject: module {module} has no {attribute!r}") from None
    else:
        points = importlib.metadata.entry_points(group=ENTRY_POINTS, name=name)
        if not points:
            raise ValueError(
                f"subject must be module:object or one of {', '.join(names())}, got {name!r}"
            )
        found = next(iter(points)).load()
    made: Any = found
    if isinstance(found, type) or (callable(found) and not isinstance(found, Subject)):
        made = found()
    _check(name, made)
    checked: Subject = made
    checked.devices()  # asks its library, which may not be there
    return checked


def _check(name: str, made: Any) -> None:
    if not isinstance(made, Subject):
        wanted = "name, claims, devices, draw, to_numpy"
        missing = [one for one in wanted.split(", ") if not hasattr(made, one)]
        raise TypeError(f"subject {name!r} must have {wanted}; it has no {', '.join(missing)}")
    unknown = sorted(set(made.claims) - set(get_args(Claim)))
    if unknown or not made.claims:
        raise ValueError(
            f"subject {name!r}: claims must be some of {', '.join(get_args(Claim))}, "
            f"got {sorted(made.claims)}"
        )
