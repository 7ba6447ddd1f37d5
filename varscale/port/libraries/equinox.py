"""Equinox: how a model's key reaches its layers. Follows equinox 0.13.8."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from varscale.equinox import param_keys
from varscale.initializers import Constant
from varscale.keys import Key, KeyLike, as_key, split
from varscale.port.layers import JaxLayer
from varscale.port.libraries.equinox_layers import TABLE
from varscale.port.patterns import Patterns, by_pattern, check_template
from varscale.port.slots import Keyed, Keys, Scheme, Slot, Style

__all__ = ["Equinox"]


@dataclass(frozen=True, slots=True)
class Equinox:
    r"""Equinox, whose models split their key in their own code.

    What that code does is said in `splits`: for regular expressions of the twin's paths, where the
    key of a module comes from. A string is a way down from the key of the module around it (of
    the nearest that has one; at the top, the model's key):

        "1/3"         `jax.random.split(key, 3)[1]`
        "1/2 0/3"     a part of a part; the expression's groups may be used: r"2/3 \1/4"
        ""            the same key
        "each"        at the end: one part for each of the module's own modules that take a key,
                      in their order; "each/8" where it is split into more parts than are used

    Everything else is a key itself: a seed, a varscale or a jax key. `eqx.nn.MLP` is "each".
    Raw parameters (`params`) have paths too; their key is used as it is. The first expression that
    matches wins.

    Attributes:
        splits: see above.

    Raises:
        TypeError: not a mapping from regular expressions to ways or keys.
        ValueError: one is no regular expression, or no way.

    Example:
        >>> like = Equinox(splits={"": "each", r"blocks": "each", r"blocks\.\d+\.up": "0/2"})
    """

    splits: Mapping[str, KeyLike | str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "splits", by_pattern("splits", self.splits, _split))

    @property
    def name(self) -> str:
        """What `like` calls it."""
        return "equinox"

    @property
    def schemes(self) -> Mapping[Style, Scheme]:
        """See `varscale.port.slots.Library`."""
        return {"setup": Scheme(None, items="/", sequential=True)}

    def layer(
        self, kind: str, sizes: Mapping[str, Any], said: Mapping[str, Any], name: str | None
    ) -> JaxLayer:
        """See `varscale.port.slots.Library`; names of classes play no part."""
        del name
        return TABLE.layer(kind, sizes, said, None)

    def keys(self, key: Keys, slots: Sequence[Slot]) -> list[tuple[Keyed, ...]]:
        """See `varscale.port.slots.Library`: each layer's key is split among its parameters.

        Raises:
            ValueError: layers without a key, all of them; an expression that matches nothing.
        """
        if isinstance(key, Mapping):
            raise TypeError("the key of an Equinox model is one key; others are said in splits")
        for slot in slots:
            if any(lift.kind != "vmap" for lift in slot.lifts):
                raise ValueError(f"{slot.at}: Equinox has the transform 'vmap' only")
        wanted = [_wanted(slot) for slot in slots]
        takers = [at for pairs in wanted for at, _ in pairs if at is not None]
        ways = _Ways(as_key(key), Patterns(self.splits), list(dict.fromkeys(takers)))
        missing = [at for at in ways.takers if not ways.reaches(at)]
        if missing:
            raise ValueError(
                f"no key reaches {', '.join(missing)}: say in Equinox(splits=...) how the model "
                "splits its key"
            )
        unused = ways.splits.unused
        if unused:
            raise ValueError(f"splits[{unused[0]!r}] matches no module that takes a key")
        return [
            tuple(
                Keyed(None if at is None else _of(ways.key(at), slot, name), None)
                for at, name in pairs
            )
            for slot, pairs in zip(slots, wanted, strict=True)
        ]


def _split(at: str, pattern: str, given: Any) -> KeyLike | str:
    if not isinstance(given, str):
        return as_key(given)
    check_template(at, pattern, given, "a way such as '1/3'")
    if not re.compile(pattern).groups:
        _parsed(given)
    return given


def _wanted(slot: Slot) -> list[tuple[str | None, str | None]]:
    """For each parameter, the path whose key it needs, and its own name in that layer."""
    drawn = _drawn(slot)
    found: list[tuple[str | None, str | None]] = []
    many = len(list(slot.layer.params)) > 1 or slot.layer.name
    for param in slot.layer.params:
        name = param.path.replace("/", ".")
        if name in drawn:
            found.append((slot.at, name))
        elif isinstance(param.init, Constant):
            found.append((None, None))
        else:
            found.append((f"{slot.at}.{name}" if many else slot.at, None))
    return found


def _drawn(slot: Slot) -> frozenset[str]:
    """The names of what a layer of Equinox draws."""
    try:
        return frozenset(param_keys(slot.layer.name, Key((0, 0))))
    except ValueError:
        return frozenset()


def _of(key: Key, slot: Slot, name: str | None) -> Key:
    return key if name is None else param_keys(slot.layer.name, key)[name]


@dataclass(slots=True)
class _Ways:
    """The ways of the model's key to the modules that take one."""

    root: Key
    splits: Patterns[KeyLike | str]
    takers: list[str]

    def key(self, at: str) -> Key:
        """The key of a module, or of the nearest around it that has one."""
        return self._way(at)[0]

    def reaches(self, at: str) -> bool:
        """Whether the module has a key of its own."""
        return self._way(at)[2] or not at

    def _way(self, at: str) -> tuple[Key, int | None, bool]:
        """The key; among how many it is split (0: all); whether something says so."""
        rule = self._rule(at)
        if rule is not None and not isinstance(rule, str):
            return as_key(rule), None, True
        key, said = self._handed(at)
        if rule is None:
            return key, None, said
        steps, parts = _parsed(rule)
        for index, count in steps:
            key = split(key, count)[index]
        return key, parts, True

    def _handed(self, at: str) -> tuple[Key, bool]:
        """What the module around gives to this one."""
        if not at:
            return self.root, False
        around = at.rpartition(".")[0]
        key, parts, _ = self._way(around)
        if parts is None:
            return key, False
        own = list(self._modules(around))
        if at not in own:
            return key, False
        if parts and len(own) > parts:
            raise ValueError(f"{around or 'the model'} has {len(own)} modules for {parts} keys")
        return split(key, parts or len(own))[own.index(at)], True

    def _modules(self, around: str) -> Iterator[str]:
        """The modules in this one that share its key."""
        before = f"{around}." if around else ""
        inside = [at.removeprefix(before) for at in self.takers if at.startswith(before) and at]
        for name in dict.fromkeys(at.partition(".")[0] for at in inside):
            at = f"{before}{name}"
            if self._rule(at) is None or isinstance(self._rule(at), str):
                yield at

    def _rule(self, at: str) -> KeyLike | str | None:
        said = self.splits.first(at)
        if said is None:
            return None
        found, rule = said
        return found.expand(rule) if isinstance(rule, str) else rule


def _parsed(rule: str) -> tuple[list[tuple[int, int]], int | None]:
    """The steps of a way, and among how many keys the last is split; 0 for as many as needed."""
    steps: list[tuple[int, int]] = []
    words = rule.split()
    parts = None
    for i, word in enumerate(words):
        found = re.fullmatch(r"(\d+)/(\d+)", word)
        each = re.fullmatch(r"each(?:/(\d+))?", word)
        if found and int(found[1]) < int(found[2]):
            steps.append((int(found[1]), int(found[2])))
        elif each and i == len(words) - 1:
            parts = int(each[1] or 0)
        else:
            raise ValueError(
                f"a way must be of parts such as '1/3', and 'each' at the end, got {rule!r}"
            )
    return steps, parts
