"""One peer in a process of its own: python -m benchmarks.worker NAME THREADS; JSON in and out.

A request {"cell": [distribution, dtype, size]} prepares a call, answers with the time of the first,
and looks whether it gave that dtype; {"time": seconds} times the call, repeated for about so long;
{"memory": true} measures the peak of memory during one call. What fails answers {"error": why}.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from benchmarks.peers import PEERS, Call, dtype_of


def main(name: str, threads: int) -> None:
    """Answer requests until there are no more."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ["VARSCALE_NUM_THREADS"] = str(threads)
    packages, make, backend = PEERS[name]
    if backend:
        os.environ["KERAS_BACKEND"] = backend
    if "torch" in packages:
        import torch

        torch.set_num_threads(threads)
    call: Call | None = None
    out = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        answer: Any = None
        try:
            if "cell" in request:
                call = make(*request["cell"])
                answer = None if call is None else _first(call, request["cell"][1])
            elif call is not None:
                answer = _peak(call) if "memory" in request else _timed(call, request["time"])
        except Exception as error:
            answer = {"error": f"{request}: {type(error).__name__}: {error}"}
        print(json.dumps(answer), file=out, flush=True)


def _first(call: Call, dtype: str) -> float:
    start = time.perf_counter()
    value = call()
    taken = time.perf_counter() - start
    if dtype_of(value) != dtype:
        raise TypeError(f"the call gave {dtype_of(value)}")
    return taken


def _timed(call: Call, seconds: float) -> float:
    return _seconds(call, max(1, math.ceil(seconds / _seconds(call, 1))))


def _seconds(call: Call, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def _peak(call: Call) -> int:
    """Bytes by which the resident memory rises during a call, at its peak."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    call()
    return _status("VmHWM") - before


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1], int(sys.argv[2]))
