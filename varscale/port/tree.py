"""A twin's modules as plain data, and the path of each in the JAX model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from varscale.arguments import check_choice
from varscale.port.layers import JaxLayer
from varscale.port.places import Twin
from varscale.port.slots import Library, Lift, LiftKind, Scheme, Slot, Style

__all__ = ["Names", "Naming", "Node", "Resolved", "Style", "match", "nodes", "resolve"]

#: From a regular expression of twin paths to a JAX name below the parent's; see `Naming`.
Names: TypeAlias = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Node:
    """A module of the twin.

    Attributes:
        at: its path: "blocks.0.fc1"; "" for the model.
        kind: its class's name.
        twins: the JAX layers that it is, where a rule knows it.
        children: the modules in it, in the order in which they were made.
        container: what holds modules and has no parameters of its own: "list" (or a dictionary),
            which is no module in JAX; "sequential", which is one where it is an attribute, and
            leaves its modules to its caller where that is compact.
        layer_name: the class that the JAX layer has, where the user said it.
        free: whether it has parameters of its own, that no rule knows.
    """

    at: str
    kind: str
    twins: tuple[Twin, ...] = ()
    children: tuple[Node, ...] = ()
    container: Literal["", "list", "sequential"] = ""
    free: bool = False
    layer_name: str | None = None


@dataclass(frozen=True)
class Naming:
    r"""How twin paths become JAX paths.

    Attributes:
        names: regular expressions, matched against the whole twin path, the first that matches
            wins; their values may use its groups (`r"\1"`). A name is below the JAX path of the
            parent, and may have several parts ("encoder/norm"); one that begins with "/" is the
            whole path; "" stands for no module; None leaves the module as it is.
        lifts: regular expressions, and the transform around the modules that match; where it
            stacks, the first group is the module's index, and all share their JAX name.
        style: the names of modules that no expression matches; of use where the library has
            several ways.
        options: regular expressions, and what else the JAX layer is made with:
            `{"transpose_kernel": True}`.
    """

    names: Names = field(default_factory=dict)
    lifts: Mapping[str, LiftKind] = field(default_factory=dict)
    style: Style = "compact"
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("style", self.style, get_args(Style))
        for kind in self.lifts.values():
            check_choice("lift", kind, get_args(LiftKind))


@dataclass(frozen=True)
class Resolved:
    """The slots of a model.

    Attributes:
        slots: in the order of the twin's modules.
        left: twin paths that the user wants left as they are.
        paths: the JAX path and the transforms of every module that has one, by twin path.
        used: the regular expressions that matched something.
    """

    slots: list[Slot]
    left: list[str]
    paths: dict[str, tuple[tuple[str, ...], tuple[Lift, ...]]]
    used: set[str]


def resolve(root: Node, library: Library, naming: Naming) -> Resolved:
    """Give every module its JAX path, and every layer its slot.

    Raises:
        ValueError: a regular expression is wrong, or what it lifts is not numbered from 0 on.
    """
    found = Resolved([], [], {"": ((), ())}, set())
    schemes = library.schemes
    scheme = schemes[naming.style] if naming.style in schemes else next(iter(schemes.values()))
    classes = {node.kind for node in nodes(root) if not node.twins and _has_parameters(node)}
    walk = _Walk(library, naming, scheme, found, _sizes(root, naming), classes)
    if root.twins:
        walk.visit(root, "", (), (), Counter())
    else:
        prefix = _prefix(root) if scheme.sequential else ""
        walk.children(root, (), (), Counter(), prefix)
    return found


@dataclass(frozen=True)
class _Walk:
    library: Library
    naming: Naming
    scheme: Scheme
    found: Resolved
    sizes: dict[str, int]
    classes: set[str]

    def children(
        self,
        node: Node,
        path: tuple[str, ...],
        lifts: tuple[Lift, ...],
        numbers: Counter[str],
        prefix: str = "",
    ) -> None:
        """Visit the children; `prefix` is what a list puts before its items' numbers."""
        for child in node.children:
            item = child.at.removeprefix(f"{node.at}.")
            attribute = f"{prefix}{self.scheme.items}{item}" if prefix else item
            self.visit(child, attribute, path, lifts, numbers)

    def visit(
        self,
        node: Node,
        attribute: str,
        path: tuple[str, ...],
        lifts: tuple[Lift, ...],
        numbers: Counter[str],
    ) -> None:
        """Give one module its path."""
        given, name = self.given(node.at)
        if given and name is None:
            self.found.left.append(node.at)
        elif node.twins:
            if given and name is not None and any(twin.suffix for twin in node.twins):
                path, numbers = _join(path, name), Counter()
            for twin in node.twins:
                self.layer(node, twin, attribute, path, lifts, numbers)
        elif given and name is not None:
            self.module(node, _join(path, name), path, lifts, numbers)
        elif not _has_parameters(node):
            # Flax numbers a module of a class that elsewhere has parameters all the same.
            if node.kind in self.classes and not node.container:
                self.automatic(path, attribute, node.kind, numbers)
        elif node.container == "list" or (node.container and not self.scheme.sequential):
            self.children(node, path, lifts, numbers, attribute)
        else:
            below = self.automatic(path, attribute, node.kind, numbers)
            self.module(node, below, path, lifts, numbers)

    def module(
        self,
        node: Node,
        below: tuple[str, ...],
        path: tuple[str, ...],
        lifts: tuple[Lift, ...],
        numbers: Counter[str],
    ) -> None:
        """Go into a module that has a path."""
        lifts = self.lifted(node.at, lifts, len(below))
        self.found.paths[node.at] = below, lifts
        # A name that is none ("") leaves the children to the parent's numbers.
        inner = numbers if below == path else Counter[str]()
        self.children(node, below, lifts, inner, _prefix(node))

    def layer(
        self,
        node: Node,
        twin: Twin,
        attribute: str,
        path: tuple[str, ...],
        lifts: tuple[Lift, ...],
        numbers: Counter[str],
    ) -> None:
        """Add the slot of a layer."""
        at = ".".join(part for part in (node.at, twin.suffix) if part)
        if isinstance(twin.kind, JaxLayer):
            layer = twin.kind
        else:
            sizes = {**twin.sizes, **self.options(at)}
            layer = self.library.layer(twin.kind, sizes, node.layer_name)
        given, name = self.given(at)
        if given and name is not None:
            path = _join(path, name)
        elif twin.kind != "dropout" and (at or self.scheme.top):
            attribute = "_".join(part for part in (attribute, twin.suffix) if part)
            path = self.automatic(path, attribute, layer.name, numbers)
        lifts = self.lifted(at, lifts, len(path))
        self.found.paths[at] = path, lifts
        self.found.slots.append(Slot(at, path, layer, twin, lifts))

    def given(self, at: str) -> tuple[bool, str | None]:
        """Whether the user named this module, and how."""
        for pattern, name in self.naming.names.items():
            found = match(pattern, at)
            if found:
                self.found.used.add(pattern)
                return True, None if name is None else found.expand(name)
        return False, None

    def options(self, at: str) -> dict[str, Any]:
        """What the user says of a layer's sizes."""
        chosen: dict[str, Any] = {}
        for pattern, options in self.naming.options.items():
            if match(pattern, at):
                self.found.used.add(pattern)
                chosen.update(options)
        return chosen

    def automatic(
        self, path: tuple[str, ...], attribute: str, kind: str, numbers: Counter[str]
    ) -> tuple[str, ...]:
        """The path of a module that the library names, below this one."""
        scheme = self.scheme
        if scheme.by_class is None:
            return (*path, *attribute.split("/"))
        numbers[kind] += 1
        between = (scheme.below,) if scheme.below and path else ()
        return (*path, *between, scheme.by_class(kind, numbers[kind] - 1))

    def lifted(self, at: str, lifts: tuple[Lift, ...], depth: int) -> tuple[Lift, ...]:
        """The transforms around a module."""
        for pattern, kind in self.naming.lifts.items():
            found = match(pattern, at)
            if found:
                self.found.used.add(pattern)
                index = int(found[1]) if kind != "jit" else 0
                lifts = (*lifts, Lift(kind, depth, index, self.sizes.get(pattern, 1)))
        return lifts


