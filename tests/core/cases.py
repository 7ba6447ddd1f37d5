"""Random cases: the Hypothesis profile of these tests, and strategies for keys, shapes and scales.

Every run looks at new cases; a failure prints the case, and the blob that repeats it anywhere.
"""

from __future__ import annotations

import functools

import pytest

pytest.importorskip("hypothesis", reason="not installed: pip install hypothesis")

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

__all__ = ["SEEDS", "WORDS", "random_cases", "shapes"]

#: `@random_cases(max_examples=...)`; compiling JAX for a new shape takes longer than any deadline.
random_cases = functools.partial(
    settings,
    derandomize=False,
    print_blob=True,
    deadline=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much),
)

#: Seeds, with those at the edges of 32 and 64 bits drawn often.
SEEDS = st.one_of(
    st.sampled_from((0, 1, -1, 42, 2**31, 2**32 - 1, 2**32, 2**40 + 5, 2**63 - 1, -(2**63))),
    st.integers(-(2**63), 2**63 - 1),
)

#: A key's words.
WORDS = st.tuples(
    *2 * [st.one_of(st.sampled_from((0, 1, 2**31, 2**32 - 1)), st.integers(0, 2**32 - 1))]
)


def shapes(
    *, min_dims: int = 0, max_dims: int = 5, min_side: int = 0, max_size: int = 600
) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of few elements."""

    def bounded(shape: tuple[int, ...]) -> bool:
        return functools.reduce(int.__mul__, shape, 1) <= max_size

    side = st.integers(min_side, 8)
    return st.lists(side, min_size=min_dims, max_size=max_dims).map(tuple).filter(bounded)
