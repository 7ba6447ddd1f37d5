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

from varscale.kernels.program import compile_draw
from varscale.keys import split
from varscale.layout import CounterMap
from varscale.numerics.arithmetic import flushed_below
from varscale.numerics.draw import ComplexDraw, Draw

_native: Any = None
try:
    from varscale.kernels import _native as _built

    _native = _built
except ImportError:  # no compiler where varscale was installed
    pass

__all__ = ["MAX_AXES", "fill", "in_use", "isas"]

#: Axes that the kernel takes.
MAX_AXES = 32
_REFERENCE = "reference"


def isas() -> tuple[str, ...]:
    """The instruction sets that this build has and this machine supports, best first."""
    return () if _native is None else tuple(_native.isas())


def in_use() -> str:
    """The instruction set in use, or "reference"."""
    return _REFERENCE if _INDEX is None else isas()[_INDEX]


def fill(
    draw: Draw | ComplexDraw, array: np.ndarray[Any, Any], where: CounterMap, threads: int | None
) -> bool:
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
    if _INDEX is None:
        _warn_once()
        return False
    if array.ndim > MAX_AXES:
        return False
    if isinstance(draw, Draw):
        program = compile_draw(draw)
        if program is None:
            return False
        _run(program, draw.key.words, array, where, threads)
        return True
    # The parts of complex normal samples are draws of their own; the others are not made of draws.
    program = compile_draw(draw.part) if draw.distribution == "normal" else None
    if program is None or flushed_below(draw.part.dtype, draw.scale):
        return False
    for key, part in zip(split(draw.key, 2), (array.real, array.imag), strict=True):
        _run(program, key.words, part, where, threads)
    return True


def _run(
    program: bytes,
    words: tuple[int, int],
    array: np.ndarray[Any, Any],
    where: CounterMap,
    threads: int | None,
) -> None:
    _native.fill(
        program,
        *words,
        array.__array_interface__["data"][0],
        array.shape,
        array.strides,
        where.offset,
        where.strides,
        _INDEX,
        threads or 0,
        _LIMIT,
    )


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
            return min(len(os.sched_getaffinity(0)), 256)
        return min(os.cpu_count() or 1, 256)
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise ValueError(f"VARSCALE_NUM_THREADS must be an integer from 1 to 256, got {text!r}")
    return int(text)


def _warn_once() -> None:
    global _warned
    if _native is None and not _warned:
        _warned = True
        warnings.warn(
            "varscale was installed without a C compiler: values are made by NumPy, about 100 "
            "times slower than by the compiled kernel. Install a C compiler, and varscale again.",
            RuntimeWarning,
            stacklevel=5,
        )


_INDEX = _chosen()
_LIMIT = _limit()
_warned = False
