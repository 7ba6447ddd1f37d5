"""The compiled kernel: whether it is there, which instruction set it uses, and its call.

Two environment variables are read when this module is imported. `VARSCALE_ISA` names the
instruction set ("avx512", "avx2", "sse2", "neon"), or is "reference" for the NumPy arithmetic;
default: the best of this machine. `VARSCALE_NUM_THREADS` is the most threads that a fill uses;
default: the CPUs that this process may use. Neither changes a value.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from varscale.kernels.program import compile_law
from varscale.keys import split
from varscale.layout import CounterMap
from varscale.numerics.arithmetic import flushed_below
from varscale.numerics.draw import Draw, Law

_native: Any = None
try:
    from varscale.kernels import _native as _built

    _native = _built
except ImportError:  # no compiler where varscale was installed
    pass

__all__ = ["MAX_AXES", "MAX_THREADS", "Plan", "advise_huge_pages", "fill", "in_use", "isas", "plan"]

#: Axes that the kernel takes.
MAX_AXES = 32
#: Threads that a fill may have.
MAX_THREADS = 256
_REFERENCE = "reference"
#: Bytes from which on huge pages pay, as in NumPy.
_HUGE = 1 << 22


def isas() -> tuple[str, ...]:
    """The instruction sets that this build has and this machine supports, best first."""
    return () if _native is None else tuple(_native.isas())


def in_use() -> str:
    """The instruction set in use, or "reference"."""
    return _REFERENCE if _INDEX is None else isas()[_INDEX]


def fill(draw: Draw, array: np.ndarray[Any, Any], where: CounterMap, threads: int | None) -> bool:
    """Write a draw into an array.

    Args:
        draw: what is drawn.
        array: a writeable array of the draw's dtype.
        where: its counters.
        threads: how many; None for as many as pay off.

    Returns:
        Whether it was done; if not, nothing was written, and the reference must do it.

    Raises:
        ValueError: the array overlaps itself.
    """
    law = draw.law
    if not _takes(draw, array.ndim):
        return False
    if isinstance(law, Law):
        program = compile_law(law)
        if program is None:
            return False
        _run(program, draw.key.words, array, where, threads)
        return True
    # The parts of complex normal samples are draws of their own; the others are not made of draws.
    program = compile_law(law.part) if law.distribution == "normal" else None
    if program is None or flushed_below(law.part.dtype, law.scale):
        return False
    for key, part in zip(split(draw.key, 2), (array.real, array.imag), strict=True):
        _run(program, key.words, part, where, threads)
    return True


def advise_huge_pages(address: int, size: int) -> None:
    """Ask for huge pages for fresh memory of `size` bytes, if it is large enough to matter."""
    if _native is not None and size >= _HUGE:
        _native.advise_huge_pages(address, size)


def plan(
    draw: Draw, shape: tuple[int, ...], strides: tuple[int, ...], where: CounterMap
) -> Plan | None:
    """Decide all of a fill but the key and the address; None where the reference must do it."""
    if not _takes(draw, len(shape)) or not isinstance(draw.law, Law):
        return None
    program = compile_law(draw.law)
    return None if program is None else Plan(program, shape, strides, where)


def _takes(draw: Draw, axes: int) -> bool:
    if _INDEX is None:
        _warn_once()
        return False
    return axes <= MAX_AXES and draw.key.partitionable


def _run(
    program: bytes,
    words: tuple[int, int],
    array: np.ndarray[Any, Any],
    where: CounterMap,
    threads: int | None,
) -> None:
    plan = Plan(program, array.shape, array.strides, where, threads)
    plan.run(words, array.__array_interface__["data"][0])


class Plan:
    """All of a fill but the key's words and the address.

    Args:
        program: of `compile_law`.
        shape: of the destination.
        strides: of the destination, in bytes.
        where: its counters.
        threads: how many; None for as many as pay off.
    """

    __slots__ = ("_arguments", "_fill", "_program")

    def __init__(
        self,
        program: bytes,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        where: CounterMap,
        threads: int | None = None,
    ) -> None:
        self._fill = _native.fill
        self._program = program
        self._arguments = (
            *(shape, strides, where.offset, where.strides),
            *(_INDEX, threads or 0, _LIMIT),
        )

    def run(self, words: tuple[int, int], address: int) -> None:
        """Fill the memory; ValueError where it overlaps itself."""
        self._fill(self._program, *words, address, *self._arguments)


def _chosen() -> int | None:
    """The index in `isas()` of what VARSCALE_ISA asks for."""
    available = isas()
    name = os.environ.get("VARSCALE_ISA") or (available or (_REFERENCE,))[0]
    if name == _REFERENCE:
        return None
    if name not in available:
        allowed = ", ".join((*available, _REFERENCE))
        raise ValueError(f"VARSCALE_ISA must be one of {allowed} here, got {name!r}")
    return available.index(name)


def _limit() -> int:
    """The most threads that a fill may use."""
    text = os.environ.get("VARSCALE_NUM_THREADS")
    if text is None:
        if hasattr(os, "sched_getaffinity"):
            return min(len(os.sched_getaffinity(0)), MAX_THREADS)
        return min(os.cpu_count() or 1, MAX_THREADS)
    if not text.isdecimal() or not 1 <= int(text) <= MAX_THREADS:
        raise ValueError(
            f"VARSCALE_NUM_THREADS must be an integer from 1 to {MAX_THREADS}, got {text!r}"
        )
    return int(text)


def _warn_once() -> None:
    global _warned
    if _native is None and not _warned:
        _warned = True
        warnings.warn(
            "varscale has no compiled kernel here: it was installed without a C compiler, or is "
            "imported from a checkout where nothing was built. NumPy makes the same values, about "
            "100 times slower. Install a C compiler, and varscale again.",
            RuntimeWarning,
            stacklevel=6,
        )


_INDEX = _chosen()
_LIMIT = _limit()
_warned = False
