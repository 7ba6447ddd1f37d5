"""Guards of the speed that do not depend on the machine's mood: instructions and calls, counted."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

import varscale
from tests.kernels.compiling import compiled_driver, run
from varscale.initializers import Initializer, Normal, TruncatedNormal, Uniform
from varscale.kernels import native
from varscale.kernels.program import compile_law

#: Instructions per sample of the AVX2 loops, with 3 % of room for other versions of gcc. gcc 12.2:
#: 14.98, 25.82, 25.84, 20.54. An operation more per vector of 8 samples costs 0.125.
LIMITS: list[tuple[Initializer, str, float]] = [
    (Uniform(0.3), "float32", 15.4),
    (Normal(0.3), "float32", 26.6),
    (TruncatedNormal(0.3), "float32", 26.6),
    (Normal(0.3), "bfloat16", 21.2),
]


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    if shutil.which("valgrind") is None:
        pytest.skip("not available: valgrind")
    if "avx2" not in native.isas():
        pytest.skip("not available: avx2")
    return compiled_driver("gcc", tmp_path_factory.mktemp("cost"))


def instructions(driver: list[str], program: bytes, size: int, item: int, folder: Path) -> int:
    out = folder / f"callgrind.{size}"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
    run([*command, *driver, "avx2", "1", "2", "0", str(size), str(item)], input=program)
    counted = re.search(r"^summary: (\d+)", out.read_text(), re.MULTILINE)
    assert counted
    return int(counted[1])


@pytest.mark.parametrize(("init", "dtype", "limit"), LIMITS, ids=str)
def test_a_sample_costs_no_more_instructions_than_it_did(
    init: Initializer, dtype: str, limit: float, driver: list[str], tmp_path: Path
) -> None:
    draw = init.draw(0, (1 << 20,), dtype)
    program, item = compile_law(draw.law), draw.dtype.itemsize  # type: ignore[arg-type]
    assert program is not None
    small, large = (instructions(driver, program, n << 16, item, tmp_path) for n in (1, 5))
    cost = (large - small) / (4 << 16)
    assert cost <= limit, f"{cost:.2f} instructions per sample"


def test_a_second_call_in_place_makes_few_calls() -> None:
    torch = pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
    if native.in_use() == "reference":
        pytest.skip("not available: kernels")
    import varscale.torch as vt

    tensor, key, calls = torch.empty(4, 4), varscale.key(0), []

    def profile(_: Any, event: str, argument: Any) -> None:
        if event in ("call", "c_call"):
            calls.append(argument)

    for _ in range(2):
        vt.lecun_normal_(tensor, key=key)
    sys.setprofile(profile)
    try:
        vt.lecun_normal_(tensor, key=key)
    finally:
        sys.setprofile(None)
    assert len(calls) <= 18, calls
