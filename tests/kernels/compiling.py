"""The driver of the kernel's C, from other compilers and for other machines."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from varscale.kernels import native

__all__ = ["SOURCES", "TOOLS", "compiled_driver", "run"]

SOURCES = Path(__file__).parents[2] / "varscale" / "kernels" / "src"

FLAGS = tomllib.loads((SOURCES / "flags.toml").read_text("utf-8"))
#: What compiles, what runs the result, and the machine of flags.toml.
TOOLS = {
    "gcc": (["gcc"], [], "x86_64"),
    "clang": (["clang"], [], "x86_64"),
    "qemu-aarch64": (["aarch64-linux-gnu-gcc"], ["qemu-aarch64-static"], "aarch64"),
    # Windows' code, by the compiler of tools/cross_wheels.py; `pip install ziglang` brings it.
    "wine": (["python-zig", "cc", "-target", "x86_64-windows-gnu"], ["wine"], "x86_64"),
}


def compiled_driver(name: str, folder: Path) -> list[str]:
    """The command of a driver that one of TOOLS made; skips where it is not installed."""
    compiler, runner, machine = TOOLS[name]
    if any(shutil.which(tool) is None for tool in (compiler[0], *runner)):
        pytest.skip(f"not available: {name}")
    if not native.isas():
        pytest.skip("not available: kernels")
    common = [*compiler, *FLAGS["common"], f"-I{SOURCES}"]
    plain = [str(SOURCES / name) for name in ("fill.c", "isas.c", "threads.c")]
    objects = []
    for source, flags in FLAGS[machine].items():
        objects.append(str(folder / f"{source}.o"))
        run([*common, *flags, "-c", str(SOURCES / source), "-o", objects[-1]])
    program = str(folder / "driver.exe")
    driver = str(Path(__file__).with_name("driver.c"))
    run([*common, "-static", driver, *plain, *objects, "-lm", "-lpthread", "-o", program])
    return [*runner, program]


def run(command: list[str], **options: Any) -> bytes:
    """The output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
    return done.stdout
