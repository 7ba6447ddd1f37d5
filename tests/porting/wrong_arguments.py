"""What is no argument of the calls for whole models, and what each says. Knows no framework.

The twin has two dense layers, "a" and "b". How a framework's own part is wrong (rules for layers,
names of parameters) is in its own test.
"""

from __future__ import annotations

from typing import Any

from varscale.initializers import Constant, Normal
from varscale.port.libraries import Linen

__all__ = ["CALLS", "LIKES"]

NORMAL = Normal(1.0)
Case = tuple[dict[str, Any], type[Exception], str]


def _cases() -> dict[str, Case]:
    found: dict[str, Case] = {}
    for word in ("names", "init", "layout", "params", "lift"):
        for wrong, kind in ((3, "int"), ("a", "str"), (["a"], "list"), ("", "str")):
            message = f"^{word} must be a mapping from regular expressions .*, got {kind}$"
            found[f"{word}={wrong!r}"] = {word: wrong}, TypeError, message
        message = f"^each key of {word} must be a regular expression, got int$"
        found[f"{word}={{3: None}}"] = {word: {3: None}}, TypeError, message
        message = rf"^each key of {word} must be one, but '\(' is not a regular expression: "
        found[f"{word}={{'(': None}}"] = {word: {"(": None}}, ValueError, message
    for word in ("classes", "rules"):
        for wrong, kind in ((3, "int"), ("a", "str"), ([int], "list")):
            message = f"^{word} must be a mapping from classes, each to .*, got {kind}$"
            found[f"{word}={wrong!r}"] = {word: wrong}, TypeError, message
        message = f"^each key of {word} must be a class, got str$"
        found[f"{word}={{'Dense': None}}"] = {word: {"Dense": None}}, TypeError, message
    return found


