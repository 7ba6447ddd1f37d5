"""The driver of the kernel's C, from other compilers and for other machines."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from varscale.kernels import native

__all__ = ["SOURCES", "TOOLS", "compiled_driver", "run"]

SOURCES = Path(__file__).parents[2] / "varscale" / "kernels" / "src"

#: What compiles, what runs the result, and the flags of each instruction set, as in setup.py.
AVX2 = ["-mavx2", "-mfma", "-mpopcnt"]
X86 = {
    "isa_avx512.c": [*AVX2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"],
    "isa_avx2.c": AVX2,
    "isa_sse2.c": [],
}
TOOLS: dict[str, tuple[str, list[str], dict[str, list[str]]]] = {
    "gcc": ("gcc", [], X86),
    "clang": ("clang", [], X86),
    "qemu-aarch64": ("aarch64-linux-gnu-gcc", ["qemu-aarch64-static"], {"isa_neon.c": []}),
}


def compiled_driver(name: str, folder: Path) -> list[str]:
    """The command of a driver that one of TOOLS made; skips where it is not installed."""
    compiler, runner, isas = TOOLS[name]
    if any(shutil.which(tool) is None for tool in (compiler, *runner)):
        pytest.skip(f"not available: {name}")
    if not native.isas():
        pytest.skip("not available: kernels")
    common = [compiler, "-std=gnu11", "-O3", "-ffp-contract=off", f"-I{SOURCES}"]
    plain = [str(SOURCES / name) for name in ("fill.c", "isas.c", "threads.c")]
    objects = []
    for source, flags in isas.items():
        objects.append(str(folder / f"{source}.o"))
        run([*common, *flags, "-c", str(SOURCES / source), "-o", objects[-1]])
    program = str(folder / "driver")
    driver = str(Path(__file__).with_name("driver.c"))
    run([*common, "-static", driver, *plain, *objects, "-lm", "-lpthread", "-o", program])
    return [*runner, program]


def run(command: list[str], **options: Any) -> bytes:
    """The output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
    return done.stdout
