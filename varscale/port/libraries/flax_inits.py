"""The initializers that Flax's layers have by default; no layers live here.

Source: flax/linen/linear.py, normalization.py, recurrent.py (0.12.8).
"""

from __future__ import annotations

from varscale.initializers import Constant, Initializer, Orthogonal, VarianceScaling

__all__ = ["EMBED", "LECUN", "ONES", "ORTHOGONAL", "ZEROS"]

LECUN: Initializer = VarianceScaling(1.0, "fan_in", "truncated_normal")
EMBED: Initializer = VarianceScaling(1.0, "fan_in", "normal", out_axis=0)
ORTHOGONAL: Initializer = Orthogonal()
ZEROS: Initializer = Constant(0.0)
ONES: Initializer = Constant(1.0)
