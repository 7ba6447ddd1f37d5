"""Results as a run gives them, made up: for the tests of what shows them. No checks live here."""

from __future__ import annotations

import math
from itertools import pairwise

from varscale.conformance.results import Finding, Outcome, Picture, Run

DTYPES = ("float32", "float64", "float16", "bfloat16", "complex64")
DISTRIBUTIONS = ("uniform", "normal", "truncated_normal")
HOSTILE = '<script>alert("x")</script> & \x1b[31m\x00 \ud800'


def normal_cdf(z: float) -> float:
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def law_picture(ratio: float = 1.0, n: int = 262144) -> Picture:
    """Normal samples whose scale is wrong by a ratio, as if there were infinitely many."""
    edges = [-4 + 8 * step / 40 for step in range(41)]
    expected = [n * (normal_cdf(high) - normal_cdf(low)) for low, high in pairwise(edges)]
    counts = [
        round(n * (normal_cdf(high / ratio) - normal_cdf(low / ratio)))
        for low, high in pairwise(edges)
    ]
    points = [-3.3 + 6.6 * step / 106 for step in range(107)]
    pairs = tuple((point, ratio * point) for point in points)
    return Picture("law", tuple(edges), tuple(counts), tuple(expected), pairs)


ULP_PICTURE = Picture("ulp", (0, 1, 2, 3, 5, 9, math.inf), (250000, 9000, 2500, 600, 40, 4))


def findings(passed: bool, ratio: float = 1.0) -> tuple[Finding, ...]:
    unit = "relative error of the standard deviation"
    return (
        Finding("whole law", True, 262144, 0.0021, 0.0064, 1e-9, 0.0098, "probability", "at -1.2"),
        Finding("scale", passed, 262144, ratio - 1, 0.0061, 1e-9, 0.0095, unit),
        Finding("support", True, 262144, 4.3, math.inf, unit="units of the law"),
        Finding("keys", True, 0, math.nan, 0.0, note="nothing to compare"),
    )


def law_outcome(
    case: str, status: str = "passed", ratio: float = 1.0, reason: str = "", **facts: object
) -> Outcome:
    known: dict[str, object] = {"device": "cpu", "law": "jax" if ratio == 1 else "none"}
    known |= {"scale": ratio, "scale_low": ratio - 0.006, "scale_high": ratio + 0.006}
    return Outcome(
        case, "law", status, findings(ratio == 1, ratio), reason, 0.2,  # type: ignore[arg-type]
        known | facts, law_picture(ratio),
    )  # fmt: skip


def right_run(subject: str = "varscale.numpy", cases: int = 120) -> Run:
    outcomes = []
    for place in range(cases):
        dtype = DTYPES[place % len(DTYPES)]
        distribution = DISTRIBUTIONS[place // len(DTYPES) % len(DISTRIBUTIONS)]
        case = f"law/layer{place}/fan_in/{distribution}/{dtype}/cpu"
        outcomes.append(law_outcome(case, dtype=dtype, distribution=distribution))
    facts = {"dtype": "float32", "distribution": "normal", "device": "cpu", "ulp": 12}
    exact = (Finding("bits", True, 262144, 0, 0, unit="draws"),)
    outcomes.append(Outcome("bits/jax/a", "bits", "passed", exact, "", 0.1, facts, ULP_PICTURE))
    outcomes.append(
        Outcome("manners/devices/cpu", "manners", "not run", reason="not available: cuda")
    )
    return a_run(subject, outcomes)


def wrong_run(subject: str = "torch.nn.init", failing: int = 3) -> Run:
    """A run with every status, a fault, a hostile message and degenerate pictures."""
    outcomes = [
        law_outcome(
            f"law/wrong{place}/fan_in/normal/float32/cpu", "failed", 1.137,
            dtype="float32", distribution="normal",
        )
        for place in range(failing)
    ]  # fmt: skip
    outcomes.append(
        law_outcome(
            "law/known/fan_in/uniform/float32/cpu", "known", 0.7,
            "fans of the transposed kernel https://example.org/issues/1",
            dtype="float32", distribution="uniform",
        )
    )  # fmt: skip
    outcomes.append(
        law_outcome(
            "law/better/fan_in/normal/float64/cpu", "unexpected", 1.0,
            "passes, but is known to fail: bounds in absolute units",
            dtype="float64", distribution="normal",
        )
    )  # fmt: skip
    raised = Finding("call", False, 0, 1.0, 0.0, unit="errors", note=f"ValueError: {HOSTILE}")
    outcomes.append(Outcome("law/raises", "law", "failed", (raised,), facts={"device": "cpu"}))
    flat = Picture("law", (0.0, 1.0), (7,))
    strange = Picture(
        "law", (-1.0, 0.0, 0.0, 1.0), (0, 5, 9), (7.0, 0.0, 7.0),
        ((-1.0, -math.inf), (0.0, math.nan), (1.0, 5.0)),
    )  # fmt: skip
    facts = {"scale": math.nan, "scale_low": -math.inf, "scale_high": math.inf, "dtype": "float16"}
    outcomes += [
        Outcome("law/flat", "law", "failed", findings(False), picture=flat),
        Outcome("law/strange", "law", "failed", findings(False), facts=facts, picture=strange),
        Outcome("bits/jax/b", "bits", "failed", findings(False), picture=ULP_PICTURE),
        Outcome("law/none", "law", "not run", reason="not offered: no samples of float8"),
        Outcome("law/none/2", "law", "not run", reason="not offered: no samples of float8"),
    ]
    fault = "known deviation 'law/x' matches no case that was run"
    return a_run(subject, [*outcomes, *right_run(cases=30).outcomes], (fault,))


def a_run(subject: str, outcomes: list[Outcome], faults: tuple[str, ...] = ()) -> Run:
    return Run(
        subject, ("bits", "law"), 123456789, "fast", 1e-6, tuple(outcomes), faults,
        {"python": "3.11.7", "numpy": "2.4.6"}, "x86_64, Linux 6.1", "2026-01-31T10:20:30+00:00",
        83.5,
    )  # fmt: skip


KILLS = {
    "the correction of .8796 is missing": ("scale", "whole law"),
    "clipped instead of truncated": ("ends", "whole law"),
    "rows are repeated": ("lags",),
    "nothing is wrong": (),
}
