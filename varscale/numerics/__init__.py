"""The reference arithmetic: how bits become samples. Written once, against the `Ops` Protocol."""

from varscale.numerics.ops import Ops, WordOps
from varscale.numerics.samples import sample
from varscale.numerics.threefry import threefry2x32

__all__ = ["Ops", "WordOps", "sample", "threefry2x32"]