def _prefix(node: Node) -> str:
    """A sequential module keeps its modules in a list, `layers`."""
    return "layers" if node.container == "sequential" else ""


def _sizes(root: Node, naming: Naming) -> dict[str, int]:
    """How many modules each transform stacks."""
    sizes = {}
    for pattern, kind in naming.lifts.items():
        matches = [found for node in nodes(root) if (found := match(pattern, node.at))]
        if kind == "jit" or not matches:
            continue
        if not matches[0].re.groups:
            raise ValueError(f"lift {pattern!r} must have a group that is the module's index")
        indices = sorted({int(found[1]) for found in matches})
        if indices != list(range(len(indices))):
            raise ValueError(f"lift {pattern!r} must match indices from 0 on, got {indices}")
        sizes[pattern] = len(indices)
    return sizes


def nodes(node: Node) -> list[Node]:
    """The module and all in it, in order."""
    return [node, *(one for child in node.children for one in nodes(child))]


def _has_parameters(node: Node) -> bool:
    return bool(node.twins or node.free) or any(map(_has_parameters, node.children))


def _join(path: tuple[str, ...], name: str) -> tuple[str, ...]:
    parts = tuple(part for part in name.split("/") if part)
    return parts if name.startswith("/") else (*path, *parts)


def match(pattern: str, at: str) -> re.Match[str] | None:
    """A user's regular expression against a path, whole; ValueError where it is none."""
    try:
        return re.fullmatch(pattern, at)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
