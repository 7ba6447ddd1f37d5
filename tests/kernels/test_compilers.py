"""The same bits from other compilers and for other machines: gcc, clang, and aarch64 under QEMU."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.compare import assert_identical
from varscale.initializers import Initializer, Normal, TruncatedNormal, Uniform, VarianceScaling
from varscale.kernels import native
from varscale.kernels.program import compile_law

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "varscale" / "kernels" / "src"

#: What compiles, what runs the result, and the flags of each instruction set, as in setup.py.
X86 = {
    "isa_avx512.c": ["-march=x86-64-v4"],
    "isa_avx2.c": ["-march=x86-64-v3"],
    "isa_sse2.c": ["-march=x86-64"],
}
TOOLS: dict[str, tuple[str, list[str], dict[str, list[str]]]] = {
    "gcc": ("gcc", [], X86),
    "clang": ("clang", [], X86),
    "qemu-aarch64": (
        "aarch64-linux-gnu-gcc",
        ["qemu-aarch64-static"],
        {"isa_neon.c": []},
    ),
}
INITIALIZERS: list[tuple[Initializer, str]] = [
    (Uniform(0.3), "float32"),
    (VarianceScaling(1.0, "fan_in", "uniform"), "float32"),
    (Normal(0.3), "float32"),
    (Normal(0.3, compiled=False), "float32"),
    (TruncatedNormal(0.3, upper=6.0), "float32"),
    (Uniform(0.3), "float64"),
    (Normal(0.3), "float64"),
    (Normal(0.3), "float16"),
    (TruncatedNormal(0.3), "bfloat16"),
    (Uniform(0.3), "float8_e5m2"),
]


@pytest.fixture(scope="module", params=TOOLS)
def driver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a driver that one compiler made."""
    compiler, runner, isas = TOOLS[request.param]
    if any(shutil.which(tool) is None for tool in (compiler, *runner)):
        pytest.skip(f"not available: {request.param}")
    if not native.isas():
        pytest.skip("not available: kernels")
    folder = tmp_path_factory.mktemp(request.param)
    common = [compiler, "-std=gnu11", "-O3", "-ffp-contract=off", f"-I{SOURCES}"]
    plain = [str(SOURCES / name) for name in ("fill.c", "isas.c", "threads.c")]
    objects = []
    for name, flags in isas.items():
        objects.append(str(folder / f"{name}.o"))
        run([*common, *flags, "-c", str(SOURCES / name), "-o", objects[-1]])
    program = str(folder / "driver")
    source = str(Path(__file__).with_name("driver.c"))
    run([*common, "-static", source, *plain, *objects, "-lm", "-lpthread", "-o", program])
    return [*runner, program]


def run(command: list[str], **options: Any) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
    return done.stdout


@pytest.mark.parametrize(("init", "dtype"), INITIALIZERS, ids=str)
def test_other_compilers_and_machines_give_the_same_bits(
    init: Initializer, dtype: str, driver: list[str], reference: Callable[..., Any]
) -> None:
    size, offset, words = 70_001, 2**32 - 40_000, (0x13198A2E, 0x03707344)
    draw = init.draw(varscale.Key(words), (2**20, 2**13), dtype)
    where = varscale.CounterMap(offset, (1,), (size,))
    want = reference(draw, np.empty(size, draw.dtype), where)
    program = compile_law(draw.law)
    isas = run(driver).decode().split()
    assert isas
    for isa in isas:
        numbers = map(str, (*words, offset, size, draw.dtype.itemsize))
        samples = run([*driver, isa, *numbers], input=program)
        assert_identical(np.frombuffer(samples, draw.dtype), want, f"{init}, {dtype}, {isa}")
