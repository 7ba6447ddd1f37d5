"""Pictures as inline SVG, coloured by the page: histogram, quantiles, measured scale, ulp.

Each has a text alternative. Numbers that are not finite are left out or set at the border.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise

from varscale.conformance.report.markup import safe
from varscale.conformance.report.summary import number
from varscale.conformance.results import Picture

__all__ = [
    "deviation_place",
    "histogram",
    "is_drawable",
    "quantiles",
    "scale",
    "scale_words",
    "strip",
    "ulp",
]

_WIDTH, _LEFT, _RIGHT = 340, 10, 330
#: Bins further away than so many standard errors look alike; the band is where most bins are.
_FAR, _BAND = 8.0, 3.0
#: Of the axis of deviations: linear below, logarithmic above; and where it ends.
_LINEAR, _END = 1e-3, 2.0
#: More samples than anybody has.
_MOST = 1e19
#: A bin that is so small a part of the histogram has no width.
_NARROW = 1e-9
#: A scale that is further away is drawn here.
_END_OF_SCALES = 1e6
#: So many measured scales are well apart; more lie closer together.
_SPACED = 12
#: So many bars have labels of their own.
_LABELLED = 9


def is_drawable(picture: Picture) -> bool:
    """Whether the bins are as `Picture` says: edges that do not fall, one more than the counts.

    Those of "law" are finite; those of "ulp" may begin and end at infinity.
    """
    edges, inner = picture.edges, picture.edges
    if picture.kind == "ulp":
        inner = edges[1:-1]
    return (
        bool(picture.counts)
        and len(edges) == len(picture.counts) + 1
        and all(left <= right for left, right in pairwise(edges))
        and all(math.isfinite(one) for one in inner)
        and all(0 <= one < _MOST for one in (*picture.counts, *picture.expected))
        and (picture.kind == "ulp" or math.isfinite(edges[-1] - edges[0]))
    )


def histogram(picture: Picture) -> str:
    """Samples in bins, the law as a line, and below them each bin's deviation from the law."""
    edges, counts, expected = picture.edges, picture.counts, picture.expected
    span = (edges[-1] - edges[0]) or 1.0
    widths = [(right - left) / span for left, right in pairwise(edges)]
    of_samples = _densities(counts, widths)
    of_law = _densities(expected, widths)
    across = _across(edges[0], edges[-1])
    tallest = max([*of_samples, *of_law], default=0.0) or 1.0
    base, height = 118.0, 108.0
    drawn = f'<path class="bars" d="{_steps(edges, of_samples, across, base, height / tallest)}Z"/>'
    if expected:
        line = _steps(edges, of_law, across, base, height / tallest)
        drawn += f'<path class="law" d="{line}"/>{_residuals(edges, counts, expected, across)}'
    ticks = _ticks(_whole_between(edges[0], edges[-1]), across, 184)
    said = f"Histogram of {sum(counts)} samples in {len(counts)} bins"
    if expected:
        away = max((abs(one) for one in _errors(counts, expected)), default=0.0)
        said += f" against the law; the bin furthest from it is {away:.1f} standard errors away"
    return _svg(_WIDTH, 190, said, drawn + ticks)


def quantiles(picture: Picture) -> str:
    """Quantiles of the samples over those of the law; on the line where they agree."""
    pairs = [(law, found) for law, found in picture.quantiles if math.isfinite(law)]
    end = max((abs(law) for law, _ in pairs), default=1.0) * 1.12 or 1.0
    end = min(end, sys.float_info.max)
    low, high, size = 12.0, 178.0, 190

    def place(value: float) -> float:
        value = 0.0 if math.isnan(value) else max(-end, min(end, value))
        return low + (value / end + 1) / 2 * (high - low)

    dots = "".join(f"M{place(x):.1f} {size - place(y):.1f}h0" for x, y in pairs)
    drawn = (
        f'<path class="axis" d="M{low} {size - low}V{size - high}M{low} {size - low}H{high}"/>'
        f'<path class="law" d="M{low} {size - low}L{high} {size - high}"/>'
        f'<path class="dots" d="{dots}"/>'
    )
    away = max((abs(x - y) for x, y in pairs if math.isfinite(y)), default=0.0)
    said = (
        f"{len(pairs)} quantiles of the samples over those of the law, from {number(-end)} to "
        f"{number(end)} standard deviations; the largest difference is {away:.3g}"
    )
    return _svg(size, size, said, drawn)


