"""All mutants, in the order in which they are shown."""

from __future__ import annotations

from varscale.conformance.mutants.answers import ANSWERS
from varscale.conformance.mutants.bits import BITS
from varscale.conformance.mutants.distributions import DISTRIBUTIONS
from varscale.conformance.mutants.grids import GRIDS
from varscale.conformance.mutants.mutant import Mutant
from varscale.conformance.mutants.parts import PARTS
from varscale.conformance.mutants.places import PLACES
from varscale.conformance.mutants.scales import SCALES
from varscale.conformance.mutants.state import STATE

__all__ = ["GROUPS", "MUTANTS"]

#: By what is wrong.
GROUPS: dict[str, tuple[Mutant, ...]] = {
    "The scale": SCALES,
    "The distribution": DISTRIBUTIONS,
    "The lattice": GRIDS,
    "Complex samples": PARTS,
    "Dependence": PLACES,
    "Hidden state": STATE,
    "Shapes, dtypes, errors": ANSWERS,
    "The bits": BITS,
}

#: All of them; each has a name of its own.
MUTANTS: tuple[Mutant, ...] = tuple(one for group in GROUPS.values() for one in group)
