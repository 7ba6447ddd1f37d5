"""A row of a twin's parameter table, and the initializers that rows name; no framework."""

from types import ModuleType
from typing import Any, NamedTuple

from varscale import Layout


class Row(NamedTuple):
    """Where one Flax parameter goes, and how it is drawn."""

    to: Any
    """The destination: a tensor or a view of one (PyTorch), a variable (Keras)."""
    path: str
    """The Linen path with the parameter's own name, such as "head/kernel"."""
    counter: int
    """1 for the first parameter that its Linen scope draws, 2 for the second."""
    shape: tuple[int, ...]
    """The shape that the JAX initializer sees. Attention kernels are drawn flattened to 2-D."""
    init: str
    """A key of `initializers(...)`."""
    layout: Layout | None = None
    """The destination's axes from JAX's; None where they are the same."""

    @property
    def scope(self) -> tuple[str, ...]:
        """The path of the parameter's scope: ("Transformer", "norm"); () for the top module."""
        return tuple(self.path.split("/")[:-1])


def initializers(door: ModuleType) -> dict[str, Any]:
    """The initializers of both models, from a door of varscale: all have the same face."""
    return {
        "zeros": door.zeros,
        "ones": door.ones,
        "lecun_normal": door.lecun_normal(),
        "lecun_normal(in_axis=(0, 1, 2))": door.lecun_normal(in_axis=(0, 1, 2)),
        "he_normal": door.he_normal(),
        "he_normal_fan_out": door.variance_scaling(2.0, "fan_out", "normal"),
        "xavier_uniform": door.xavier_uniform(),
        "normal(0.02)": door.normal(0.02),
        "normal(1e-6)": door.normal(1e-6),
    }


def unique(rows: list[Row]) -> list[Row]:
    """Return the rows; no two may draw the same parameter."""
    paths = [row.path for row in rows]
    repeated = sorted({path for path in paths if paths.count(path) > 1})
    if repeated:
        raise ValueError(f"rows must name each parameter once, got {repeated} again")
    return rows
