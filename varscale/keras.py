"""JAX's initializers for Keras 3: classes for layers, and `init(key, shape, dtype=None)`.

Import this module before a model is loaded that was saved with one of its classes.
"""

from typing import TYPE_CHECKING

from varscale.adapters.keras.function import KerasInitializerFunction
from varscale.adapters.keras.variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from varscale.adapters.keras.without_fans import (
    Constant,
    DeltaOrthogonal,
    Normal,
    Ones,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    Zeros,
)
from varscale.family import Family
from varscale.lazy import attach

if TYPE_CHECKING:
    from varscale.adapters.keras.port.apply import KerasPlan
    from varscale.adapters.keras.port.calls import check, explain, init_, plan

__all__ = [
    "Constant",
    "DeltaOrthogonal",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "KaimingNormal",
    "KaimingUniform",
    "KerasInitializerFunction",
    "KerasPlan",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Ones",
    "Orthogonal",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
    "XavierNormal",
    "XavierUniform",
    "Zeros",
    "check",
    "constant",
    "delta_orthogonal",
    "explain",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "init_",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "plan",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

XavierUniform = GlorotUniform
XavierNormal = GlorotNormal
KaimingUniform = HeUniform
KaimingNormal = HeNormal

_family = Family(KerasInitializerFunction)
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
        "varscale.adapters.keras.port.apply": ("KerasPlan",),
        "varscale.adapters.keras.port.calls": ("check", "explain", "init_", "plan"),
    },
)
