"""Causes that only the distribution of the values can show; nothing is claimed of few values."""

from __future__ import annotations

import numpy as np

from varscale.initializers import Orthogonal
from varscale.port.causes import scales
from varscale.port.causes.cases import Array, Case, Cases, Cause, sample
from varscale.port.laws import law_of
from varscale.port.wording import initializer_text

__all__ = ["changed", "law", "matrix"]

#: Fewer vectors may be orthogonal by chance; more need not be looked at.
_VECTORS, _MOST = 4, 128
_OTHER_KEY = "path, counter, seed or a setting of the key differ"


def changed(case: Case) -> Cause | None:
    """Values that are correlated with JAX's."""
    have, want = sample(case.have), sample(case.want)
    if have.size < scales.LEAST or not have.std() or not want.std():
        return None
    alike = float(np.corrcoef(have, want)[0, 1])
    if abs(alike) < max(0.1, 7 / have.size**0.5):
        return None
    return Cause(
        "changed",
        f"correlated with JAX's values ({alike:.3f}, n = {have.size}): the same start, changed "
        "since, by training or otherwise",
    )


def matrix(case: Case) -> Cause | None:
    """Where either side is an orthogonal matrix."""
    init = case.row.init
    if case.have.ndim < 2 or "c" in (case.have.dtype.kind, case.want.dtype.kind):
        return None
    if not isinstance(init, Orthogonal):
        return _unexpected(case)
    if case.have.ndim != 2:
        return None
    off = [_off_orthogonal(values, init.scale) for values in (case.have, case.want)]
    if off[1] > 1e-2 or case.have.size < 4:
        return None
    if off[0] <= 1e-2:
        return Cause("key", "an orthogonal matrix as JAX's, but another one: " + _OTHER_KEY)
    return Cause(
        "distribution",
        f"not orthogonal, as JAX's is: Q'Q is {off[0]:.2g} off the identity, JAX's {off[1]:.1g}",
    )


def _unexpected(case: Case) -> Cause | None:
    """Where JAX draws independent values, and the twin is an orthogonal matrix of any scale."""
    have, want = (values.reshape(len(values), -1) for values in (case.have, case.want))
    if law_of(case.row.init, case.drawn) is None or min(have.shape) < _VECTORS:
        return None
    # Independent values are as far off as 1 / sqrt(n), nearly always.
    limit = 0.1 / max(have.shape) ** 0.5
    text = initializer_text(case.row.init)
    if _off_orthogonal(have) > limit:
        return None
    if _off_orthogonal(want) <= limit:
        return Cause("init", f"both are orthogonal matrices, which {text} is not: say it in init")
    return Cause("distribution", f"the twin's matrix is orthogonal, where JAX has {text}")


def law(case: Case, cases: Cases) -> Cause:
    """The mistake that the distribution shows; where it shows none, that."""
    n = case.have.size
    drawn = law_of(case.row.init, case.drawn)
    if drawn is None or case.have.dtype.kind == "c":
        return Cause("unknown", "nothing is known of the distribution that JAX draws here")
    if n < scales.LEAST:
        return Cause("few", f"{n} values are too few to tell distributions apart")
    guesses = scales.guesses(case, cases.plan)
    spread = scales.spread_text(case.have, drawn)
    found = scales.best(case.want, guesses)
    if not scales.fits(case.want, drawn) or (found and found[0].kind != "key"):
        what = " or ".join(one.said for one in found) or "of none that is known here"
        text = initializer_text(case.row.init)
        return Cause(
            "init",
            f"JAX's own values are not those of {text}, "
            f"{scales.spread_text(case.want, drawn, 'its')}; they are trained, or "
            f"their initializer is another ({what}): say it in init",
        )
    clipped = _at_the_bounds(case.have)
    if clipped:
        return Cause("clipped", f"{clipped} of {n} values lie on the bounds: clipped; {spread}")
    found = scales.best(case.have, guesses)
    if not found:
        several = "; or ".join(one.said or _OTHER_KEY for one in scales.rivals(case.have, guesses))
        said = f"too few values to tell: {several}" if several else "fits no mistake known here"
        return Cause("unknown", f"{spread}; {said}")
    if found[0].kind == "key":
        alike = float(np.corrcoef(sample(case.have), sample(case.want))[0, 1])
        same_law = f"the same distribution, uncorrelated ({alike:.3f}); {spread}"
        have, want = case.have.dtype, case.want.dtype
        drawn_short = f", or both were drawn as they are, in {have} and {want}: other numbers"
        return Cause("key", f"{same_law}: {_OTHER_KEY}{drawn_short if have != want else ''}")
    beyond = int((np.abs(case.have.astype(np.float64)) > drawn.bound).sum())
    more = f"; {beyond} values lie beyond JAX's bound {drawn.bound:.4g}" if beyond else ""
    return Cause(found[0].kind, f"{' or '.join(one.said for one in found)}: {spread}{more}")


def _at_the_bounds(values: Array) -> int:
    """How many values are exactly the largest or the smallest; 0 where others are too few."""
    flat = values.reshape(-1)
    found = int((flat == flat.max()).sum() + (flat == flat.min()).sum())
    many = max(6, values.size / 500) < found <= values.size / 2
    return found if many and values.dtype.itemsize > 2 else 0


def _off_orthogonal(values: Array, scale: float | None = None) -> float:
    """How far products of its longer vectors are off those of an orthogonal matrix."""
    matrix = values if values.shape[0] >= values.shape[1] else values.T
    matrix = matrix[:, :: -(-matrix.shape[1] // _MOST)].astype(np.float64)
    products = matrix.T @ matrix
    square = products.trace() / len(products) if scale is None else scale * scale
    return float(np.abs(products / square - np.eye(len(products))).max()) if square else np.inf
