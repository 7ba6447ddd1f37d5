"""JAX's initializers for PyTorch: `init(key, shape, ...)`, and in place with an underscore."""

from typing import TYPE_CHECKING

from varscale.adapters.torch.filling import fill
from varscale.adapters.torch.initializers import TorchInitializer
from varscale.adapters.torch.inplace import (
    constant_,
    delta_orthogonal_,
    glorot_normal_,
    glorot_uniform_,
    he_normal_,
    he_uniform_,
    kaiming_normal_,
    kaiming_uniform_,
    lecun_normal_,
    lecun_uniform_,
    normal_,
    ones_,
    orthogonal_,
    truncated_normal_,
    uniform_,
    variance_scaling_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)
from varscale.adapters.torch.weights import conv_transpose_layout
from varscale.family import Family
from varscale.lazy import attach

if TYPE_CHECKING:
    from varscale.adapters.torch.port.apply import TorchPlan
    from varscale.adapters.torch.port.calls import check, explain, init_, plan

__all__ = [
    "TorchInitializer",
    "TorchPlan",
    "check",
    "constant",
    "constant_",
    "conv_transpose_layout",
    "delta_orthogonal",
    "delta_orthogonal_",
    "explain",
    "fill",
    "glorot_normal",
    "glorot_normal_",
    "glorot_uniform",
    "glorot_uniform_",
    "he_normal",
    "he_normal_",
    "he_uniform",
    "he_uniform_",
    "init_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "lecun_normal",
    "lecun_normal_",
    "lecun_uniform",
    "lecun_uniform_",
    "normal",
    "normal_",
    "ones",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "plan",
    "truncated_normal",
    "truncated_normal_",
    "uniform",
    "uniform_",
    "variance_scaling",
    "variance_scaling_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros",
    "zeros_",
]

_family = Family(TorchInitializer)
constant = _family.constant
delta_orthogonal = _family.delta_orthogonal
glorot_normal = _family.glorot_normal
glorot_uniform = _family.glorot_uniform
he_normal = _family.he_normal
he_uniform = _family.he_uniform
kaiming_normal = _family.kaiming_normal
kaiming_uniform = _family.kaiming_uniform
lecun_normal = _family.lecun_normal
lecun_uniform = _family.lecun_uniform
normal = _family.normal
ones = _family.ones
orthogonal = _family.orthogonal
truncated_normal = _family.truncated_normal
uniform = _family.uniform
variance_scaling = _family.variance_scaling
xavier_normal = _family.xavier_normal
xavier_uniform = _family.xavier_uniform
zeros = _family.zeros

#: Whole models: most programs draw single tensors, and do not pay for these modules' import.
__getattr__, __dir__ = attach(
    __name__,
    {
        "varscale.adapters.torch.port.apply": ("TorchPlan",),
        "varscale.adapters.torch.port.calls": ("check", "explain", "init_", "plan"),
    },
)
