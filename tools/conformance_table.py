"""Write the page of conformance results from the suite's JSON files.

    python -m varscale.conformance --subject all --json results.json
    python tools/conformance_table.py results.json [more.json ...] > docs/conformance-results.md

Every figure of the page is from the files; a person adds nothing.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from varscale.conformance.layers import LAYERS
from varscale.conformance.report.as_json import loads
from varscale.conformance.results import Outcome, Run

DISTRIBUTIONS = ("truncated_normal", "normal", "uniform")
MODES = ("fan_in", "fan_out", "fan_avg", "fan_geo_avg")
#: What a cell says.
SIGNS = {"jax": "JAX", "rounded": "rounded", "none": "**no**", "": "-"}

LEAD = """# Who deviates from JAX, and by how much

Written by `tools/conformance_table.py` from a run of the [conformance suite](conformance.md); what
the checks are: [conformance-statistics.md](conformance-statistics.md). A case follows JAX's law
where every check passes. The commands that repeat the runs are at the end.
"""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """A Markdown table."""
    heads = list(heads)
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def backend_of(run: Run) -> str:
    """The backend that the subject was tested on, if it has several."""
    return run.versions.get("keras backend", "") if "keras" in run.subject else ""


def called(run: Run) -> str:
    """The subject's name, and its backend."""
    backend = backend_of(run)
    return f"`{run.subject}`" + (f" on {backend}" if backend else "")


def laws(run: Run, **wanted: str) -> list[Outcome]:
    """The outcomes of the kind "law" with these facts, also those that were not run."""
    found = []
    for one in run.outcomes:
        if one.layer == "law" and all(one.facts.get(key) == value for key, value in wanted.items()):
            found.append(one)
    return found


def follows(outcomes: list[Outcome]) -> str:
    """The law that all of them follow; "none" where one follows none."""
    seen = {str(one.facts["law"]) for one in outcomes if "law" in one.facts}
    if not seen:
        return ""
    return "none" if "none" in seen else "rounded" if "rounded" in seen else "jax"


def dtypes(runs: list[Run]) -> Iterator[str]:
    """Which law the dense kernels of each dtype follow."""
    names = ["float32", "float64", "float16", "bfloat16", "float8_e5m2", "complex64", "complex128"]
    yield "## The law, by dtype\n"
    yield (
        "Dense kernels, all modes. JAX: the continuous law, or in short dtypes JAX's own lattice; "
        "rounded: the\ncontinuous law rounded once; **no**: neither, in at least one mode; "
        "-: not offered.\n"
    )
    rows = []
    for run in runs:
        for distribution in DISTRIBUTIONS:
            cells = [
                SIGNS[
                    follows(laws(run, layer="dense", distribution=distribution, dtype=dtype,
                                 initializer="variance_scaling"))
                ]
                for dtype in names
            ]  # fmt: skip
            if set(cells) != {"-"}:
                rows.append([called(run), distribution, *cells])
    yield from table(["subject", "distribution", *names], rows)


def modes(runs: list[Run]) -> Iterator[str]:
    """Which law the dense kernels of each mode follow."""
    yield "## The law, by mode\n\nDense kernels, float32.\n"
    rows = []
    for run in runs:
        for distribution in DISTRIBUTIONS:
            cells = [
                SIGNS[
                    follows(laws(run, layer="dense", distribution=distribution, dtype="float32",
                                 mode=mode))
                ]
                for mode in MODES
            ]  # fmt: skip
            rows.append([called(run), distribution, *cells])
    yield from table(["subject", "distribution", *MODES], rows)


def scales(runs: list[Run]) -> Iterator[str]:
    """The scale of each layer over JAX's."""
    yield "## The scale, by layer\n"
    yield (
        "Uniform samples, float32: the standard deviation over JAX's for fan_in / fan_out / "
        "fan_avg.\n1: no deviation was seen (one of half a per cent would have been).\n"
    )
    layers = [name for name in LAYERS if name != "dense"]
    rows = []
    for run in runs:
        cells = []
        for layer in layers:
            by_mode = {
                str(one.facts["mode"]): one
                for one in laws(run, layer=layer, distribution="uniform")
                if "scale" in one.facts
            }
            cells.append(" / ".join(_scale(by_mode.get(mode)) for mode in MODES[:3]))
        rows.append([called(run), *("-" if cell == "- / - / -" else cell for cell in cells)])
    yield from table(["subject", *layers], rows)


