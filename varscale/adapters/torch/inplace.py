"""In-place initializers for weights in torch's axis order, named as torch.nn.init names them.

A weight is read as (out, in, *spatial) and drawn as JAX draws its kernel (*spatial, in, out): with
the same key, `lecun_normal_(conv.weight, key=k)` is the Flax kernel drawn with k, transposed.
Explicit axes change what the tensor's axes mean; a `layout` names them all.

What every function here does, so that it is said once. `tensor` is a dense tensor of any strides
and device; its `requires_grad` is kept, autograd does not see the fill, and the global random state
is not used. A tensor on the meta device is left as it is. `key` is a `varscale.Key`, an integer
seed or a JAX key; there is no default. `compiled` is explained in `varscale.family.Family`. The
tensor is returned. An error (TypeError, ValueError, IndexError as JAX raises them) leaves it as it
was.
"""

from __future__ import annotations

from typing import Any

import torch

from varscale.adapters.torch.again import Task, carry_out, in_place
from varscale.adapters.torch.filling import check_destination
from varscale.adapters.torch.weights import drawn_as
from varscale.fans import Axes
from varscale.initializers import (
    Constant,
    DeltaOrthogonal,
    Distribution,
    Initializer,
    Mode,
    Normal,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)
from varscale.keys import KeyLike
from varscale.layout import Layout

