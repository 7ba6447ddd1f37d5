"""The reference arithmetic: how bits become samples. Written once, against the `Ops` Protocol."""

from varscale.numerics.draw import ComplexLaw, Draw, Law
from varscale.numerics.ops import Ops
from varscale.numerics.samples import sampler

__all__ = ["ComplexLaw", "Draw", "Law", "Ops", "sampler"]
