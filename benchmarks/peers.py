"""What is compared: for each peer, a function that makes the call which is timed.

A call fills or makes `size` elements of a distribution: "uniform" in [0, 0.1), "normal" of standard
deviation 0.1, "truncated" at two standard deviations. None where a peer has no such thing.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

__all__ = ["PEERS", "Call"]

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

    def fill() -> None:
        tensor.uniform_(-0.9545, 0.9545).erfinv_().mul_(0.1 * 2**0.5).add_(0.0).clamp_(-0.2, 0.2)

    return fill


def torch_new(distribution: str, dtype: str, size: int) -> Call | None:
    """torch.empty, then torch.nn.init."""
    import torch

    kind, fill = getattr(torch, dtype), _torch_fill(distribution)
    return lambda: fill(torch.empty(size, dtype=kind))


def timm(distribution: str, dtype: str, size: int) -> Call | None:
    """timm.layers.trunc_normal_tf_, its form of variance scaling's samples."""
    import torch
    from timm.layers import trunc_normal_tf_

    if distribution != "truncated":
        return None
    tensor = torch.empty(size, dtype=getattr(torch, dtype))
    return lambda: trunc_normal_tf_(tensor, std=0.1)


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

    def draw() -> None:
        value = init((size,), dtype)
        if jax:
            value.block_until_ready()

    return draw


def numpy(distribution: str, dtype: str, size: int) -> Call | None:
    """numpy.random.Generator, unscaled."""
    import numpy as np

    if dtype not in ("float32", "float64") or distribution == "truncated":
        return None
    generator, out = np.random.default_rng(0), np.empty(size, dtype)
    draw = generator.random if distribution == "uniform" else generator.standard_normal
    return lambda: draw(size, out.dtype, out)


#: Name: module that must be installed, function, Keras' backend.
PEERS: dict[str, tuple[str, Callable[[str, str, int], Call | None], str]] = {
    "varscale": ("torch", varscale_in_place, ""),
    "varscale, permuted": ("torch", varscale_permuted, ""),
    "varscale, new tensor": ("torch", varscale_new, ""),
    "torch.nn.init": ("torch", torch_in_place, ""),
    "torch, erfinv sequence": ("torch", torch_erfinv, ""),
    "torch.nn.init, new tensor": ("torch", torch_new, ""),
    "timm": ("torchvision", timm, ""),
    "jax.jit": ("jax", jax_jit, ""),
    "jax, eager": ("jax", jax_eager, ""),
    "keras on tensorflow": ("tensorflow", keras, "tensorflow"),
    "keras on torch": ("torch", keras, "torch"),
    "keras on jax": ("jax", keras, "jax"),
    "numpy.random": ("numpy", numpy, ""),
}


def installed(name: str) -> bool:
    """Whether a peer can be measured here."""
    module, _, backend = PEERS[name]
    wanted = [module, *(["keras"] if backend else []), *(["timm"] if name == "timm" else [])]
    return all(importlib.util.find_spec(one) is not None for one in wanted)
