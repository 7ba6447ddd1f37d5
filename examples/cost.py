"""What a call costs: time, and how far the process's peak of memory rises. No packages."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """Seconds, and MiB above the highest that the process had before."""

    seconds: float
    mib: float

    def __str__(self) -> str:
        return f"{self.seconds:.3f} s, {self.mib:.1f} MiB more"


def measured(call: Callable[[], Result]) -> tuple[Result, Cost]:
    """Call, and say what it cost."""
    before, start = _peak(), time.perf_counter()
    result = call()
    return result, Cost(time.perf_counter() - start, _peak() - before)


def _peak() -> float:
    """The highest resident memory until now, in MiB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
