"""What is compared: for each peer, a function that makes the call which is timed.

A call fills or makes `size` elements of a distribution, and returns them: "uniform" in [0, 0.1),
"normal" of standard deviation 0.1, "truncated" at two standard deviations. None where a peer has no
such thing.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["PEERS", "Call", "dtype_of", "installed"]

Call = Callable[[], Any]

#: Extra arguments of a permuted fill: a convolution's weight in torch's order.
_PERMUTED = "OIHW", "HWIO"


def varscale_in_place(distribution: str, dtype: str, size: int) -> Call | None:
    """Fill a torch tensor by a public function."""
    import torch

    import varscale
    import varscale.torch as vt

    tensor, key = torch.empty(size, dtype=getattr(torch, dtype)), varscale.key(0)
    fill = {"uniform": vt.uniform_, "normal": vt.normal_, "truncated": vt.truncated_normal_}
    chosen = fill[distribution]
    return lambda: chosen(tensor, 0.1, key=key)


def varscale_permuted(distribution: str, dtype: str, size: int) -> Call | None:
    """The same into (out, in, 3, 3), drawn as (3, 3, in, out)."""
    import torch

    import varscale
    import varscale.torch as vt

    if size < 4096:
        return None
    inputs = max(4, int((size / 9) ** 0.5) // 4 * 4)
    outputs = size // 9 // inputs
    tensor = torch.empty(outputs, inputs, 3, 3, dtype=getattr(torch, dtype))
    layout, key = varscale.Layout(*_PERMUTED), varscale.key(0)
    fill = {"uniform": vt.uniform_, "normal": vt.normal_, "truncated": vt.truncated_normal_}
    chosen = fill[distribution]
    return lambda: chosen(tensor, 0.1, key=key, layout=layout)


def varscale_new(distribution: str, dtype: str, size: int) -> Call | None:
    """Make a torch tensor by an initializer called as JAX's."""
    import torch

    import varscale
    import varscale.torch as vt

    make = {"uniform": vt.uniform, "normal": vt.normal, "truncated": vt.truncated_normal}
    init, key, kind = make[distribution](0.1), varscale.key(0), getattr(torch, dtype)
    return lambda: init(key, (size,), kind)


def _torch_fill(distribution: str) -> Callable[[Any], Any]:
    from torch.nn import init

    if distribution == "uniform":
        return lambda tensor: init.uniform_(tensor, 0.0, 0.1)
    if distribution == "normal":
        return lambda tensor: init.normal_(tensor, 0.0, 0.1)
    return lambda tensor: init.trunc_normal_(tensor, 0.0, 0.1, -0.2, 0.2)


def torch_in_place(distribution: str, dtype: str, size: int) -> Call | None:
    """torch.nn.init."""
    import torch

    tensor, fill = torch.empty(size, dtype=getattr(torch, dtype)), _torch_fill(distribution)
    return lambda: fill(tensor)


def torch_erfinv(distribution: str, dtype: str, size: int) -> Call | None:
    """The sequence that torch.nn.init.trunc_normal_ was before 2.13, and that ports still have."""
    import torch

    if distribution != "truncated":
        return None
    tensor = torch.empty(size, dtype=getattr(torch, dtype))

    def fill() -> Any:
        tensor.uniform_(-0.9545, 0.9545).erfinv_().mul_(0.1 * 2**0.5).add_(0.0).clamp_(-0.2, 0.2)
        return tensor

    return fill


def torch_new(distribution: str, dtype: str, size: int) -> Call | None:
    """torch.empty, then torch.nn.init."""
    import torch

    kind, fill = getattr(torch, dtype), _torch_fill(distribution)
    return lambda: fill(torch.empty(size, dtype=kind))


