"""The kernel as a part of a process: what it refuses, threads, forks, a missing compiler."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import threading
import warnings
from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.compare import assert_identical
from varscale.initializers import Normal
from varscale.kernels import native
from varscale.kernels.program import compile_law

if not native.isas():
    pytest.skip("not available: kernels", allow_module_level=True)

from varscale.kernels import _native

SHAPE = (40, 50)
DRAW = Normal(1.0).draw(0, SHAPE, "float32")
PROGRAM = compile_law(DRAW.law)


def call(**changed: Any) -> np.ndarray[Any, Any]:
    """A fill of zeros by the extension itself, with some arguments changed."""
    array = np.zeros(SHAPE, np.float32)
    arguments = {
        "program": PROGRAM,
        "word": 0,
        "word_2": 0,
        "address": array.ctypes.data,
        "shape": SHAPE,
        "strides": array.strides,
        "offset": 0,
        "counter_strides": (50, 1),
        "isa": 0,
        "threads": 0,
        "limit": 1,
    }
    try:
        _native.fill(*(arguments | changed).values())
    except Exception:
        assert not array.any(), "written in spite of the error"
        raise
    return array


def test_the_extension_itself_fills() -> None:
    assert_identical(call(), varscale.fill(DRAW, np.empty(SHAPE, np.float32)), "the extension")


@pytest.mark.parametrize(
    ("error", "changed"),
    [
        (ValueError, {"strides": (4, 4)}),
        (ValueError, {"strides": (0, 4)}),
        (ValueError, {"strides": (199, 4)}),
        (ValueError, {"strides": (200, 2)}),
        (ValueError, {"strides": (2**62, 4)}),
        (ValueError, {"shape": (2**40, 2**40)}),
        (ValueError, {"shape": (-1, 50)}),
        (ValueError, {"shape": (40,)}),
        (ValueError, {"shape": (1,) * 33, "strides": (4,) * 33, "counter_strides": (1,) * 33}),
        (ValueError, {"offset": -1}),
        (ValueError, {"counter_strides": (-50, 1)}),
        (ValueError, {"counter_strides": (2**62, 1)}),
        (ValueError, {"offset": 2**63 - 10}),
        (ValueError, {"program": b""}),
        (ValueError, {"program": PROGRAM + b"0"}),
        (ValueError, {"program": b"\xff" + PROGRAM[1:]}),
        (TypeError, {"program": "program"}),
        (ValueError, {"isa": 99}),
        (ValueError, {"isa": -1}),
        (ValueError, {"threads": -1}),
        (ValueError, {"limit": 0}),
        (TypeError, {"shape": [40, 50]}),
        (TypeError, {"strides": (200, 4.0)}),
        (OverflowError, {"offset": 2**64}),
    ],
    ids=str,
)
def test_what_cannot_be_right_is_refused(error: type[Exception], changed: dict[str, Any]) -> None:
    with pytest.raises(error):
        call(**changed)


def test_a_table_that_is_too_short_is_refused() -> None:
    program = compile_law(Normal(1.0).draw(0, SHAPE, "bfloat16").law)
    assert program is not None
    with pytest.raises(ValueError, match="program must be packed"):
        call(program=program[:-2])


@pytest.mark.parametrize("threads", [0, -1, 257])
def test_a_number_of_threads_out_of_range_is_refused(threads: int) -> None:
    array = np.zeros(SHAPE, np.float32)
    with pytest.raises(ValueError, match="threads must be 1 to 256"):
        varscale.fill(DRAW, array, threads=threads)
    assert not array.any()


def test_fills_from_many_python_threads_do_not_disturb_each_other() -> None:
    draw = Normal(1.0).draw(0, (200_000,), "float32")
    want = varscale.fill(draw, np.empty(200_000, np.float32))
    arrays = [np.zeros(200_000, np.float32) for _ in range(8)]
    workers = [
        threading.Thread(target=varscale.fill, args=(draw, each), kwargs={"threads": 2})
        for each in arrays
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for each in arrays:
        assert_identical(each, want, "a fill beside others")


def in_another_process(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="not available: fork")
def test_a_process_can_fork_after_and_between_threaded_fills() -> None:
    script = """
import os, numpy as np, varscale
draw = varscale.initializers.Normal(1.0).draw(0, (1 << 18,), "float32")
def total(): return float(varscale.fill(draw, np.empty(1 << 18, np.float32), threads=4).sum())
before = total()
pid = os.fork()
if not pid: os._exit(0 if total() == before else 1)
print(os.waitpid(pid, 0)[1], total() == before)
"""
    assert in_another_process(script) == "0 True\n"


@pytest.mark.parametrize("name", ["reference", *native.isas()])
def test_the_environment_names_the_instruction_set(name: str) -> None:
    script = "import varscale; print(varscale.info()['kernel'])"
    assert in_another_process(script, VARSCALE_ISA=name) == f"{name}\n"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("VARSCALE_ISA", "avx1024", "VARSCALE_ISA must be one of"),
        ("VARSCALE_NUM_THREADS", "0", "VARSCALE_NUM_THREADS must be an integer from 1 to 256"),
        ("VARSCALE_NUM_THREADS", "two", "VARSCALE_NUM_THREADS must be an integer from 1 to 256"),
    ],
)
def test_a_wrong_environment_is_named(variable: str, value: str, message: str) -> None:
    assert message in in_another_process("import varscale", **{variable: value})


def test_without_the_extension_values_are_the_same_after_one_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    want = varscale.fill(DRAW, np.empty(SHAPE, np.float32))
    monkeypatch.setattr(native, "_native", None)
    monkeypatch.setattr(native, "_INDEX", None)
    monkeypatch.setattr(native, "_warned", False)
    assert (native.isas(), native.in_use()) == ((), "reference")
    with pytest.warns(RuntimeWarning, match="has no compiled kernel here"):
        got = varscale.fill(DRAW, np.empty(SHAPE, np.float32))
    assert_identical(got, want, "without the extension")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        varscale.fill(DRAW, got)


def test_the_extension_does_not_bring_the_lock_back() -> None:
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        pytest.skip("not available: free-threading")
    assert not sys._is_gil_enabled()
