"""How near the kernel comes to the processor's limit: python -m benchmarks.limit (x86-64, gcc).

For each instruction set of the machine, measures the clock, how long one vector operation of the
cipher's kind takes where nothing else limits it, and each of the kernel's loops; and counts what a
loop executes, the C library's log included, by running some blocks step by step. Vector operations
x time of one = the limit of the loop, where they are what limits it. A division counts as one.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

from varscale.kernels import native

HERE = Path(__file__).parent
SOURCES = HERE.parent / "varscale" / "kernels" / "src"
FLAGS = tomllib.loads((SOURCES / "flags.toml").read_text("utf-8"))
#: Blocks whose steps are counted; one more is run, and what a run of one costs is taken away.
BLOCKS = 8
#: Samples of a row of the table: what one 512-bit vector has of 32 bits.
SAMPLES = 16
_COLUMNS = (
    *("instruction set", "loop", "M samples/s", "cycles", "vector operations", "limit"),
    *("instructions", "per cycle"),
)


class Executed(NamedTuple):
    """How many instructions, for SAMPLES samples."""

    vector: float  # of vectors, loads, stores and moves apart
    instructions: float


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        steps = Path(folder) / "steps"
        _run("gcc", "-O2", str(HERE / "steps.c"), "-o", str(steps))
        lines = []
        for isa in native.isas():
            program = build(isa, Path(folder))
            head, rows = measure(isa, program, steps)
            print(head)
            lines += rows
    print(f"\nPer {SAMPLES} samples:\n")
    print("\n".join(_row(*cells) for cells in [_COLUMNS, ("---",) * len(_COLUMNS), *lines]))


def build(isa: str, folder: Path) -> Path:
    """The program of one instruction set, at fixed addresses."""
    program, flags = folder / isa, FLAGS["x86_64"][f"isa_{isa}.c"]
    defined = [f"-DVS_{isa.upper()}", f"-DVS_ISA=vs_{isa}", f"-I{SOURCES}"]
    objects = []
    for source in (HERE / "limit.c", SOURCES / f"isa_{isa}.c"):
        objects.append(str(folder / f"{isa}_{source.stem}.o"))
        chosen = defined if source.parent == HERE else []
        _run("gcc", *FLAGS["common"], *flags, *chosen, "-c", str(source), "-o", objects[-1])
    _run("gcc", "-static", *objects, "-lm", "-o", str(program))
    return program


def measure(isa: str, program: Path, steps: Path) -> tuple[str, list[tuple[str, ...]]]:
    """A line on the processor, and the rows of the table."""
    pairs = [line.split() for line in _run(str(program)).splitlines()]
    clock, operation, block = (float(value) for _, value in pairs[:3])
    code = dict(instructions(program))
    rows = []
    for index, (loop, value) in enumerate(pairs[3:]):
        taken = float(value) * SAMPLES  # nanoseconds
        long, short = (executed(program, steps, code, index, n) for n in (BLOCKS + 1, 1))
        per = SAMPLES / (block * BLOCKS)
        vector, all_of_them = ((a - b) * per for a, b in zip(long, short, strict=True))
        rows.append(
            (
                *(isa, loop, f"{1e3 / float(value):.0f}", f"{taken * clock:.1f}"),
                *(f"{vector:.1f}", f"{vector * operation / taken:.0%}"),
                *(f"{all_of_them:.1f}", f"{all_of_them / (taken * clock):.2f}"),
            )
        )
    rate = 1 / (operation * clock)
    return f"{isa}: {clock:.2f} GHz, {rate:.2f} vector operations per cycle", rows


def instructions(program: Path) -> list[tuple[int, bool]]:
    """The address of each instruction, and whether it is a vector operation."""
    text = _run("objdump", "-d", "--no-show-raw-insn", str(program))
    found = re.findall(r"^\s*([0-9a-f]+):\t(\S+)(.*)$", text, re.MULTILINE)
    moves = re.compile(r"(?:v|k)?mov|v?ldmxcsr|v?stmxcsr|vzero|ret|call|j")
    return [
        (int(address, 16), bool(re.search(r"%[xyz]mm|%k\d", rest)) and not moves.match(name))
        for address, name, rest in found
    ]


def executed(program: Path, steps: Path, code: dict[int, bool], loop: int, blocks: int) -> Executed:
    """What a run of so many blocks executes."""
    counts = [
        (int(address, 16), int(count))
        for address, count in re.findall(
            r"(\w+) (\d+)", _run(str(steps), str(program), str(loop), str(blocks))
        )
    ]
    vector = sum(count for address, count in counts if code[address])
    return Executed(vector, sum(count for _, count in counts))


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