def scale(value: float, low: float, high: float) -> str:
    """The measured scale over JAX's with its interval, and where 1 is."""
    said = scale_words(value, low, high)
    value, low, high = (
        max(-_END_OF_SCALES, min(_END_OF_SCALES, one)) if math.isfinite(one) else one
        for one in (value, low, high)
    )
    finite = [one for one in (value, low, high, 1.0) if math.isfinite(one)]
    room = (max(finite) - min(finite)) * 0.15 or 0.1
    across = _across(min(finite) - room, max(finite) + room)
    y = 28
    drawn = f'<path class="law" d="M{across(1):.1f} 8V48"/>'
    if math.isfinite(low) and math.isfinite(high):
        drawn += f'<path class="whisker" d="M{across(low):.1f} {y}H{across(high):.1f}"/>'
    if math.isfinite(value):
        drawn += f'<path class="dot" d="M{across(value):.1f} {y}h0"/>'
    drawn += f'<text x="{across(1):.1f}" y="62" text-anchor="{_anchor(across(1))}">1</text>'
    if math.isfinite(value) and abs(across(value) - across(1)) > 60:
        anchor = _anchor(across(value))
        drawn += f'<text x="{across(value):.1f}" y="62" text-anchor="{anchor}">{value:.4g}</text>'
    return _svg(_WIDTH, 68, said, drawn)


def scale_words(value: float, low: float, high: float) -> str:
    """The measured scale in words."""
    return f"measured scale over JAX's: {value:.5g}, between {low:.5g} and {high:.5g}"


def deviation_place(deviation: float) -> float:
    """The place of a relative deviation on the page's axis, in percent of its width.

    Linear below 0.1 %, logarithmic above, up to a factor of 3.

    Example:
        >>> deviation_place(0.0)
        50.0
    """
    if math.isnan(deviation):
        return 50.0
    size = math.log1p(min(abs(deviation), _END) / _LINEAR) / math.log1p(_END / _LINEAR)
    return 50 + math.copysign(50 * size, deviation)


def strip(scales: Sequence[tuple[float, float, float, bool]], said: str) -> str:
    """Measured scales with their intervals, one line each, on the page's axis of deviations.

    Args:
        scales: value, low and high end of the interval, whether the case failed.
        said: the text alternative.
    """
    step = 5 if len(scales) <= _SPACED else 3
    height = step * (len(scales) + 1)
    drawn = ""
    for kind in (False, True):  # those that failed lie on top
        lines = dots = ""
        for row, (value, low, high, failed) in enumerate(scales):
            if failed == kind:
                y = step * (row + 1)
                left, at, right = (10 * deviation_place(one - 1) for one in (low, value, high))
                lines += f"M{left:.0f} {y}H{right:.0f}"
                dots += f"M{at:.0f} {y}h0"
        name = " failed" if kind else ""
        if lines:
            drawn += f'<path class="thin{name}" d="{lines}"/><path class="point{name}" d="{dots}"/>'
    return (
        f'<svg role="img" viewBox="0 0 1000 {height}" style="height:{height}px" '
        'preserveAspectRatio="none">'
        f"<title>{safe(said)}</title>{drawn}</svg>"
    )