def _scale(one: Outcome | None) -> str:
    if one is None:
        return "-"
    low, high = float(one.facts["scale_low"]), float(one.facts["scale_high"])
    return "1" if low <= 1 <= high else f"**{float(one.facts['scale']):.3g}**"


def bits(runs: list[Run]) -> Iterator[str]:
    """How many values are equal, and how far the others are away."""
    yield "## The bits\n"
    yield (
        "The fraction of values that are equal to the reference's, and the largest distance in "
        "representable\nvalues (ulp), over all layers and modes that were compared.\n"
    )
    rows = []
    for run in runs:
        groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
        for one in run.outcomes:
            if one.layer == "bits" and "equal" in one.facts:
                key = str(one.facts["reference"]), str(one.facts.get("dtype", "all recorded"))
                groups[key].append(one)
        same = [key for key, of in groups.items() if all(one.facts["equal"] == 1 for one in of)]
        for reference in dict.fromkeys(key[0] for key in groups):
            equal = [dtype for name, dtype in same if name == reference]
            if equal:
                rows.append([called(run), reference, ", ".join(equal), "1", "0"])
        for (reference, dtype), of in groups.items():
            if (reference, dtype) not in same:
                least = min(float(one.facts["equal"]) for one in of)
                most = max((int(one.facts["ulp"]) for one in of if "ulp" in one.facts), default=-1)
                ulp = str(most) if most >= 0 else "see the report"
                rows.append([called(run), reference, dtype, f"{least:.4f}", ulp])
    yield from table(["subject", "reference", "dtypes", "equal, at least", "ulp, at most"], rows)


def deviations(runs: list[Run]) -> Iterator[str]:
    """Every deviation with its reason."""
    yield "## Every deviation\n"
    rows = []
    for run in runs:
        groups: dict[str, list[Outcome]] = defaultdict(list)
        for one in run.outcomes:
            if one.status in ("known", "failed", "unexpected"):
                groups[one.reason or f"{one.status}, not explained"].append(one)
        for reason, of in groups.items():
            seen = [float(one.facts["scale"]) for one in of if "scale" in one.facts]
            ratio = f"{min(seen):.4g} to {max(seen):.4g}" if seen else ""
            checks = dict.fromkeys(
                found.check for one in of for found in one.findings if not found.passed
            )
            rows.append([called(run), str(len(of)), ratio, ", ".join(checks), reason])
    heads = [
        "subject",
        "cases",
        "standard deviation over JAX's",
        "checks that see it",
        "what it is",
    ]
    yield from table(heads, rows)


def about(runs: list[Run]) -> Iterator[str]:
    """Versions, seeds and commands."""
    yield "## The runs\n"
    versions = ", ".join(f"{name} {version}" for name, version in runs[0].versions.items())
    yield f"{versions}; {runs[0].machine}.\n"
    rows = [
        [
            called(run), run.date[:10], str(run.seed), f"{run.seconds:.0f} s",
            *(str(number) for number in run.counts().values()),
        ]
        for run in runs
    ]  # fmt: skip
    heads = [
        "subject",
        "date",
        "seed",
        "time",
        "passed",
        "failed",
        "known",
        "unexpected",
        "not run",
    ]
    yield from table(heads, rows)
    yield "```console"
    for run in runs:
        backend = backend_of(run)
        yield "$ " + (f"KERAS_BACKEND={backend} " if backend else "") + run.command()
    yield "```"


def main() -> None:
    """Read the files and print the page."""
    runs = [run for name in sys.argv[1:] for run in loads(Path(name).read_text("utf-8")).runs]
    if not runs:
        sys.exit(__doc__)
    print(LEAD)
    for part in (deviations, scales, modes, dtypes, bits, about):
        print("\n".join(part(runs)))


if __name__ == "__main__":
    main()