__all__ = [
    "constant_",
    "delta_orthogonal_",
    "glorot_normal_",
    "glorot_uniform_",
    "he_normal_",
    "he_uniform_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "lecun_normal_",
    "lecun_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "truncated_normal_",
    "uniform_",
    "variance_scaling_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]


@in_place
def variance_scaling_(
    tensor: torch.Tensor,
    scale: float,
    mode: Mode,
    distribution: Distribution,
    in_axis: Axes | None = None,
    out_axis: Axes | None = None,
    batch_axis: Axes = (),
    *,
    key: KeyLike = None,
    layout: Layout | None = None,
    compiled: bool | None = None,
) -> Task:
    """Fill with samples whose variance is scale / n, n given by the fans of the weight.

    Args:
        tensor: the weight, (out, in, *spatial).
        scale: a number >= 0.
        mode: n is "fan_in", "fan_out", "fan_avg" or "fan_geo_avg".
        distribution: "truncated_normal" (at two standard deviations), "normal" or "uniform".
        in_axis: the inputs' axis or axes of the tensor; default 1.
        out_axis: the outputs' axis or axes of the tensor; default 0.
        batch_axis: axes of the tensor that the fans leave out.
        key: the key.
        layout: the tensor's axes against those of JAX's array, to which the three arguments above
            then refer, with JAX's defaults -2, -1 and ().
        compiled: see `varscale.family.Family`.

    Returns:
        The tensor.

    Raises:
        TypeError: no key, or a tensor that cannot be filled.
        ValueError: an unknown mode or distribution, a negative scale, a tensor of rank <= 1 whose
            axes are not given, a layout that does not fit.

    Example:
        >>> import torch, varscale.torch
        >>> conv = torch.nn.Conv2d(3, 16, 5)
        >>> _ = varscale.torch.variance_scaling_(conv.weight, 2.0, "fan_out", "normal", key=0)

    Source: jax.nn.initializers.variance_scaling.
    """
    return _variance_scaling(
        tensor, scale, mode, distribution, in_axis, out_axis, batch_axis, layout, compiled
    )


@in_place
def glorot_uniform_(
    tensor: torch.Tensor,
    in_axis: Axes | None = None,
    out_axis: Axes | None = None,
    batch_axis: Axes = (),
    *,
    key: KeyLike = None,
    layout: Layout | None = None,
    compiled: bool | None = None,
) -> Task:
    """Fill as `variance_scaling_(tensor, 1.0, "fan_avg", "uniform")`.

    Source: jax.nn.initializers.glorot_uniform.
    """
    return _variance_scaling(
        tensor,
        1.0,
        "fan_avg",
        "uniform",
        in_axis,
        out_axis,
        batch_axis,
        layout,
        compiled,
    )


@in_place
def glorot_normal_(
    tensor: torch.Tensor,
    in_axis: Axes | None = None,
    out_axis: Axes | None = None,
    batch_axis: Axes = (),
    *,
    key: KeyLike = None,
    layout: Layout | None = None,
    compiled: bool | None = None,
) -> Task:
    """Fill as `variance_scaling_(tensor, 1.0, "fan_avg", "truncated_normal")`.

    Source: jax.nn.initializers.glorot_normal.
    """
    return _variance_scaling(
        tensor,
        1.0,
        "fan_avg",
        "truncated_normal",
        in_axis,
        out_axis,
        batch_axis,
        layout,
        compiled,
    )


@in_place
def lecun_uniform_(
    tensor: torch.Tensor,
    in_axis: Axes | None = None,
    out_axis: Axes | None = None,
    batch_axis: Axes = (),
    *,
    key: KeyLike = None,
    layout: Layout | None = None,
    compiled: bool | None = None,
) -> Task:
    """Fill as `variance_scaling_(tensor, 1.0, "fan_in", "uniform")`.

    Source: jax.nn.initializers.lecun_uniform.
    """
    return _variance_scaling(
        tensor,
        1.0,
        "fan_in",
        "uniform",
        in_axis,
        out_axis,
        batch_axis,
        layout,
        compiled,
    )


@in_place
def lecun_normal_(
    tensor: torch.Tensor,
    in_axis: Axes | None = None,
    out_axis: Axes | None = None,
    batch_axis: Axes = (),
    *,
    key: KeyLike = None,
    layout: Layout | None = None,
    compiled: bool | None = None,
) -> Task:
    """Fill as `variance_scaling_(tensor, 1.0, "fan_in", "truncated_normal")`.

    Source: jax.nn.initializers.lecun_normal.
    """
    return _variance_scaling(
        tensor,
        1.0,
        "fan_in",
        "truncated_normal",
        in_axis,
        out_axis,
        batch_axis,
        layout,
        compiled,
    )


@in_place
def he_uniform_(
    tensor: torch.Tensor,
    in_axis: Axes | None = None,
    out_axis: Axes | None = None,
    batch_axis: Axes = (),
    *,
    key: KeyLike = None,
    layout: Layout | None = None,
    compiled: bool | None = None,
) -> Task:
    """Fill as `variance_scaling_(tensor, 2.0, "fan_in", "uniform")`.

    Source: jax.nn.initializers.he_uniform.
    """
    return _variance_scaling(
        tensor,
        2.0,
        "fan_in",
        "uniform",
        in_axis,
        out_axis,
        batch_axis,
        layout,
        compiled,
    )


@in_place
def he_normal_(
    tensor: torch.Tensor,
    in_axis: Axes | None = None,
    out_axis: Axes | None = None,
    batch_axis: Axes = (),
    *,
    key: KeyLike = None,
    layout: Layout | None = None,
    compiled: bool | None = None,
) -> Task:
    """Fill as `variance_scaling_(tensor, 2.0, "fan_in", "truncated_normal")`.

    Source: jax.nn.initializers.he_normal.
    """
    return _variance_scaling(
        tensor,
        2.0,
        "fan_in",
        "truncated_normal",
        in_axis,
        out_axis,
        batch_axis,
        layout,
        compiled,
    )


xavier_uniform_ = glorot_uniform_
xavier_normal_ = glorot_normal_
kaiming_uniform_ = he_uniform_
kaiming_normal_ = he_normal_


@in_place
def uniform_(
    tensor: torch.Tensor,
    scale: float = 1e-2,
    *,
    key: KeyLike = None,
    layout: Layout | None = None,
) -> Task:
    """Fill with samples uniform in [0, scale).

    A tensor of rank >= 2 is read as a weight, (out, in, *spatial). One that has JAX's order, such
    as an embedding table, needs `layout=Layout("VD")`.

    Source: jax.nn.initializers.uniform.
    """
    return _plain(tensor, Uniform(scale), layout)


@in_place
def normal_(
    tensor: torch.Tensor,
    stddev: float = 1e-2,
    *,
    key: KeyLike = None,
    layout: Layout | None = None,
    compiled: bool | None = None,
) -> Task:
    """Fill with normal samples of mean 0 and standard deviation stddev.

    A tensor of rank >= 2 is read as a weight, (out, in, *spatial). One that has JAX's order, such
    as a position embedding, needs `layout=Layout("NLD")`.

    Example:
        >>> import torch, varscale, varscale.torch
        >>> table = torch.nn.Embedding(10, 4)
        >>> layout = varscale.Layout("VD")
        >>> _ = varscale.torch.normal_(table.weight, 0.02, key=0, layout=layout)

    Source: jax.nn.initializers.normal.
    """
    return _plain(tensor, Normal(stddev, compiled=compiled), layout)


@in_place
def truncated_normal_(
    tensor: torch.Tensor,
    stddev: float = 1e-2,
    *,
    lower: float = -2.0,
    upper: float = 2.0,
    key: KeyLike = None,
    layout: Layout | None = None,
    compiled: bool | None = None,
) -> Task:
    """Fill with normal samples restricted to (lower, upper), then multiplied by stddev.

    The bounds are in standard deviations, unlike those of `torch.nn.init.trunc_normal_`. A tensor
    of rank >= 2 is read as a weight, see `normal_`.

    Source: jax.nn.initializers.truncated_normal.
    """
    data = TruncatedNormal(stddev, lower=lower, upper=upper, compiled=compiled)
    return _plain(tensor, data, layout)


def constant_(tensor: torch.Tensor, value: Any) -> torch.Tensor:
    """Fill with one value.

    Source: jax.nn.initializers.constant.
    """
    check_destination(tensor)
    return carry_out(Task(Constant(value), tuple(tensor.shape), None), tensor, 0)


def zeros_(tensor: torch.Tensor) -> torch.Tensor:
    """Fill with zeros."""
    return constant_(tensor, 0)


def ones_(tensor: torch.Tensor) -> torch.Tensor:
    """Fill with ones."""
    return constant_(tensor, 1)


def orthogonal_(
    tensor: torch.Tensor,
    scale: float = 1.0,
    column_axis: int | None = None,
    *,
    key: KeyLike = None,
    layout: Layout | None = None,
    compiled: bool | None = None,
) -> torch.Tensor:
    """Fill with a matrix of orthonormal rows or columns, times scale.

    `column_axis` is an axis of the tensor, by default the outputs'; with a layout, an axis of
    JAX's array, by default the last.

    Source: jax.nn.initializers.orthogonal.
    """
    check_destination(tensor)
    if tensor.ndim < 2:
        raise ValueError(f"tensor must be at least 2-D for orthogonal_, got {tuple(tensor.shape)}")
    drawn = drawn_as(tensor.shape, layout=layout)
    if column_axis is None:
        column_axis = -1
    elif layout is None:
        if not -tensor.ndim <= column_axis < tensor.ndim:
            raise IndexError(f"column_axis {column_axis} is out of range for {tensor.ndim} axes")
        column_axis = drawn.layout.of.index(drawn.layout.axes[column_axis])
    data = Orthogonal(scale, column_axis, compiled=compiled)
    return carry_out(Task(data, drawn.shape, drawn.layout), tensor, key)


@in_place
def delta_orthogonal_(
    tensor: torch.Tensor,
    scale: float = 1.0,
    *,
    key: KeyLike = None,
    layout: Layout | None = None,
    compiled: bool | None = None,
) -> Task:
    """Fill a convolution's weight with a kernel that is orthogonal at its centre, else zero.

    Source: jax.nn.initializers.delta_orthogonal.
    """
    return _plain(tensor, DeltaOrthogonal(scale, compiled=compiled), layout)


def _variance_scaling(
    tensor: torch.Tensor,
    scale: float,
    mode: Mode,
    distribution: Distribution,
    in_axis: Axes | None,
    out_axis: Axes | None,
    batch_axis: Axes,
    layout: Layout | None,
    compiled: bool | None,
) -> Task:
    drawn = drawn_as(tensor.shape, in_axis, out_axis, batch_axis, layout)
    data = VarianceScaling(
        scale,
        mode,
        distribution,
        drawn.in_axis,
        drawn.out_axis,
        drawn.batch_axis,
        compiled=compiled,
    )
    return Task(data, drawn.shape, drawn.layout)


def _plain(tensor: torch.Tensor, data: Initializer, layout: Layout | None) -> Task:
    """Where only the order of the axes matters, and rank <= 1 is welcome."""
    if tensor.ndim < 2 and layout is None:
        return Task(data, tuple(tensor.shape), None)
    drawn = drawn_as(tensor.shape, layout=layout)
    return Task(data, drawn.shape, drawn.layout)
