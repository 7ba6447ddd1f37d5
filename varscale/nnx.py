"""Keys of Flax NNX: the streams of `nnx.Rngs`, which every layer draws from. No Flax needed.

Follows flax 0.12.8. Which layer draws how often is not said here, and has changed: when it is made,
`nnx.Dropout` draws one key since flax 0.11, and none before.

`RngStream` and `Rngs` are mutable, unlike all else in varscale: in NNX a parameter's key depends on
how many were drawn before, by whatever holds the same object, and a port is easiest to read where
it draws as the original does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import EllipsisType

from varscale.keys import Key, KeyLike, as_key, fold_in, split

__all__ = ["RngStream", "Rngs"]


@dataclass(eq=False, slots=True)
class RngStream:
    """A key and a count of the keys that were drawn from it.

    Attributes:
        key: the stream's key; whatever `varscale.keys.as_key` takes is kept as a `Key`.
        tag: the stream's name.
        count: how many keys were drawn.

    Raises:
        TypeError: key is no key.

    Example:
        >>> import varscale
        >>> stream = RngStream(0, tag="params")
        >>> stream() == varscale.fold_in(0, 0), stream() == varscale.fold_in(0, 1), stream.count
        (True, True, 2)

    Source: flax/nnx/rnglib.py, `RngStream`.
    """

    key: KeyLike
    tag: str = field(kw_only=True)
    count: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.key = as_key(self.key)

    def __call__(self) -> Key:
        """Draw the next key."""
        key = fold_in(self.key, self.count)
        self.count += 1
        return key

    def fork(self) -> RngStream:
        """A new stream; one key of this stream is drawn for it."""
        return RngStream(self(), tag=self.tag)

    def split(self, k: int) -> tuple[RngStream, ...]:
        """k new streams, where NNX has one of k keys; one key of this stream is drawn for them.

        Raises:
            ValueError: k is negative.
        """
        return tuple(RngStream(key, tag=self.tag) for key in split(self(), k))


class Rngs:
    """Streams by name: `rngs.params()` draws a key of the stream "params".

    A name that is not there stands for the stream "default", if that is there: then `rngs.params`
    and `rngs.dropout` are one stream with one count.

    Args:
        default: the key or seed of the stream "default"; or a mapping from names to keys.
        **rngs: a key or seed for each stream. A stream is accepted too, for its key: its count is
            not copied.

    Raises:
        TypeError: something is no key.

    Example:
        >>> import varscale
        >>> rngs = Rngs(0, params=1)
        >>> rngs.params() == varscale.fold_in(1, 0)  # its own stream
        True
        >>> rngs.dropout() == varscale.fold_in(0, 0), rngs() == varscale.fold_in(0, 1)  # default
        (True, True)

    Source: flax/nnx/rnglib.py, `Rngs`.
    """

    # A stream is an attribute of the object, and nothing else is, as in NNX: so a stream's name
    # hides a method of that name there and here.

    def __init__(
        self,
        default: KeyLike | RngStream | Mapping[str, KeyLike | RngStream] | None = None,
        **rngs: KeyLike | RngStream,
    ) -> None:
        if isinstance(default, Mapping):
            rngs = {**default, **rngs}
        elif default is not None:
            rngs["default"] = default
        for name, key in rngs.items():
            key = key.key if isinstance(key, RngStream) else key
            setattr(self, name, RngStream(key, tag=name))

    def __getitem__(self, name: str) -> RngStream:
        """The stream of a name, or the stream "default".

        Raises:
            KeyError: there is neither.
        """
        streams = vars(self)
        if name not in streams and "default" not in streams:
            raise KeyError(_missing(name))
        stream: RngStream = streams.get(name) or streams["default"]
        return stream

    def __getattr__(self, name: str) -> RngStream:
        # Copying and pickling ask for names such as __deepcopy__, which no stream may answer.
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(_missing(name)) from None

    def __call__(self) -> Key:
        """Draw a key of the stream "default"."""
        return self.default()

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self))

    def __len__(self) -> int:
        return len(vars(self))

    def __contains__(self, name: object) -> bool:
        return name in vars(self)

    def __repr__(self) -> str:
        return f"Rngs({', '.join(f'{name}={stream!r}' for name, stream in vars(self).items())})"

    def items(self) -> Iterator[tuple[str, RngStream]]:
        """Names and streams, in the order in which they were made."""
        return iter(vars(self).items())

    def fork(self) -> Rngs:
        """New streams, one for each: every stream draws a key for it.

        NNX's deprecated `fork(split=k)` is `split(k)`.
        """
        # By keywords, as NNX does: "default" then comes last.
        return Rngs(**{name: stream.fork() for name, stream in vars(self).items()})

    def split(self, k: int | Mapping[str | EllipsisType, int | None]) -> tuple[Rngs, ...]:
        """One `Rngs` for each slice of a module that `nnx.vmap` makes.

        What `rngs.split(k)` and `@nnx.split_rngs(splits=k)` give to slice i is element i here.

        Args:
            k: the number of slices; or for each name, with `...` for all others, that number or
                None. A stream of None, or of a name that is not in the mapping, draws nothing: each
                slice has it with the same key, and a count of 0.

        Raises:
            ValueError: the mapping's numbers are not one number; it is negative.

        Example:
            >>> import varscale
            >>> first, second = Rngs(0).split(2)
            >>> (first.default.key, second.default.key) == varscale.split(varscale.fold_in(0, 0))
            True

        Source: flax/nnx/rnglib.py, `Rngs.split`.
        """
        sizes: Mapping[str | EllipsisType, int | None] = k if isinstance(k, Mapping) else {...: k}
        numbers = {size for size in sizes.values() if size is not None}
        if len(numbers) != 1:
            raise ValueError(f"one number of slices is wanted, got {sorted(numbers)}")
        (number,) = numbers
        slices: list[dict[str, RngStream]] = [{} for _ in range(number)]
        for name, stream in vars(self).items():
            # NNX takes the first filter that applies, in the mapping's order.
            size = next((sizes[each] for each in sizes if each in (name, ...)), None)
            streams = number * (stream,) if size is None else stream.split(size)
            for each, one in zip(slices, streams, strict=True):
                each[name] = one
        return tuple(Rngs(**streams) for streams in slices)


def _missing(name: str) -> str:
    return f"No RngStream named '{name}' found in Rngs."
