"""Runs of any kind, for Hypothesis: what shows a run must show whatever stands in it."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from varscale.conformance.results import Finding, Outcome, Picture, Run, Status

__all__ = ["NUMBERS", "RUNS", "TEXTS"]

TEXTS = st.text(max_size=12)
NUMBERS = st.floats()
FACTS = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=2).map(tuple),
    max_leaves=4,
)
FINDINGS = st.builds(
    Finding, TEXTS, st.booleans(), st.integers(0), NUMBERS, NUMBERS, NUMBERS,
    st.none() | NUMBERS, TEXTS, TEXTS,
)  # fmt: skip
PICTURES = st.builds(
    Picture,
    st.sampled_from(["law", "ulp"]),
    st.lists(NUMBERS, max_size=4).map(tuple),
    st.lists(st.integers(0, 2**60), max_size=4).map(tuple),
    st.lists(NUMBERS, max_size=4).map(tuple),
    st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3).map(tuple),
)
NAMES = st.sampled_from(["dtype", "distribution", "device", "scale", "scale_low", "scale_high"])
OUTCOMES = st.builds(
    Outcome,
    TEXTS,
    TEXTS,
    st.sampled_from(get_args(Status)),
    st.lists(FINDINGS, max_size=2).map(tuple),
    TEXTS,
    NUMBERS,
    st.dictionaries(NAMES | TEXTS, FACTS, max_size=4),
    st.none() | PICTURES,
)
SOME_TEXTS = st.lists(TEXTS, max_size=2).map(tuple)
RUNS = st.builds(
    Run, TEXTS, SOME_TEXTS, st.integers(0, 2**64), TEXTS, NUMBERS,
    st.lists(OUTCOMES, max_size=3).map(tuple), SOME_TEXTS, st.dictionaries(TEXTS, TEXTS),
    TEXTS, TEXTS, NUMBERS, SOME_TEXTS, SOME_TEXTS,
)  # fmt: skip
