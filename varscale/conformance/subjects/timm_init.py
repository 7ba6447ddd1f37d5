"""timm's initializers, `timm.layers.weight_init`, on the parameters of torch's own layers."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from varscale.conformance.specs import Spec
from varscale.conformance.subject import Claim, NotOffered
from varscale.conformance.subjects import torch_devices
from varscale.conformance.subjects.offered import check_device, check_dtype, check_mode, layer_of
from varscale.conformance.subjects.torch_layouts import as_kernel, weight_shape
from varscale.keys import Key

if TYPE_CHECKING:
    import torch

__all__ = ["TIMM"]

#: What timm's `init_weights_vit_jax` gives to Linear layers: fan_avg, uniform.
_XAVIER = (1.0, "fan_avg", "uniform")


class Timm:
    """`variance_scaling_` and `trunc_normal_tf_`; timm's `trunc_normal_` has torch's bounds.

    The functions take no generator: torch's global one is seeded with the key, and given back.
    """

    name = "timm"
    claims: frozenset[Claim] = frozenset({"law"})

    def devices(self) -> list[str]:
        """The devices that torch sees."""
        _weight_init()
        return torch_devices.devices()

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        """Fill the layer's parameter, and give it back in JAX's axes; see `Subject`."""
        import torch

        check_device(self.name, device, self.devices())
        check_dtype(self.name, spec, dtype, complex_too=spec.samples != "truncated_normal")
        check_mode(self.name, spec)
        if spec.initializer in ("normal", "uniform"):
            raise NotOffered(f"timm has no {spec.initializer} initializer: it uses torch.nn.init's")
        layer = layer_of(self.name, spec, shape)
        target = shape if layer is None else weight_shape(spec.layer, shape)
        weight = torch.empty(target, dtype=torch_devices.dtype_of(dtype), device=device)
        with _seeded(key, device):
            _fill(weight, spec)
        return weight if layer is None else as_kernel(spec.layer, weight, shape)

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """See `Subject`."""
        return torch_devices.to_numpy(array)


def _fill(weight: torch.Tensor, spec: Spec) -> None:
    from torch.nn import init

    timm = _weight_init()
    if spec.initializer == "truncated_normal":
        timm.trunc_normal_tf_(weight, std=spec.scale)
    elif spec.layer == "packed_qkv" and (spec.scale, spec.mode, spec.distribution) == _XAVIER:
        init.xavier_uniform_(weight)
    else:
        timm.variance_scaling_(weight, spec.scale, spec.mode, spec.distribution)


@contextlib.contextmanager
def _seeded(key: Key, device: str) -> Iterator[None]:
    """Torch's global generator of a device, seeded with the key and given back afterwards."""
    import torch

    seed = torch_devices.seed(key)
    if device == "cpu":
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            yield
    else:
        with torch.random.fork_rng(devices=[torch.cuda.current_device()]):
            torch.cuda.manual_seed(seed)
            yield


@functools.cache
def _weight_init() -> Any:
    """The module, by its path: it needs torch alone, timm's own import needs torchvision."""
    package = importlib.util.find_spec("timm")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("No module named 'timm'", name="timm")
    file = Path(package.origin).parent / "layers" / "weight_init.py"
    spec = importlib.util.spec_from_file_location("timm_weight_init", file)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"timm has no {file}", name="timm.layers.weight_init")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TIMM = Timm()
