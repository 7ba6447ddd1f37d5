"""The same bits from other compilers and for other systems: gcc, clang, aarch64, Windows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.compare import assert_identical
from tests.kernels.compiling import SOURCES, TOOLS, compiled_driver, run
from varscale.initializers import Initializer, Normal, TruncatedNormal, Uniform, VarianceScaling
from varscale.kernels import native
from varscale.kernels.program import compile_law

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
    return compiled_driver(request.param, tmp_path_factory.mktemp(request.param))


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


def test_the_emulated_fma_of_sse2_rounds_once(tmp_path: Path) -> None:
    if shutil.which("gcc") is None or not {"sse2"} & set(native.isas()):
        pytest.skip("not available: gcc")
    source, program = Path(__file__).with_name("fma_check.c"), str(tmp_path / "fma_check")
    flags = ["-std=gnu11", "-O2", "-ffp-contract=off", f"-I{SOURCES}"]
    run(["gcc", *flags, str(source), "-lm", "-o", program])
    assert run([program]).decode() == "0 wrong, ties met\n"
