"""Why a twin's values are not JAX's: what `varscale.port.check` says beside how far they are apart.

`cases` holds both sides' values; `likely` tries one hypothesis after the other: those of axes and
rows are in `orders`, those of keys in `near_keys`, of distributions in `of_laws` with `scales`.
"""

from __future__ import annotations

from varscale.port.causes.cases import Array, Case, Cases, Cause, Kind, expected, same, steps
from varscale.port.causes.likely import likely, other_dtype

__all__ = [
    "Array",
    "Case",
    "Cases",
    "Cause",
    "Kind",
    "expected",
    "likely",
    "other_dtype",
    "same",
    "steps",
]
