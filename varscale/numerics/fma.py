"""Fused multiply-add for frameworks that have none: exact by error-free transformations.

Source: Boldo, Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using
rounding to odd" (IEEE Trans. Computers 57, 2008); Dekker, "A floating-point technique for extending
the available precision" (Numer. Math. 18, 1971). Exact unless an intermediate result under- or
overflows, which no argument of the formulas here comes near.
"""

from __future__ import annotations

from collections.abc import Callable

from varscale.numerics.ops import Floats

__all__ = ["fma64", "refined_sqrt64", "sum_to_odd"]

#: Veltkamp's constant for a 53-bit significand, 2**27 + 1.
_SPLITTER = 134217729.0

#: (value, error) -> value + error rounded to odd, given that value is its rounding to nearest.
ToOdd = Callable[[Floats, Floats], Floats]


def sum_to_odd(a: Floats, b: Floats, to_odd: ToOdd) -> Floats:
    """A + b in float64, rounded to odd: safe to round once more, to a shorter significand."""
    total, error = _two_sum(a, b)
    return to_odd(total, error)


def fma64(a: Floats, b: Floats, c: Floats, to_odd: ToOdd) -> Floats:
    """A * b + c in float64, rounded once to nearest even."""
    product = a * b
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    product_error = a_low * b_low - (
        ((product - a_high * b_high) - a_low * b_high) - a_high * b_low
    )
    small, small_error = _two_sum(c, product_error)
    total, total_error = _two_sum(product, small)
    return total + sum_to_odd(total_error, small_error, to_odd)


def refined_sqrt64(x: Floats, root: Floats, to_odd: ToOdd) -> Floats:
    """The correctly rounded float64 square root of positive `x`, from one that is an ulp off.

    The residual x - root**2 is exact, so that the correction is off by 2**-105 of the root at most;
    no square root of a float64 lies that near to a tie.
    """
    return root + fma64(-root, root, x, to_odd) / (2.0 * root)


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def _halves(a: Floats) -> tuple[Floats, Floats]:
    """Two floats of at most 26 bits that add up to `a`."""
    scaled = a * _SPLITTER
    high = scaled - (scaled - a)
    return high, a - high
