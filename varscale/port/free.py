"""Parameters that belong to no layer: `self.param` in JAX, `nn.Parameter` in the twin."""

from __future__ import annotations

import math
import re

from varscale.layout import Layout
from varscale.port.layers import JaxLayer, Param, plain_axes
from varscale.port.options import FreeParam, Model, Options
from varscale.port.places import Place, Twin
from varscale.port.slots import Slot
from varscale.port.tree import Resolved, nodes

__all__ = ["with_free"]


def with_free(
    slots: list[Slot], resolved: Resolved, model: Model, options: Options
) -> tuple[list[Slot], list[str]]:
    """The slots, and those of parameters that belong to no layer, before their module's."""
    covered = {slot.name_of(place) for slot in slots for place in slot.twin.places}
    names = [name for name in model.parameters if name not in covered]
    said = [(name, *one) for name in names if (one := options.params.first(name))]
    # Several of one module stand in the order in which the user says them.
    order = list(options.params.said)
    said.sort(key=lambda one: order.index(one[1].re.pattern))
    left = [name for name, _, given in said if given is None]
    free = [
        _free_slot(name, found, given, resolved, model.shapes[name])
        for name, found, given in said
        if given is not None
    ]
    places = {node.at: i for i, node in enumerate(nodes(model.root))}
    result = list(slots)
    for slot in reversed(free):
        owner = places.get(slot.module, 0)
        after = (i for i, one in enumerate(result) if places.get(one.module, 0) >= owner)
        result.insert(next(after, len(result)), slot)
    return result, left


def _free_slot(
    name: str, found: re.Match[str], given: FreeParam, resolved: Resolved, shape: tuple[int, ...]
) -> Slot:
    path, init, drawn, layout = given
    module, _, leaf = name.rpartition(".")
    owner = module
    while owner and owner not in resolved.paths:
        owner = owner.rpartition(".")[0]
    above, lifts = resolved.paths[owner]
    full = found.expand(path)
    parts = tuple(part for part in full.split("/") if part)
    whole = parts if full.startswith("/") else (*above, *parts)
    if not parts:
        raise ValueError(f"params[{found.re.pattern!r}] must name {name} in JAX, got {path!r}")
    axes = plain_axes(len(shape))
    layout = layout or Layout(axes)
    inside = tuple(layout.drawn_shape(shape))
    drawn = inside if drawn is None else drawn
    if math.prod(drawn) != math.prod(shape):
        raise ValueError(f"the JAX shape of {name}, {drawn}, must have the elements of {shape}")
    if drawn == inside:
        param = Param(whole[-1], drawn, init, layout.of, piece="value")
        place = Place("value", leaf, layout.axes, flip=layout.flip)
    elif layout == Layout(axes):
        # The same elements in the same order.
        param = Param(whole[-1], drawn, init, plain_axes(len(drawn)), piece="value")
        place = Place("value", leaf, param.axes, view=drawn)
    else:
        raise ValueError(f"{name}: a layout and a JAX shape of other axes do not go together")
    layer = JaxLayer("", (param,))
    twin = Twin("parameter", places=(place,), suffix=leaf)
    return Slot(module, whole[:-1], layer, twin, lifts)
