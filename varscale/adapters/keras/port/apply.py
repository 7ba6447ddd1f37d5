"""A Keras model's plan: carried out, shown, or held against JAX's values. Made in `calls`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from varscale.adapters.keras.backends import values
from varscale.adapters.keras.port.own import own_law
from varscale.draws import AnyDraw, fill
from varscale.dtypes import DTypeLike, as_dtype
from varscale.port.check import Comparison, check
from varscale.port.explain import Explanation, explain
from varscale.port.plan import Plan, draws_of
from varscale.port.slots import Keys
from varscale.port.trees import AnyTree

__all__ = ["KerasPlan"]


@dataclass(frozen=True, eq=False)
class KerasPlan:
    """How a Keras model starts, decided and not yet done.

    Attributes:
        model: the model.
        plan: what goes where, as plain data.
        variables: the model's variables, by the names that they have here.
        key: what it was made with; None where the JAX model's is not known.
        owners: by the same names, the layer that a variable belongs to, and its name there.
    """

    model: Any
    plan: Plan
    variables: Mapping[str, Any]
    key: Keys | None = None
    owners: Mapping[str, tuple[Any, str]] = field(default_factory=dict)

    def fill_(self, *names: str) -> None:
        """Assign the variables' values, one variable at a time.

        Args:
            names: the variables to fill, in any order; default: all, and the moving averages of
                normalisations. A variable's values depend on nothing else.

        Raises:
            TypeError: not a name.
            KeyError: no such variable, or one that is left as it is.
            ValueError: a variable of a dtype that its initializer cannot draw. Nothing has been
                written then.
        """
        draws = {
            name: draws_of(name, self.plan.rows_of(name), as_dtype(self.variables[name].dtype))
            for name in names or self.plan.by_name
        }
        for name in list(draws):
            # Not kept: orthogonal matrices stay with their draw.
            self.variables[name].assign(self._drawn(name, draws.pop(name)))
        if not names:
            for name, value in self.plan.constants:
                variable = self.variables[name]
                variable.assign(np.full(variable.shape, value, as_dtype(variable.dtype)))

    def draw(self, name: str, dtype: DTypeLike | None = None) -> np.ndarray[Any, Any]:
        """A new NumPy array with one variable's values.

        Args:
            name: the variable.
            dtype: another dtype than the variable's; its values are another draw.

        Raises:
            TypeError: not a name.
            KeyError: no such variable, or one that is left as it is.
        """
        rows, kind = self.plan.rows_of(name), as_dtype(dtype or self.variables[name].dtype)
        return self._drawn(name, [row.draw(kind) for row in rows])

    def _drawn(self, name: str, draws: Sequence[AnyDraw]) -> np.ndarray[Any, Any]:
        array = np.empty(tuple(self.variables[name].shape), draws[0].dtype)
        for row, draw in zip(self.plan.by_name[name], draws, strict=True):
            part = array[row.index]
            fill(draw, part if row.view is None else _seen(part, row.view), row.where)
        return array

    def explain(self) -> Explanation:
        """What goes where, from which key, of which law: a table for a terminal or a notebook."""
        dtypes = {name: as_dtype(self.variables[name].dtype) for name in self.plan.by_name}
        own = {
            name: own_law(*self.owners[name], tuple(self.variables[name].shape))
            for name in self.plan.left
        }
        return explain(self.plan, dtypes, own)

    def check(self, tree: AnyTree) -> Comparison:
        """Compare the model's present values with a dumped tree of JAX's.

        Args:
            tree: JAX's parameters by path: what `model.init` returned, a state of Flax NNX, a flat
                mapping; or a file of them, .npz, .safetensors or Flax's .msgpack.

        Returns:
            The comparison: `.ok`, `.raise_()`, and `str()` for what differs and why that may be.

        Raises:
            TypeError: tree is none.
            ValueError: a file of another kind.
        """
        return check(self.plan, lambda name: values(self.variables[name]), tree, self.key)


def _seen(part: np.ndarray[Any, Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """A view of another shape; never a copy, which would be filled in vain."""
    view = part.reshape(shape)
    if part.size and not np.may_share_memory(view, part):
        raise ValueError(f"a part of shape {part.shape} cannot be seen as {shape} in place")
    return view
