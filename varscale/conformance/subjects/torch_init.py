"""`torch.nn.init`, as ports of JAX models use it today, on the parameters of torch's own layers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from varscale.conformance.specs import TRUNCATED_STDDEV, Spec
from varscale.conformance.subject import Claim, NotOffered
from varscale.conformance.subjects import torch_devices
from varscale.conformance.subjects.offered import check_device, check_dtype, check_mode, layer_of
from varscale.conformance.subjects.torch_layouts import as_kernel, weight_shape
from varscale.keys import Key

if TYPE_CHECKING:
    import torch

__all__ = ["TORCH_INIT"]

_NAME = "torch.nn.init"
#: Scales for which kaiming_uniform_ and kaiming_normal_ have a gain, its square.
_NONLINEARITIES = {1.0: "linear", 2.0: "relu"}


class TorchInit:
    """The functions of `torch.nn.init`, with a generator that is seeded with the key.

    The fans are those that torch reads from its parameter: those of JAX's kernel where it is (out,
    in, *spatial). Truncated normal samples are `trunc_normal_` of the standard deviation that JAX
    has before the truncation, with the function's own bounds, which are -2 and 2, whatever the
    standard deviation.
    """

    name = _NAME
    claims: frozenset[Claim] = frozenset({"law"})

    def devices(self) -> list[str]:
        """The devices that torch sees."""
        return torch_devices.devices()

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        """Fill the layer's parameter, and give it back in JAX's axes; see `Subject`."""
        import torch

        check_device(_NAME, device, self.devices())
        check_dtype(_NAME, spec, dtype, complex_too=spec.samples != "truncated_normal")
        check_mode(_NAME, spec)
        layer = layer_of(_NAME, spec, shape)
        target = shape if layer is None else weight_shape(spec.layer, shape)
        weight = torch.empty(target, dtype=torch_devices.dtype_of(dtype), device=device)
        _fill(weight, spec, torch_devices.generator(key, device))
        return weight if layer is None else as_kernel(spec.layer, weight, shape)

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """See `Subject`."""
        return torch_devices.to_numpy(array)


def _fill(weight: torch.Tensor, spec: Spec, generator: torch.Generator) -> None:
    from torch.nn import init

    if spec.initializer == "uniform":
        init.uniform_(weight, 0.0, spec.scale, generator=generator)
    elif spec.initializer == "normal":
        init.normal_(weight, 0.0, spec.scale, generator=generator)
    elif spec.initializer == "truncated_normal":
        init.trunc_normal_(weight, std=spec.scale, generator=generator)
    elif spec.distribution == "truncated_normal":
        stddev = _stddev(weight, spec) / TRUNCATED_STDDEV
        init.trunc_normal_(weight, std=stddev, generator=generator)
    elif spec.mode == "fan_avg":
        xavier = init.xavier_uniform_ if spec.distribution == "uniform" else init.xavier_normal_
        xavier(weight, math.sqrt(spec.scale), generator=generator)
    else:
        kaiming = init.kaiming_uniform_ if spec.distribution == "uniform" else init.kaiming_normal_
        mode: Literal["fan_in", "fan_out"] = "fan_in" if spec.mode == "fan_in" else "fan_out"
        kaiming(weight, 0, mode, _nonlinearity(spec.scale), generator=generator)


def _stddev(weight: torch.Tensor, spec: Spec) -> float:
    """The wanted standard deviation, of torch's fans."""
    from torch.nn.init import _calculate_fan_in_and_fan_out

    fan_in, fan_out = _calculate_fan_in_and_fan_out(weight)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[spec.mode]
    return math.sqrt(spec.scale / fan)


def _nonlinearity(scale: float) -> Any:
    if scale not in _NONLINEARITIES:
        raise NotOffered(
            f"{_NAME} has kaiming functions of the gains 1 and sqrt(2), not of sqrt({scale:g})"
        )
    return _NONLINEARITIES[scale]


TORCH_INIT = TorchInit()
