"""How a framework itself starts a parameter: the law of what a plan leaves as it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from varscale.initializers import Initializer
from varscale.port import laws

__all__ = ["UNKNOWN", "Own"]

#: What is said where it is not known.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Own:
    """How a framework starts one parameter when nobody says anything.

    Attributes:
        shape: of the parameter.
        said: how the framework calls it: "kaiming_uniform_(a=sqrt(5))".
        init: the law, as an initializer of an array of this shape; None where it is not known.
        read: (fan_in, fan_out), where the law depends on those of another parameter.
    """

    shape: tuple[int, ...]
    said: str = UNKNOWN
    init: Initializer | None = None
    read: tuple[float, float] | None = None

    @property
    def fans(self) -> tuple[float, float] | None:
        """(fan_in, fan_out) as the framework reads them; None where the law depends on none."""
        if self.init is None or self.read is not None:
            return self.read
        return laws.fans(self.init, self.shape)

    @property
    def stddev(self) -> float | None:
        """Standard deviation; None where it is not known, or nothing is drawn."""
        known = self.init is not None and 0 not in self.shape
        return laws.stddev(self.init, self.shape) if known and self.init is not None else None

    @property
    def bound(self) -> float:
        """No value is larger; infinity for a normal distribution, and where it is not known."""
        law = None if self.init is None else laws.law_of(self.init, self.shape)
        return math.inf if law is None else law.bound
