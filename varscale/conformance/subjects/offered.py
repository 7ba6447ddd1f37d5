"""Checks that several subjects make before they draw: what fails them is not offered."""

from __future__ import annotations

from collections.abc import Sequence

from varscale.conformance.layers import LAYERS, Layer
from varscale.conformance.specs import Spec
from varscale.conformance.subject import NotOffered
from varscale.dtypes import COMPLEX

__all__ = ["check_device", "check_dtype", "check_mode", "check_real", "is_kernel", "layer_of"]

_COMPLEX = tuple(dtype.name for dtype in COMPLEX)
#: What the libraries beside JAX draw; none has initializers of shorter floats.
_PLAIN = ("float16", "bfloat16", "float32", "float64")


def check_device(library: str, device: str, offered: Sequence[str]) -> None:
    """Refuse a device that is not there."""
    if device not in offered:
        raise NotOffered(f"{library} has no device {device!r} here, but {', '.join(offered)}")


def check_real(spec: Spec, dtype: str) -> None:
    """Refuse complex samples of the functions of `jax.nn.initializers` that have none."""
    if dtype in _COMPLEX and spec.initializer in ("truncated_normal", "uniform"):
        raise NotOffered(f"jax.nn.initializers.{spec.initializer} has no samples of {dtype}")


def check_dtype(library: str, spec: Spec, dtype: str, *, complex_too: bool = False) -> None:
    """Refuse a dtype that a library beside JAX has no samples of."""
    allowed = _PLAIN + (_COMPLEX if complex_too else ())
    if dtype not in allowed:
        raise NotOffered(f"{library} has no {spec.samples} samples of {dtype}")


def check_mode(library: str, spec: Spec) -> None:
    """Refuse the mode that JAX alone has."""
    if spec.initializer == "variance_scaling" and spec.mode == "fan_geo_avg":
        raise NotOffered(f"{library} has the modes fan_in, fan_out and fan_avg, not fan_geo_avg")


def is_kernel(spec: Spec, shape: Sequence[int]) -> bool:
    """Whether an array of this shape can be the kernel of `spec.layer`, fans included."""
    layer = LAYERS[spec.layer]
    axes = (spec.in_axis, spec.out_axis, spec.batch_axis)
    own = axes == (layer.in_axis, layer.out_axis, layer.batch_axis)
    return len(shape) == len(layer.axes) and (own or spec.initializer != "variance_scaling")


def layer_of(library: str, spec: Spec, shape: Sequence[int]) -> Layer | None:
    """The layer whose kernel is wanted; None for an array of no layer, which needs no fans.

    Raises:
        NotOffered: variance scaling of other axes than the layer's: the library reads its fans
            from the layer's shape.
    """
    if is_kernel(spec, shape):
        return LAYERS[spec.layer]
    if spec.initializer == "variance_scaling":
        raise NotOffered(
            f"{library} takes its fans from the shape of a layer, and no {spec.layer} has the "
            f"shape {tuple(shape)} with in_axis={spec.in_axis}, out_axis={spec.out_axis}, "
            f"batch_axis={spec.batch_axis}"
        )
    return None
