"""A torch model's plan: carried out, shown, or held against JAX's values. Made in `calls`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize

from varscale.adapters.torch.dtypes import numpy_dtype
from varscale.adapters.torch.filling import check_destination, fill, numpy_view
from varscale.adapters.torch.port.own import own_laws
from varscale.arguments import check_kind
from varscale.draws import AnyDraw
from varscale.port.check import Comparison, check
from varscale.port.explain import Explanation, explain
from varscale.port.own import Own
from varscale.port.plan import Plan, Row, draws_of
from varscale.port.slots import Keys
from varscale.port.trees import AnyTree

__all__ = ["TorchPlan"]


@dataclass(frozen=True, eq=False)
class TorchPlan:
    """How a torch model starts, decided and not yet done.

    Attributes:
        model: the model.
        plan: what goes where, as plain data.
        key: what it was made with; None where the JAX model's is not known.
    """

    model: nn.Module
    plan: Plan
    key: Keys | None = None

    def fill_(self, *names: str) -> None:
        """Fill the model's parameters in place.

        Args:
            names: the parameters to fill, in any order; default: all, and the running averages
                of normalisations. A parameter's values depend on nothing else.

        Raises:
            TypeError: not a name.
            KeyError: no such parameter, or one that is left as it is.
            ValueError: a tensor on the meta device, which has no memory yet. Nothing has been
                written then.
        """
        planned = {name: self.plan.rows_of(name) for name in names or self.plan.by_name}
        tensors = {name: self._tensor(name) for name in planned}
        averages = {} if names else {name: self._tensor(name) for name, _ in self.plan.constants}
        draws: dict[str, Sequence[AnyDraw]] = {}
        for name, tensor in (tensors | averages).items():
            check_destination(tensor)
            if tensor.is_meta:
                raise ValueError(
                    f"{name} is on the meta device and has no memory: call "
                    "model.to_empty(device=...) first"
                )
            if name in planned:
                draws[name] = draws_of(name, planned[name], numpy_dtype(tensor.dtype))
        if not names:
            self._check_ties()
        for name, tensor in tensors.items():
            # Not kept: orthogonal matrices stay with their draw.
            self._fill(name, tensor, draws.pop(name))
        values = dict(self.plan.constants)
        for name, tensor in averages.items():
            tensor.detach().fill_(values[name])

    def draw(self, name: str, dtype: torch.dtype | None = None) -> torch.Tensor:
        """A new CPU tensor with one parameter's values; the model may be on the meta device.

        Args:
            name: the parameter.
            dtype: another dtype than the parameter's; its values are another draw.

        Raises:
            TypeError: not a name, or not a dtype.
            KeyError: no such parameter, or one that is left as it is.
        """
        rows = self.plan.rows_of(name)
        check_kind("dtype", dtype, torch.dtype | None, "a torch.dtype")
        like = self._tensor(name)
        tensor = torch.empty(like.shape, dtype=dtype or like.dtype, device="cpu")
        self._write(rows, [row.draw(numpy_dtype(tensor.dtype)) for row in rows], tensor)
        return tensor

    def explain(self) -> Explanation:
        """What goes where, from which key, of which law: a table for a terminal or a notebook.

        Example:
            >>> import torch, varscale.torch
            >>> model = torch.nn.Sequential(torch.nn.Linear(4, 2))
            >>> row = varscale.torch.plan(model, 0, "flax.linen").explain().rows[0]
            >>> print(row.initializer, row.layout, sep=", ")
            lecun_normal(), OI <- IO
        """
        dtypes = {name: numpy_dtype(self._tensor(name).dtype) for name in self.plan.by_name}
        known = own_laws(self.model) if self.plan.left else {}
        own = {
            name: known.get(name) or Own(tuple(self._tensor(name).shape)) for name in self.plan.left
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
            ValueError: a file of another kind, or a parameter on the meta device.
        """

        def read(name: str) -> np.ndarray[Any, Any]:
            tensor = self._tensor(name).detach()
            if tensor.is_meta:
                raise ValueError(f"{name} is on the meta device and has no values")
            return numpy_view(tensor.cpu().contiguous())

        return check(self.plan, read, tree, self.key)

    def _check_ties(self) -> None:
        for name, first in self.plan.tied.items():
            if self._tensor(name).data_ptr() != self._tensor(first).data_ptr():
                raise ValueError(
                    f"{name} was {first} when this was planned, and is another tensor now, as "
                    "to_empty leaves it: tie them again, or plan again"
                )

    def _tensor(self, name: str) -> torch.Tensor:
        owner, _, leaf = name.rpartition(".")
        try:
            tensor: torch.Tensor = getattr(self.model.get_submodule(owner), leaf)
        except AttributeError:
            raise KeyError(f"the model has no {name!r}, which the plan has") from None
        return tensor

    def _fill(self, name: str, tensor: torch.Tensor, draws: Sequence[AnyDraw]) -> None:
        rows = self.plan.by_name[name]
        owner, _, leaf = name.rpartition(".")
        module = self.model.get_submodule(owner)
        if not parametrize.is_parametrized(module, leaf):
            self._write(rows, draws, tensor)
            return
        # As if the parametrization had been registered after the initialisation.
        value = torch.empty_like(tensor)
        self._write(rows, draws, value)
        lists: Any = module.parametrizations
        chain = lists[leaf]
        with torch.no_grad():
            if all(hasattr(one, "right_inverse") for one in chain):
                setattr(module, leaf, value)
            else:
                chain.original.copy_(value)

    @staticmethod
    def _write(rows: Sequence[Row], draws: Sequence[AnyDraw], tensor: torch.Tensor) -> None:
        for row, draw in zip(rows, draws, strict=True):
            part = tensor.detach()[row.index]
            if row.view is not None:
                part = part.view(row.view)
            fill(draw, part, row.where)
