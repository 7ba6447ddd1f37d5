"""`varscale.torch` in place, on parameters as torch's own layers have them."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import numpy as np

from varscale.conformance.specs import Spec
from varscale.conformance.subject import Claim
from varscale.conformance.subjects import torch_devices
from varscale.conformance.subjects.offered import check_device, check_real, is_kernel
from varscale.conformance.subjects.torch_layouts import as_kernel, weight_shape
from varscale.keys import Key
from varscale.layout import Layout

if TYPE_CHECKING:
    import torch

__all__ = ["TORCH_INPLACE"]


class TorchInPlace:
    """`varscale.torch.lecun_normal_(layer.weight, key=...)` and the like."""

    name = "varscale.torch.inplace"
    claims: frozenset[Claim] = frozenset({"bits", "law", "manners"})

    def devices(self) -> list[str]:
        """The devices that torch sees."""
        return torch_devices.devices()

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        """Fill the layer's parameter, and give it back in JAX's axes; see `Subject`."""
        import torch

        check_device(self.name, device, self.devices())
        check_real(spec, dtype)
        kind = torch_devices.dtype_of(dtype)
        kernel = is_kernel(spec, shape)
        target = weight_shape(spec.layer, shape) if kernel else shape
        weight = torch.empty(target, dtype=kind, device=device)
        if kind.is_floating_point or kind.is_complex:
            weight.fill_(torch.nan)  # so that an element that is never written is seen
        if not kernel:
            # An array of no layer has JAX's axes, in JAX's order.
            _fill(weight, spec, key, Layout(string.ascii_letters[: len(shape)]))
            return weight
        if spec.layer == "packed_qkv":
            # The rows of one projection after those of another.
            parts = weight.view(shape[0], -1, weight.shape[1])
            _fill(parts, spec, key, Layout("POI", of="PIO"))
        else:
            _fill(weight, spec, key, _layout(spec.layer, weight))
        return as_kernel(spec.layer, weight, shape)

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """See `Subject`."""
        return torch_devices.to_numpy(array)


def _layout(layer: str, weight: torch.Tensor) -> Layout | None:
    """What a user says of a parameter that is not (out, in, *spatial)."""
    import varscale.torch as door

    if layer == "conv_transpose":
        return door.conv_transpose_layout(weight.ndim - 2)
    return Layout("VD") if layer == "embedding" else None


def _fill(weight: torch.Tensor, spec: Spec, key: Key, layout: Layout | None) -> None:
    import varscale.torch as door

    if spec.initializer == "uniform":
        door.uniform_(weight, spec.scale, key=key, layout=layout)
    elif spec.initializer == "normal":
        door.normal_(weight, spec.scale, key=key, layout=layout, compiled=spec.compiled)
    elif spec.initializer == "truncated_normal":
        door.truncated_normal_(weight, spec.scale, key=key, layout=layout, compiled=spec.compiled)
    elif layout is None:
        door.variance_scaling_(
            weight, spec.scale, spec.mode, spec.distribution, key=key, compiled=spec.compiled
        )
    else:  # the axes are then those of JAX's array
        door.variance_scaling_(
            weight, spec.scale, spec.mode, spec.distribution, spec.in_axis, spec.out_axis,
            spec.batch_axis, key=key, layout=layout, compiled=spec.compiled,
        )  # fmt: skip


TORCH_INPLACE = TorchInPlace()
