"""Wrong initializers, and whether the suite finds them: the suite's own test.

    python -m varscale.conformance.mutants

runs each mutant and shows which checks killed it.
"""

from varscale.conformance.mutants.catalogue import GROUPS, MUTANTS
from varscale.conformance.mutants.matrix import Row, kill_matrix, kills, markdown
from varscale.conformance.mutants.mutant import Mutant, outcome_of

__all__ = ["GROUPS", "MUTANTS", "Mutant", "Row", "kill_matrix", "kills", "markdown", "outcome_of"]
