"""From a twin and what the user says about it to a plan; whatever does not fit is an error here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from varscale.port.cover import check_cover
from varscale.port.free import with_free
from varscale.port.inits import initialised
from varscale.port.libraries import named
from varscale.port.options import Model, Options
from varscale.port.patterns import nearest
from varscale.port.plan import Plan, rows_of
from varscale.port.slots import Keys, Library, Slot
from varscale.port.tree import Naming, Node, nodes, resolve

__all__ = ["build"]


def build(model: Model, key: Keys, like: str | Library, options: Options) -> Plan:
    """Decide everything.

    Raises:
        ValueError: the two sides do not fit; the message lists what is unmatched on both.
    """
    if like == model.framework:
        return _as_it_is(model, options)
    library = named(like, model.framework)
    naming = Naming(options.names, options.lift, options.style, options.layout)
    resolved = resolve(_without_tied(model.root, model), library, naming)
    _refuse_tied(resolved.slots, model)
    slots = [_flattened(slot, options) for slot in resolved.slots]
    slots, free_left = with_free(slots, resolved, model, options)
    names = [*(node.at for node in nodes(model.root)), *(slot.at for slot in slots)]
    slots = _ordered(slots, options.order, names)
    slots = [initialised(slot, options) for slot in slots]
    _refuse_unused(options, names, model.parameters)
    keys = library.keys(key, slots)
    rows = [
        row
        for slot, keyed in zip(slots, keys, strict=True)
        for row in rows_of(slot, keyed, model.shapes)
    ]
    left = _left(model, resolved.left, free_left)
    check_cover(slots, rows, model, left, options.expect)
    return Plan(tuple(rows), _constants(slots, model), tuple(left), dict(model.tied))


def _as_it_is(model: Model, options: Options) -> Plan:
    """The plan of the framework's own initialisation: all is left."""
    nothing = Options()
    said = [
        one.name
        for one in fields(options)
        if getattr(options, one.name) != getattr(nothing, one.name)
    ]
    if said:
        raise ValueError(
            f"like={model.framework!r} leaves every parameter as it is, whatever {', '.join(said)} "
            "say: leave them out"
        )
    return Plan((), (), tuple(model.parameters), dict(model.tied))


def _without_tied(node: Node, model: Model) -> Node:
    """Without the layers whose parameters another one makes: JAX has no module for them."""
    children = []
    for child in node.children:
        names = [f"{child.at}.{place.to}" for twin in child.twins for place in twin.places]
        if not names or not set(names) <= set(model.tied):
            children.append(_without_tied(child, model))
    return replace(node, children=tuple(children))


def _refuse_tied(slots: Sequence[Slot], model: Model) -> None:
    """Refuse layers of which a part only is another one's: JAX has none such."""
    for slot in slots:
        for place in slot.twin.places:
            name = slot.name_of(place)
            if name in model.tied:
                raise ValueError(
                    f"{name} is {model.tied[name]}, which is drawn there, but {slot.at} has other "
                    f"parameters: leave it ({{{slot.at!r}: None}} in names), and say in params "
                    "what they are"
                )


def _flattened(slot: Slot, options: Options) -> Slot:
    """The slot of a layer whose inputs were flattened, as a place of more axes."""
    said = options.flattened.first(slot.at)
    if said is None:
        return slot
    found, one = said
    places = []
    for place in slot.twin.places:
        if set(place.axes) == set("IO"):
            sizes = {"I": one.shape, "O": (slot.twin.sizes["outputs"],)}
            view = tuple(size for axis in place.axes for size in sizes[axis])
            place = replace(place, axes=place.axes.replace("I", one.axes), view=view)
        places.append(place)
    if tuple(places) == slot.twin.places:
        raise ValueError(
            f"layout[{found.re.pattern!r}]: {slot.at or 'the model'} is no dense layer"
        )
    return replace(slot, twin=replace(slot.twin, places=tuple(places)))


def _constants(slots: Sequence[Slot], model: Model) -> tuple[tuple[str, float], ...]:
    """What is no parameter in JAX and must be set all the same."""
    found = [(slot.inside(name), value) for slot in slots for name, value in slot.twin.constants]
    for name, value in found:
        if name not in model.shapes:
            raise ValueError(f"the twin has no {name}, which a rule sets to {value}")
    return tuple(found)


def _ordered(slots: list[Slot], order: Sequence[str] | None, modules: Sequence[str]) -> list[Slot]:
    if order is None:
        return slots
    ranks: dict[str, int] = {}
    for slot in slots:
        ranks[slot.at] = next(
            (i for i, at in enumerate(order) if f"{slot.at}.".startswith(f"{at}.")), -1
        )
    missing = [at for at, rank in ranks.items() if rank < 0]
    idle = [at for i, at in enumerate(order) if i not in ranks.values()]
    again = [at for at in idle if any(f"{one}.".startswith(f"{at}.") for one in ranks)]
    unknown = [at for at in idle if at not in again]
    if missing or idle:
        raise ValueError(
            "order must name every module or one around it once; missing: "
            f"{', '.join(missing) or 'none'}; named before: {', '.join(again) or 'none'}; not in "
            f"the twin: {', '.join(unknown) or 'none'}{nearest(unknown, modules)}"
        )
    return sorted(slots, key=lambda slot: ranks[slot.at])


def _refuse_unused(options: Options, modules: Sequence[str], parameters: Sequence[str]) -> None:
    unused = [(name, pattern) for name, said in options.patterns for pattern in said.unused]
    if unused:
        listed = ", ".join(f"{name}[{pattern!r}]" for name, pattern in unused)
        known = [*modules, *(parameters if any(name == "params" for name, _ in unused) else ())]
        near = nearest((pattern for _, pattern in unused), known)
        raise ValueError(f"{listed} match nothing in the twin{near}")


def _left(model: Model, modules: list[str], names: list[str]) -> list[str]:
    inside = [
        name
        for name in model.parameters
        if any(name.startswith(f"{module}.") for module in modules)
    ]
    return [*names, *inside]