#: By what is said: the options, the error, and its message.
CALLS: dict[str, Case] = _cases() | {
    "a name that is none": (
        {"names": {"a": 3}}, TypeError, r"^names\['a'\] must be a name in JAX or None, got int$",
    ),
    "a group that is not there": (
        {"names": {"(a)": r"\2"}}, ValueError,
        r"^names\['\(a\)'\] must use groups of its regular expression only, got '\\\\2': invalid",
    ),
    "a group of an unknown name": (
        {"names": {"a": r"\g<x>"}}, ValueError, r"^names\['a'\] must use groups .*group name 'x'",
    ),
    "no initializer": (
        {"init": {"a": "zeros"}}, TypeError,
        r"^init\['a'\] must be one of varscale's initializers, got 'zeros'$",
    ),
    "the class of an initializer": (
        {"init": {"a": Normal}}, TypeError, r"^init\['a'\] must be one of varscale's initializers",
    ),
    "no initializer of one parameter": (
        {"init": {"a": {"bias": 0}}}, TypeError, r"^init\['a'\]\['bias'\] must be one of .*got 0$",
    ),
    "an initializer of no name": (
        {"init": {"a": {3: NORMAL}}}, TypeError,
        r"^each key of init\['a'\] must be a regular expression, got int$",
    ),
    "no layout": (
        {"layout": {"a": True}}, TypeError,
        r"^layout\['a'\] must be a mapping such as .*'transpose_kernel': True.*Flattened, got True",
    ),
    "an argument of no name": (
        {"layout": {"a": {3: True}}}, TypeError,
        r"^each key of layout\['a'\] must be the name of an argument, got int$",
    ),
    "no tuple": (
        {"params": {"a": NORMAL}}, TypeError, r"^params\['a'\] must be \(path, initializer\[, sha",
    ),
    "a path that is none": (
        {"params": {"a": (3, NORMAL)}}, TypeError,
        r"^the path in params\['a'\] must be a path in JAX, got int$",
    ),
    "a path of groups that are not there": (
        {"params": {"a": (r"\1", NORMAL)}}, ValueError,
        r"^the path in params\['a'\] must use groups of its regular expression only",
    ),
    "no initializer of a parameter": (
        {"params": {"a": ("a", 0)}}, TypeError,
        r"^the initializer in params\['a'\] must be one of varscale's initializers, got 0$",
    ),
    "no shape": (
        {"params": {"a": ("a", NORMAL, "3")}}, TypeError,
        r"^params\['a'\]: shape must be a sequence of integers, got '3'$",
    ),
    "a layout that is none": (
        {"params": {"a": ("a", NORMAL, None, "ab <- ba")}}, TypeError,
        r"^the layout in params\['a'\] must be a varscale.Layout, got str$",
    ),
    "an unknown transform": (
        {"lift": {"a": "scann"}}, ValueError,
        r"^lift\['a'\] must be 'scan', 'vmap' or 'jit', got 'scann'$",
    ),
    "an index that is no number": (
        {"lift": {"(a|b)": "scan"}}, ValueError,
        r"^lift '\(a\|b\)' must have the module's index as its first group, got 'a' in 'a'$",
    ),
    "a class's name that is none": (
        {"classes": {int: 3}}, TypeError,
        r"^classes\[int\] must be the class's name in JAX, got int$",
    ),
    "a rule that is no function": (
        {"rules": {int: None}}, TypeError,
        r"^rules\[int\] must be a function from the layer to its Twins, got NoneType$",
    ),
    "an order that is a number": (
        {"order": 3}, TypeError, "^order must be a list of the twin's names, got 3$",
    ),
    "an order that is a text": (
        {"order": "ab"}, TypeError, "^order must be a list of the twin's names, got 'ab'$",
    ),
    "an order without an order": (
        {"order": {"a"}}, TypeError, "^order must be a list of the twin's names, got {'a'}$",
    ),
    "an order of numbers": (
        {"order": [0, 1]}, TypeError, "^each of order must be a name of the twin's, got int$",
    ),
    "an order with a name twice": (
        {"order": ["b", "a", "b"]}, ValueError,
        "^order must name .* once; missing: none; named before: b; not in the twin: none$",
    ),
    "an order with an unknown name": (
        {"order": ["b", "a", "aa"]}, ValueError,
        "missing: none; named before: none; not in the twin: aa; the nearest: 'a'$",
    ),
    "an unknown style": (
        {"style": "foo"}, ValueError, "^style must be 'compact' or 'setup', got 'foo'$",
    ),
    "a style that cannot be looked up": (
        {"style": ["setup"]}, ValueError, r"^style must be 'compact' or 'setup', got \['setup'\]$",
    ),
    "a rounding that is none": (
        {"compiled": "yes"}, TypeError, "^compiled must be None, True or False, got 'yes'$",
    ),
    "a rounding that is none, of constants": (
        {"compiled": "yes", "init": {"a|b": Constant(0.0)}}, TypeError, "^compiled must be None, T",
    ),
    "a name with a mistake": (
        {"names": {r"aa(\d*)": "x"}}, ValueError,
        r"^names\['aa\(.*\)'\] match nothing in the twin; the nearest: 'a'$",
    ),
    "a name that is like none": (
        {"names": {"head": "x"}}, ValueError, r"^names\['head'\] match nothing in the twin$",
    ),
}  # fmt: skip

#: What is no library, the error, and its message.
LIKES: list[tuple[Any, type[Exception], str]] = [
    (None, TypeError, "^like must be one of 'flax.linen', .*varscale.port.libraries .*, got None$"),
    (3, TypeError, "^like must be one of 'flax.linen', .*varscale.port.libraries .*, got 3$"),
    (["haiku"], TypeError, r"^like must be one of 'flax.linen', .*, got \['haiku'\]$"),
    (Linen, TypeError, "^like must be one of 'flax.linen', .*, got <class .*Linen'>$"),
    ("flax", ValueError, "^like must be one of 'flax.linen', .*, got 'flax'$"),
]
