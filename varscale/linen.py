"""Keys of Flax Linen: which key `model.init(key, ...)` gives to each parameter. No Flax needed.

Follows flax 0.12.8. Parameters outside lifted transforms have these keys since flax 0.4; what has
changed since, and how to say it:

- `nn.jit` and `nn.fold_rngs` before flax 0.10.2: `Scope.fork(None)`.
- `FLAX_FIX_RNG_SEPARATOR=1` (since flax 0.6.11): `fix_rng_separator=True`.
- JAX's legacy order of splits, which `Scope.vmap` and `Scope.scan` make:
  `varscale.key(seed, partitionable=False)`.

Modules are said by path and number: setup() and @compact differ in names only, and nn.remat in none
but the automatic ones (`CheckpointDense_0`). `nn.cond`, `nn.switch` and `nn.while_loop` around new
parameters are not covered.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from varscale.keys import Key, KeyLike, as_key, fold_in, split

__all__ = ["Scope", "param_key"]


@dataclass(frozen=True, slots=True)
class Scope:
    """A Linen module's place: the key and the names from which its parameters' keys are made.

    A module's parameters are counted from 1 on, in the order in which they are drawn: `nn.Dense`
    draws its kernel first, its bias second. Children do not count, and neither do siblings. What
    else draws from the "params" stream does: `self.make_rng("params")`, and
    `self.make_rng("dropout")` where `init` was given no "dropout" key.

    Attributes:
        key: what `model.init` was called with, or its "params" key; whatever `varscale.keys.as_key`
            takes is kept as a `Key`.
        path: names of the modules from the top module's children down to this one. The top module
            has ().
        scans: how many `nn.scan` lie around the module, without those of
            `check_constancy_invariants=False`.
        fix_rng_separator: as `flax.config.flax_fix_rng_separator`. With False, Flax's default,
            ("ab", "c") and ("a", "bc") are one path, and their parameters have equal keys.

    Raises:
        TypeError: key is no key; path is a string, or holds something else than strings.
        ValueError: scans is negative.

    Example:
        >>> layers = Scope(0).child("layers").scan(3)
        >>> layers[2].child("Dense_0").param_key(1, draws=2).words
        (3192997702, 3987930817)

    Source: flax/core/scope.py, `LazyRng` and `Scope.make_rng`; flax/core/lift.py.
    """

    key: KeyLike
    path: Sequence[str] = ()
    scans: int = field(default=0, kw_only=True)
    fix_rng_separator: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.path, str):
            raise TypeError(f"path must be a sequence of names, got the string {self.path!r}")
        path = tuple(self.path)
        for name in path:
            if not isinstance(name, str):
                raise TypeError(f"names must be strings, got {name!r}")
        if self.scans < 0:
            raise ValueError(f"scans must be >= 0, got {self.scans}")
        object.__setattr__(self, "key", as_key(self.key))
        object.__setattr__(self, "path", path)

    def child(self, *names: str) -> Scope:
        """The scope of a submodule; of a submodule's submodule, for several names.

        Example:
            >>> Scope(0).child("encoder", "Dense_0") == Scope(0, ("encoder", "Dense_0"))
            True
        """
        return dataclasses.replace(self, path=(*self.path, *names))

    def param_key(self, count: int, draws: int | None = None) -> Key:
        """The key that a parameter of this module is drawn with.

        Args:
            count: the parameter's number, from 1 on. Draws of the same module before a lifted
                transform count: the first parameter of an `nn.jit` module is its second draw.
            draws: how many keys this module draws each time the scanned function runs. Needed
                under `scan` only, where Flax runs it once to look at it and once in earnest, and
                goes on counting. After the scan, the module has counted `2**scans * draws`.

        Raises:
            ValueError: count or draws is below 1; draws is not given under a scan.

        Example:
            >>> Scope(0, ("Dense_0",)).param_key(1).words
            (3043437727, 3662875008)
        """
        return self._fold(*self.path, self._number(count, draws))

    def fork(self, count: int | None = 1, draws: int | None = None) -> Scope:
        """The scope of a module inside `nn.jit` or `nn.fold_rngs`.

        These draw a key in the module's scope, which becomes the key of all below; names start
        anew, and the module's numbers go on: its first parameter is number 2. A module that was
        made outside and is first used inside loses its path, and nothing else: `Scope(scope.key)`.

        Args:
            count: the number of the key that is drawn. None: as flax before 0.10.2, which draws
                none, so that the module's first parameter is number 1.
            draws: as in `param_key`; the fork's own key is one of them.

        Raises:
            ValueError: as `param_key`.

        Example:
            >>> Scope(0, ("Dense_0",)).fork().param_key(2).words
            (4262676973, 2287898730)

        Source: flax/linen/transforms.py, `fork_rngs`; flax 0.10.1 flax/core/scope.py,
            `LazyRng.fold`.
        """
        if count is None:
            key = self._fold(*self.path) if self.path else self.key
        else:
            key = self.param_key(count, draws)
        return dataclasses.replace(self, key=key, path=())

    def vmap(self, size: int, *, split_rngs: bool = True) -> tuple[Scope, ...]:
        """The scopes of a module inside `nn.vmap`, one for each index of the parameters' new axis.

        Args:
            size: the length of the mapped axis.
            split_rngs: as `split_rngs={"params": split_rngs}`. With False all indices are alike.
                Parameters that are shared (`variable_axes={"params": None}`) are outside the map.

        Raises:
            ValueError: size is negative.

        Example:
            >>> import varscale
            >>> heads = Scope(0, ("heads",)).vmap(2)
            >>> tuple(head.key for head in heads) == varscale.split(0, 2)
            True
        """
        if size < 0:
            raise ValueError(f"the new axis must not have a negative length, got {size}")
        # The key is the top module's, or the innermost fork's: names are folded in after the split.
        keys = split(self.key, size) if split_rngs else size * (self.key,)
        return tuple(dataclasses.replace(self, key=key) for key in keys)

    def scan(
        self, length: int, *, split_rngs: bool = True, check_constancy_invariants: bool = True
    ) -> tuple[Scope, ...]:
        """The scopes of a module inside `nn.scan`, one for each step.

        `nn.remat_scan(lengths=(3, 2))` is `scan(3)`, and then `scan(2)` of each. Parameters that
        all steps share (`variable_broadcast="params"`, as in `nn.RNN`) are outside the scan.

        Args:
            length: the number of steps.
            split_rngs: as in `vmap`.
            check_constancy_invariants: as in `nn.scan` (since flax 0.10.3). With False, Flax runs
                the function once, and `param_key` does not need `draws`.

        Raises:
            ValueError: length is negative.

        Example:
            >>> steps = Scope(0, ("cell",)).scan(3, check_constancy_invariants=False)
            >>> steps == Scope(0, ("cell",)).vmap(3)
            True

        Source: flax/core/axes_scan.py, `scan_fn` and `simple_scan_fn`.
        """
        scans = self.scans + check_constancy_invariants
        steps = self.vmap(length, split_rngs=split_rngs)
        return tuple(dataclasses.replace(step, scans=scans) for step in steps)

    def _number(self, count: int, draws: int | None) -> int:
        """The counter's value; it has run through all but the last of 2**scans traces."""
        if count < 1:
            raise ValueError(f"count must be >= 1, got {count}")
        if draws is not None and draws < 1:
            raise ValueError(f"draws must be >= 1, got {draws}")
        if not self.scans:
            return count
        if draws is None:
            where = "/".join(self.path) or "the top module"
            raise ValueError(
                "draws must be given under a scan: the number of keys that the module draws each "
                f"time the scanned function runs, for {where}"
            )
        return ((1 << self.scans) - 1) * draws + count

    def _fold(self, *items: str | int) -> Key:
        digest = hashlib.sha1()
        for item in items:
            if self.fix_rng_separator:
                digest.update(b"\0")
            digest.update(item.encode() if isinstance(item, str) else _big_endian(item))
        return fold_in(self.key, int.from_bytes(digest.digest()[:4], "big"))


def param_key(
    key: KeyLike, path: Sequence[str], count: int, *, fix_rng_separator: bool = False
) -> Key:
    """The key that a Linen parameter is drawn with, outside `nn.jit`, `nn.vmap` and `nn.scan`.

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
        TypeError: as `Scope`.

    Example:
        >>> import varscale
        >>> varscale.linen.param_key(0, ("Dense_0",), 1)
        Key(words=(3043437727, 3662875008), impl='threefry2x32', partitionable=True)

    Source: flax/core/scope.py, `LazyRng` and `_fold_in_static`.
    """
    return Scope(key, path, fix_rng_separator=fix_rng_separator).param_key(count)


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