def ulp(picture: Picture) -> str:
    """How many values lie how many ulp from the reference, on a logarithmic scale."""
    names = [_ulps(low, high) for low, high in pairwise(picture.edges)]
    counts = picture.counts
    total = sum(counts) or 1
    tallest = math.log1p(max(counts, default=0)) or 1.0
    wide = (_RIGHT - _LEFT) / max(len(counts), 1)
    each = -(-len(counts) // _LABELLED)
    drawn, base = "", 128
    for place, (name, count) in enumerate(zip(names, counts, strict=False)):
        x = _LEFT + place * wide
        top = base - 100 * math.log1p(count) / tallest
        middle = x + wide / 2
        drawn += f'<path class="bars" d="M{x + 2:.1f} {base}V{top:.1f}h{wide - 4:.1f}V{base}Z"/>'
        if place % each == 0:
            drawn += f'<text x="{middle:.1f}" y="146" text-anchor="middle">{name}</text>'
            if count and each == 1:
                share = f"{count / total:.2g}" if count < total / 100 else f"{count / total:.1%}"
                drawn += (
                    f'<text x="{middle:.1f}" y="{top - 4:.1f}" text-anchor="middle">{share}</text>'
                )
    drawn += f'<path class="axis" d="M{_LEFT} {base}H{_RIGHT}"/>'
    said = "Distances from the reference in ulp: " + ", ".join(
        f"{count} at {name}" for name, count in zip(names, counts, strict=False)
    )
    return _svg(_WIDTH, 152, said, drawn)


def _ulps(low: float, high: float) -> str:
    """The whole numbers in [low, high): "0", "3 to 4"; "9 up" where there is no end."""
    if not math.isfinite(low):
        return f"below {number(high)}"
    first = math.ceil(low)
    if not math.isfinite(high):
        return f"{first} up"
    last = math.ceil(high) - 1
    if last <= first:
        return number(first)
    return f"{number(first)}-{number(last)}"


def _svg(width: int, height: int, said: str, drawn: str) -> str:
    return (
        f'<svg role="img" viewBox="0 0 {width} {height}" style="max-width:{width * 1.2:.0f}px">'
        f"<title>{safe(said)}</title>{drawn}</svg>"
    )


class _Across:
    """From a value to its place from left to right."""

    def __init__(self, low: float, high: float):
        self.low, self.span = low, (high - low) or 1.0

    def __call__(self, value: float) -> float:
        return _LEFT + (value - self.low) / self.span * (_RIGHT - _LEFT)


def _across(low: float, high: float) -> _Across:
    return _Across(low, high)


def _densities(counts: Sequence[float], widths: Sequence[float]) -> list[float]:
    pairs = zip(counts, widths, strict=False)
    return [count / width if width > _NARROW else 0.0 for count, width in pairs]


def _steps(
    edges: Sequence[float], heights: Sequence[float], across: _Across, base: float, unit: float
) -> str:
    drawn = f"M{across(edges[0]):.1f} {base:g}"
    for height, right in zip(heights, edges[1:], strict=False):
        drawn += f"V{base - height * unit:.1f}H{across(right):.1f}"
    return f"{drawn}V{base:g}"


def _errors(counts: Sequence[int], expected: Sequence[float]) -> list[float]:
    """Of each bin, in standard errors of a binomial count; a count where none may be is far."""
    total = sum(counts) or 1
    found = []
    for count, mean in zip(counts, expected, strict=False):
        spread = math.sqrt(max(mean * (1 - mean / total), 0.0))
        far = math.copysign(_FAR, count - mean) if abs(count - mean) > 0.5 else 0.0
        found.append((count - mean) / spread if spread > 0 else far)
    return found


def _residuals(
    edges: Sequence[float], counts: Sequence[int], expected: Sequence[float], across: _Across
) -> str:
    middle, unit = 146.0, 18 / _FAR
    capped = [max(-_FAR, min(_FAR, one)) for one in _errors(counts, expected)]
    band = _BAND * unit
    return (
        f'<rect class="band" x="{_LEFT}" y="{middle - band:.1f}" width="{_RIGHT - _LEFT}" '
        f'height="{2 * band:.1f}"/>'
        f'<path class="errors" d="{_steps(edges, capped, across, middle, unit)}Z"/>'
    )


def _whole_between(low: float, high: float) -> list[int]:
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    return list(range(first, last + 1, max(1, (last - first) // 8)))


def _ticks(values: Iterable[int], across: _Across, y: int) -> str:
    texts = "".join(
        f'<text x="{across(one):.1f}" y="{y}" text-anchor="{_anchor(across(one))}">{one}</text>'
        for one in values
    )
    marks = "".join(f"M{across(one):.1f} 166v4" for one in values)
    return f'<path class="axis" d="M{_LEFT} 166H{_RIGHT}{marks}"/>{texts}'


def _anchor(x: float) -> str:
    """Text at the border stays inside."""
    return "start" if x < _LEFT + 12 else "end" if x > _RIGHT - 12 else "middle"