def timm(distribution: str, dtype: str, size: int) -> Call | None:
    """timm.layers.trunc_normal_tf_, its form of variance scaling's samples.

    The file is loaded by its path: it needs torch alone, but timm's __init__ imports torchvision.
    """
    import torch

    if distribution != "truncated":
        return None
    module = _module_at("timm", "layers/weight_init.py")
    tensor = torch.empty(size, dtype=getattr(torch, dtype))
    return lambda: module.trunc_normal_tf_(tensor, std=0.1)


def _module_at(package: str, path: str) -> Any:
    """A module of a package, without the package's own import."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    file = Path(found.origin).parent / path
    spec = importlib.util.spec_from_file_location(f"{package}_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _jax(distribution: str, dtype: str, size: int, *, jit: bool) -> Call:
    import jax

    jax.config.update("jax_enable_x64", dtype == "float64")
    inits = jax.nn.initializers
    make = {
        "uniform": inits.uniform,
        "normal": inits.normal,
        "truncated": inits.truncated_normal,
    }
    init, key = make[distribution](0.1), jax.random.key(0)

    def draw(key: Any) -> Any:
        return init(key, (size,), dtype)

    draw = jax.jit(draw) if jit else draw
    return lambda: draw(key).block_until_ready()


def jax_jit(distribution: str, dtype: str, size: int) -> Call | None:
    """jax.nn.initializers under jax.jit."""
    return _jax(distribution, dtype, size, jit=True)


def jax_eager(distribution: str, dtype: str, size: int) -> Call | None:
    """jax.nn.initializers as it is."""
    return _jax(distribution, dtype, size, jit=False)


def keras(distribution: str, dtype: str, size: int) -> Call | None:
    """keras.initializers, on the backend of the process."""
    import keras

    inits = keras.initializers
    make = {
        "uniform": lambda: inits.RandomUniform(0.0, 0.1, seed=1),
        "normal": lambda: inits.RandomNormal(0.0, 0.1, seed=1),
        "truncated": lambda: inits.TruncatedNormal(0.0, 0.1, seed=1),
    }
    init, jax = make[distribution](), keras.backend.backend() == "jax"
    if jax:
        importlib.import_module("jax").config.update("jax_enable_x64", dtype == "float64")

    def draw() -> Any:
        value = init((size,), dtype)
        return value.block_until_ready() if jax else value

    return draw


def numpy(distribution: str, dtype: str, size: int) -> Call | None:
    """numpy.random.Generator, unscaled."""
    import numpy as np

    if dtype not in ("float32", "float64") or distribution == "truncated":
        return None
    generator, out = np.random.default_rng(0), np.empty(size, dtype)
    draw = generator.random if distribution == "uniform" else generator.standard_normal
    return lambda: draw(size, out.dtype, out)


#: Name: packages that must be installed, function, Keras' backend.
PEERS: dict[str, tuple[tuple[str, ...], Callable[[str, str, int], Call | None], str]] = {
    "varscale": (("torch",), varscale_in_place, ""),
    "varscale, permuted": (("torch",), varscale_permuted, ""),
    "varscale, new tensor": (("torch",), varscale_new, ""),
    "torch.nn.init": (("torch",), torch_in_place, ""),
    "torch, erfinv sequence": (("torch",), torch_erfinv, ""),
    "torch.nn.init, new tensor": (("torch",), torch_new, ""),
    "timm": (("torch", "timm"), timm, ""),
    "jax.jit": (("jax",), jax_jit, ""),
    "jax, eager": (("jax",), jax_eager, ""),
    "keras on tensorflow": (("keras", "tensorflow"), keras, "tensorflow"),
    "keras on torch": (("keras", "torch"), keras, "torch"),
    "keras on jax": (("keras", "jax"), keras, "jax"),
    "numpy.random": (("numpy",), numpy, ""),
}


def installed(name: str) -> bool:
    """Whether a peer can be measured here."""
    return all(importlib.util.find_spec(package) is not None for package in PEERS[name][0])


def dtype_of(value: Any) -> str:
    """The dtype's name of what a call returned, an array or a tensor of any framework."""
    return str(getattr(value.dtype, "name", value.dtype)).removeprefix("torch.")
