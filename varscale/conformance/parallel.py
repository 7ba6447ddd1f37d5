"""A plan's cases in several processes, each of which makes the subject for itself."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import cast

from varscale.conformance.cases import Case
from varscale.conformance.reference import VECTORS
from varscale.conformance.results import Outcome
from varscale.conformance.running import LostError, Plan, execute
from varscale.conformance.subject import Subject, find_subject

__all__ = ["in_processes", "usual_jobs"]

#: Below so many cases a process more costs more than it saves: it imports the subject's library.
_FEW = 16


def usual_jobs(plan: Plan) -> int:
    """How many processes pay: as many as CPUs; one for few cases, or for a device to be shared."""
    if len(plan.cases) < _FEW or any(case.device != "cpu" for case in plan.cases):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_processes(plan: Plan, name: str, jobs: int) -> Iterator[Outcome]:
    """Carry out a plan's cases.

    Args:
        plan: the plan.
        name: that `find_subject` finds the subject by, in each process.
        jobs: how many processes.

    Yields:
        The outcomes, in no order.

    Raises:
        LostError: a process died, and the outcomes of its cases with it.
    """
    groups = _groups(plan.cases)
    sent = replace(plan, subject=cast(Subject, None))  # not every subject can be sent
    started = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(
        min(jobs, len(groups)),
        multiprocessing.get_context("spawn"),  # no framework survives a fork
        initializer=_prepare,
        initargs=(sent, name),
    )
    whole = False
    try:
        for done in as_completed([executor.submit(_carry_out, group) for group in groups]):
            yield from done.result()
        whole = True
    except BrokenProcessPool:
        raise LostError(
            "a process of the run ended before its time (crashed, killed for its memory, or "
            "without the subject): with --jobs 1 the last case that is shown is the one before"
        ) from None
    finally:
        executor.shutdown(wait=whole, cancel_futures=True)
        # Who interrupts does not wait for cases that nobody will see.
        for child in set(multiprocessing.active_children()) - started:
            child.terminate()


def _groups(cases: Sequence[Case]) -> list[list[Case]]:
    """The cases that share what a library compiles, for a shape and a dtype; the longest first."""
    found: dict[tuple[object, ...], list[Case]] = {}
    recorded = ("recorded",)  # many draws a case, the same ones in each file
    for case in cases:
        one = (case.shape, case.dtype, case.spec.samples, case.kind == "manners")
        found.setdefault(recorded if case.what in VECTORS else one, []).append(case)
    first = [found.pop(recorded)] if recorded in found else []
    return first + sorted(found.values(), key=len, reverse=True)


_plan: Plan


def _prepare(plan: Plan, name: str) -> None:
    global _plan
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command's own process answers it
    _plan = replace(plan, subject=find_subject(name))


def _carry_out(cases: Sequence[Case]) -> list[Outcome]:
    return [execute(_plan, case) for case in cases]
