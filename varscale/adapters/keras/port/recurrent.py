"""Which JAX cell each recurrent layer and cell of Keras is; gates are columns of one kernel."""

from __future__ import annotations

from typing import Any

from varscale.port.layers import Index
from varscale.port.places import Place, Twin

__all__ = ["conv_lstm", "gru", "lstm", "simple_rnn"]


def simple_rnn(layer: Any) -> Twin:
    """(in, units) and (units, units)."""
    cell, at = _cell(layer)
    places = [
        Place("ih", f"{at}kernel", "IO"),
        Place("hh", f"{at}recurrent_kernel", "IO"),
    ]
    if cell.use_bias:
        places.append(Place("bias_ih", f"{at}bias", "O", otherwise=0.0))
    return Twin("simple_rnn", _sizes(cell), tuple(places))


def lstm(layer: Any) -> Twin:
    """(in, 4 units) and (units, 4 units), the gates i, f, c, o: what Keras calls c is JAX's g.

    Keras adds 1 to f when it makes the bias, JAX in the forward pass or not at all.
    """
    cell, at = _cell(layer)
    places = []
    for gate, part in _gates("ifgo", cell.units):
        columns: Index = (slice(None), part)
        places.append(Place(f"ih.{gate}", f"{at}kernel", "IO", columns))
        places.append(Place(f"hh.{gate}", f"{at}recurrent_kernel", "IO", columns))
        if cell.use_bias:
            places.append(Place(f"bias.{gate}", f"{at}bias", "O", (part,), otherwise=0.0))
    return Twin("lstm", _sizes(cell), tuple(places))


def gru(layer: Any) -> Twin:
    """(in, 3 units) and (units, 3 units), the gates z, r, n; the bias has a row for each of both.

    With `reset_after=False` the recurrent kernel of n sees what was reset, and there is one bias.
    """
    cell, at = _cell(layer)
    places = []
    for gate, part in _gates("zrn", cell.units):
        columns: Index = (slice(None), part)
        places.append(Place(f"ih.{gate}", f"{at}kernel", "IO", columns))
        places.append(Place(f"hh.{gate}", f"{at}recurrent_kernel", "IO", columns))
        if not cell.use_bias:
            continue
        if not cell.reset_after:
            places.append(Place(f"bias_ih.{gate}", f"{at}bias", "O", (part,), otherwise=0.0))
            continue
        for row, piece in enumerate(("bias_ih", "bias_hh")):
            index: Index = (slice(row, row + 1), part)
            view = (cell.units,)
            bias = Place(f"{piece}.{gate}", f"{at}bias", "O", index, view=view, otherwise=0.0)
            places.append(bias)
    # A library whose GRU is the other one knows this size; the others refuse it.
    sizes = {**_sizes(cell), "reset": None if cell.reset_after else "before"}
    return Twin("gru", sizes, tuple(places))


def conv_lstm(layer: Any) -> Twin:
    """(*spatial, in, 4 filters) and (*spatial, filters, 4 filters), the gates i, f, c, o.

    JAX's cells have a second bias, that of the hidden state, which must be zero here.
    """
    cell, at = _cell(layer)
    space = "DHW"[3 - cell.rank :] + "IO"
    before: Index = (slice(None),) * (cell.rank + 1)
    places = []
    for gate, part in _gates("ifgo", cell.filters):
        places.append(Place(f"ih.{gate}", f"{at}kernel", space, (*before, part)))
        places.append(Place(f"hh.{gate}", f"{at}recurrent_kernel", space, (*before, part)))
        if cell.use_bias:
            none: Index = (slice(0, 0),)
            places.append(Place(f"bias_ih.{gate}", f"{at}bias", "O", (part,)))
            places.append(Place(f"bias_hh.{gate}", f"{at}bias", "O", none, implied=0.0))
    sizes = {
        "kernel_size": tuple(cell.kernel_size),
        "inputs": cell.kernel.shape[-2],
        "hidden": cell.filters,
        "bias": cell.use_bias,
    }
    return Twin("conv_lstm", sizes, tuple(places))


def _cell(layer: Any) -> tuple[Any, str]:
    """The cell of a layer, and the way from it to the cell; a cell is its own."""
    cell = getattr(layer, "cell", None)
    return (layer, "") if cell is None else (cell, "cell.")


def _sizes(cell: Any) -> dict[str, Any]:
    return {"inputs": cell.kernel.shape[0], "hidden": cell.units, "bias": cell.use_bias}


def _gates(gates: str, size: int) -> list[tuple[str, slice]]:
    return [(gate, slice(i * size, (i + 1) * size)) for i, gate in enumerate(gates)]
