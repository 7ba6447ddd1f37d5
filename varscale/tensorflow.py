"""JAX's initializers for TensorFlow: `init(key, shape, dtype=None)`, eager and in tf.function."""

from varscale.adapters.tensorflow.initializers import TensorFlowInitializer
from varscale.family import Family

__all__ = [
    "TensorFlowInitializer",
    "constant",
    "delta_orthogonal",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

_family = Family(TensorFlowInitializer)
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
