"""A twin's modules as plain data, and the path of each in the JAX model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from varscale.port.layers import JaxLayer
from varscale.port.patterns import Patterns
from varscale.port.places import Twin
from varscale.port.slots import Library, Lift, LiftKind, Scheme, Slot, Style

__all__ = ["Names", "Naming", "Node", "Resolved", "Style", "nodes", "resolve", "scheme_of"]

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
        refused: why its rule refuses it; "" where it does not.
    """

    at: str
    kind: str
    twins: tuple[Twin, ...] = ()
    children: tuple[Node, ...] = ()
    container: Literal["", "list", "sequential"] = ""
    free: bool = False
    layer_name: str | None = None
    refused: str = ""


@dataclass(frozen=True)
class Naming:
    r"""How twin paths become JAX paths.

    Attributes:
        names: JAX names, which may use the groups of their regular expressions (`r"\1"`). A name
            is below the JAX path of the parent, and may have several parts ("encoder/norm"); one
            that begins with "/" is the whole path; "" stands for no module; None leaves the module
            as it is.
        lifts: the transforms around the modules that match, all of them; where one stacks, the
            first group is the module's index, and all share their JAX name.
        style: the names of modules that no expression matches; of use where the library has
            several ways.
        options: what else the JAX layer is made with: `{"transpose_kernel": True}`.
    """

    names: Patterns[str | None] = field(default_factory=Patterns)
    lifts: Patterns[LiftKind] = field(default_factory=Patterns)
    style: Style = "compact"
    options: Patterns[Mapping[str, Any]] = field(default_factory=Patterns)


@dataclass(frozen=True)
class Resolved:
    """The slots of a model.

    Attributes:
        slots: in the order of the twin's modules.
        left: twin paths that the user wants left as they are.
        paths: the JAX path and the transforms of every module that has one, by twin path.
    """

    slots: list[Slot]
    left: list[str]
    paths: dict[str, tuple[tuple[str, ...], tuple[Lift, ...]]]


def resolve(root: Node, library: Library, naming: Naming) -> Resolved:
    """Give every module its JAX path, and every layer its slot.

    Raises:
        ValueError: a regular expression is wrong, or what it lifts is not numbered from 0 on.
    """
    found = Resolved([], [], {"": ((), ())})
    scheme = scheme_of(library, naming.style)
    classes = {node.kind for node in nodes(root) if not node.twins and _has_parameters(node)}
    walk = _Walk(library, naming, scheme, found, _sizes(root, naming), classes)
    if root.twins or root.refused:
        walk.visit(root, "", (), (), Counter())
    else:
        prefix = _prefix(root) if scheme.sequential else ""
        walk.children(root, (), (), Counter(), prefix)
    return found


def scheme_of(library: Library, style: Style) -> Scheme:
    """The library's way of naming; the first, where it has not this one."""
    schemes = library.schemes
    return schemes[style] if style in schemes else next(iter(schemes.values()))


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
        elif node.refused:
            raise ValueError(f"{node.at or 'the model'} ({node.kind}): {node.refused}")
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
        layer = self.made(node, twin, at)
        given, name = self.given(at)
        if given and name is not None:
            path = _join(path, name)
        elif twin.kind != "dropout" and (at or self.scheme.top):
            attribute = "_".join(part for part in (attribute, twin.suffix) if part)
            path = self.automatic(path, attribute, layer.name, numbers)
        lifts = self.lifted(at, lifts, len(path))
        self.found.paths[at] = path, lifts
        self.found.slots.append(Slot(node.at, path, layer, twin, lifts))

    def given(self, at: str) -> tuple[bool, str | None]:
        """Whether the user named this module, and how."""
        said = self.naming.names.first(at)
        if said is None:
            return False, None
        found, name = said
        return True, None if name is None else found.expand(name)

    def made(self, node: Node, twin: Twin, at: str) -> JaxLayer:
        """The JAX layer, with what the user says of it."""
        if isinstance(twin.kind, JaxLayer):
            return twin.kind
        said: dict[str, Any] = {}
        for _, options in self.naming.options.matches(at):
            said = {**options, **said}
        try:
            return self.library.layer(twin.kind, twin.sizes, said, node.layer_name)
        except ValueError as error:
            message = f"{at or 'the model'}: {error}"
            if "give a rule" in message:
                message += (
                    f", rules={{{node.kind}: ...}}: a function from the layer to a "
                    "varscale.port.Twin with the JaxLayer that you wrote (docs/porting.md, "
                    f"'Layers'); or leave it as it is, names={{{node.at!r}: None}}"
                )
            raise ValueError(message) from error

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
        for found, kind in self.naming.lifts.matches(at):
            index = int(found[1]) if kind != "jit" else 0
            lifts = (*lifts, Lift(kind, depth, index, self.sizes.get(found.re.pattern, 1)))
        return lifts


def _prefix(node: Node) -> str:
    """A sequential module keeps its modules in a list, `layers`."""
    return "layers" if node.container == "sequential" else ""


def _sizes(root: Node, naming: Naming) -> dict[str, int]:
    """How many modules each transform stacks."""
    indices: dict[str, set[int]] = {}
    lifts = Patterns(naming.lifts.said)  # of use are only those that lift a module with parameters
    for node in nodes(root):
        for found, kind in lifts.matches(node.at):
            if kind == "jit":
                continue
            if not found.re.groups:
                raise ValueError(
                    f"lift {found.re.pattern!r} must have a group that is the module's index"
                )
            if not (found[1] or "").isdecimal():
                raise ValueError(
                    f"lift {found.re.pattern!r} must have the module's index as its first group, "
                    f"got {found[1]!r} in {node.at!r}"
                )
            indices.setdefault(found.re.pattern, set()).add(int(found[1]))
    for pattern, numbers in indices.items():
        if sorted(numbers) != list(range(len(numbers))):
            raise ValueError(
                f"lift {pattern!r} must match indices from 0 on, got {sorted(numbers)}"
            )
    return {pattern: len(numbers) for pattern, numbers in indices.items()}


def nodes(node: Node) -> list[Node]:
    """The module and all in it, in order."""
    return [node, *(one for child in node.children for one in nodes(child))]


def _has_parameters(node: Node) -> bool:
    own = node.twins or node.free or node.refused
    return bool(own) or any(map(_has_parameters, node.children))


def _join(path: tuple[str, ...], name: str) -> tuple[str, ...]:
    parts = tuple(part for part in name.split("/") if part)
    return parts if name.startswith("/") else (*path, *parts)
