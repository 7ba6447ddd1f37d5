"""How near the kernel comes to the processor's limit: python -m benchmarks.limit (AVX-512, gcc).

Measures the clock, how long one vector operation of the cipher's kind takes where nothing else
limits it, and each of the kernel's loops; counts the vector operations in a loop's machine code.
operations x time of one = the limit of the loop.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "varscale" / "kernels" / "src"
FLAGS = tomllib.loads((SOURCES / "flags.toml").read_text("utf-8"))
#: AVX-512 vectors in lockstep: VS_UNROLL of isa_avx512.c.
VECTORS = 8
LOOPS = ("uniform_f32", "symmetric_f32", "normal_f32", "factored_f32", "clipped_f32")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        lines = _run(str(_build(Path(folder)))).splitlines()
        compiled = Path(folder) / "isa_avx512.o"
        counts = {loop: operations(compiled, loop) for loop in LOOPS}
    clock, operation = (float(line.split()[1]) for line in lines[:2])
    rate = 1 / (operation * clock)
    print(f"clock {clock:.2f} GHz; per cycle {rate:.2f} vector operations of the cipher's mix\n")
    columns = (
        "instruction set",
        "loop",
        "M samples/s",
        "cycles per 16",
        "operations per 16",
        "limit",
    )
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")
    for line in lines[2:]:
        isa, loop, taken = line.split()
        cycles = float(taken) * clock * 16
        row = [isa, loop, f"{1e3 / float(taken):.0f}", f"{cycles:.1f}", "", ""]
        if isa == "avx512" and loop in counts:
            count = counts[loop]
            row[4:] = f"{count:.1f}", f"{count * operation / (float(taken) * 16):.0%}"
        print("| " + " | ".join(row) + " |")


def operations(compiled: Path, loop: str) -> float:
    """Vector operations, loads and stores apart, per vector of the function's longest loop."""
    text = _run("objdump", "-d", "--no-show-raw-insn", f"--disassemble=vs_{loop}", str(compiled))
    found = re.findall(r"^\s*([0-9a-f]+):\s+(\w+)\s*(.*)$", text, re.MULTILINE)
    code = [(int(address, 16), name, rest) for address, name, rest in found]
    spans = []
    for address, name, rest in code:
        target = re.match(r"([0-9a-f]+)\b", rest)
        if name.startswith("j") and target and int(target[1], 16) < address:
            spans.append((address - int(target[1], 16), int(target[1], 16), address))
    _, first, last = max(spans)
    names = [name for address, name, _ in code if first <= address <= last]
    return sum(name.startswith("v") and not name.startswith("vmov") for name in names) / VECTORS


def _build(folder: Path) -> Path:
    common, isas = ["gcc", *FLAGS["common"], f"-I{SOURCES}"], FLAGS["x86_64"]
    objects = []
    for name, flags in isas.items():
        objects.append(str(folder / name.replace(".c", ".o")))
        _run(*common, *flags, "-c", str(SOURCES / name), "-o", objects[-1])
    program, flags = folder / "limit", isas["isa_avx512.c"]
    sources = [str(ROOT / "benchmarks" / "limit.c"), str(SOURCES / "isas.c")]
    _run(*common, *flags, *sources, *objects, "-lm", "-o", str(program))
    return program


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
