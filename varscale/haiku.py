"""Keys of Haiku: the sequence from which a transformed function draws in turn. No Haiku needed.

Follows dm-haiku 0.0.17. Names of modules play no part: a parameter has the next key at the moment
when it is first asked for. Only random initializers draw, and whatever else asks for a key while
`init` runs the function: `hk.next_rng_key()` is `next(sequence)`, so dropout counts.

`hk.remat` and `hk.vmap(..., split_rng=False)` change nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from varscale.keys import Key, KeyLike, as_key, split

__all__ = ["PRNGSequence", "layer_stack"]


class PRNGSequence(Iterator[Key]):
    """An iterator of keys, as the one that `transformed.init(key, ...)` draws from.

    Args:
        key: what `init` was called with; whatever `varscale.keys.as_key` takes.
        reserve_size: how many keys one split makes: `hk.config.set(rng_reserve_size=...)`, whose
            default is 1. Another size gives other keys.

    Raises:
        TypeError: key is no key.
        ValueError: reserve_size is below 1.

    Example:
        >>> import varscale
        >>> sequence = PRNGSequence(0)
        >>> key, subkey = varscale.split(0)
        >>> next(sequence) == subkey, next(sequence) == varscale.split(key)[1]
        (True, True)

    Source: haiku/_src/base.py, `PRNGSequence`.
    """

    __slots__ = ("_key", "_subkeys", "reserve_size")

    def __init__(self, key: KeyLike, reserve_size: int = 1) -> None:
        if reserve_size < 1:
            raise ValueError(f"reserve_size must be >= 1, got {reserve_size}")
        self._key = as_key(key)
        self._subkeys: deque[Key] = deque()
        self.reserve_size = reserve_size

    def __next__(self) -> Key:
        if not self._subkeys:
            self.reserve(self.reserve_size)
        return self._subkeys.popleft()

    next = __next__

    def reserve(self, num: int) -> None:
        """Make `num` more keys by one split, as `hk.reserve_rng_keys(num)`; 0 or less makes none.

        Keys that are reserved already are drawn first.

        Example:
            >>> import varscale
            >>> sequence = PRNGSequence(0)
            >>> sequence.reserve(2)
            >>> [next(sequence), next(sequence)] == list(varscale.split(0, 3)[1:])
            True
        """
        if num > 0:
            self._key, *subkeys = split(self._key, num + 1)
            self._subkeys.extend(subkeys)

    def reserve_up_to_full(self) -> None:
        """Have `reserve_size` keys in reserve, as `hk.cond`, `hk.scan` and their like do at first.

        What is missing is made by one split, and what is too much is dropped.
        """
        self.reserve(self.reserve_size - len(self._subkeys))
        while len(self._subkeys) > self.reserve_size:
            self._subkeys.pop()

    def take(self, num: int) -> tuple[Key, ...]:
        """The next `num` keys, as `hk.next_rng_keys(num)`: those that are missing by one split.

        Example:
            >>> import varscale
            >>> PRNGSequence(0).take(2) == varscale.split(0, 3)[1:]
            True
        """
        self.reserve(num - len(self._subkeys))
        return tuple(next(self) for _ in range(num))


def layer_stack(sequence: PRNGSequence, count: int) -> tuple[PRNGSequence, ...]:
    """The sequences of the layers in `hk.layer_stack(count)`, first layer first.

    Each layer of the stack draws from a sequence of its own. Two keys of `sequence` are drawn: one
    for the layers' parameters, one for running them.

    Args:
        sequence: what the function around the stack draws from.
        count: the number of layers.

    Returns:
        `count` sequences, of the same reserve_size.

    Example:
        >>> sequence = PRNGSequence(0)
        >>> first, second = layer_stack(sequence, 2)
        >>> next(first).words  # of the first layer's first parameter
        (282707546, 681628770)
        >>> outside = PRNGSequence(0)
        >>> next(sequence) == [next(outside) for _ in range(3)][2]
        True

    Source: haiku/_src/layer_stack.py, `_LayerStack.__call__`.
    """
    rng = next(sequence)
    layers = []
    for _ in range(count):
        init, rng, _apply = split(rng, 3)
        layers.append(PRNGSequence(init, sequence.reserve_size))
    next(sequence)  # split among the layers when they run: for their dropout, not for parameters
    return tuple(layers)
