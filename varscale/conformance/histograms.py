"""What a report shows of samples: a histogram against the law, and pairs of quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from varscale.conformance.laws import Discrete
from varscale.conformance.results import Picture
from varscale.conformance.samples import BINS, Marginal, standardized

__all__ = ["picture"]

Array = np.ndarray[Any, Any]

_COLUMNS = 40
_FAR = 4.0  # standard deviations, where the law has no ends
_PROBABILITIES = np.array([0.0005, 0.001, 0.002, 0.005, *np.arange(1, 100) / 100])
_PROBABILITIES = np.append(_PROBABILITIES, 1 - _PROBABILITIES[3::-1])


def picture(kept: Marginal, discrete: Discrete | None) -> Picture:
    """The picture of a law's samples, in units of the law."""
    law = kept.law
    low, high = (standardized(law, np.array(end)) for end in law.support)
    edges = np.linspace(max(float(low), -_FAR), min(float(high), _FAR), _COLUMNS + 1)
    if not law.unit or not kept.n:
        return Picture("law", (0.0, 1.0), (kept.n,))
    at = law.location + edges * law.unit
    if discrete is None:
        places = np.round(law.cdf(at) * BINS).astype(int)
        counts = np.diff(np.concatenate([[0], np.cumsum(kept.bins)])[places])
        expected = np.diff(places) / BINS * kept.n
        reached = np.cumsum(kept.bins) / kept.n
        found = (np.searchsorted(reached, _PROBABILITIES) + 0.5) / BINS
        quantiles = law.ppf(np.minimum(found, 1 - 0.5 / BINS)), law.ppf(_PROBABILITIES)
    else:
        values, number = kept.counted
        at[-1] = np.nextafter(at[-1], np.inf)
        counts = np.histogram(values, at, weights=number)[0].astype(int)
        weights = discrete.probabilities * kept.n
        expected = np.histogram(discrete.values, at, weights=weights)[0]
        quantiles = (
            _quantiles(values, np.cumsum(number) / number.sum()),
            _quantiles(discrete.values, np.cumsum(discrete.probabilities)),
        )
    of_samples, of_law = (standardized(law, one) for one in quantiles)
    return Picture(
        *("law", tuple(edges.tolist()), tuple(counts.tolist()), tuple(expected.tolist())),
        tuple(zip(of_law.tolist(), of_samples.tolist(), strict=True)),
    )


def _quantiles(values: Array, reached: Array) -> Array:
    found: Array = values[np.minimum(np.searchsorted(reached, _PROBABILITIES), values.size - 1)]
    return found
