"""Whole models: which JAX parameter each parameter of a twin is, and under which key it is drawn.

Knows no framework: `varscale.torch.init_` and `varscale.keras.init_` see their models as a `Model`.
Here is what their arguments and users' own rules are made of.
"""

from varscale.port.layers import Fork, JaxLayer, Param, Part, spatial_axes, stacked
from varscale.port.options import Flattened
from varscale.port.places import Place, Twin
from varscale.port.slots import Library

__all__ = [
    "Flattened",
    "Fork",
    "JaxLayer",
    "Library",
    "Param",
    "Part",
    "Place",
    "Twin",
    "spatial_axes",
    "stacked",
]
