"""The command `python -m varscale.conformance`: runs the suite, prints and writes the result."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from varscale.conformance.parallel import in_processes, usual_jobs
from varscale.conformance.report import as_json, html, table
from varscale.conformance.results import Run
from varscale.conformance.running import ALARM, Plan, carry_out, plan
from varscale.conformance.subject import Subject, find_subject, names

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["main"]

#: Exit statuses.
PASSED, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
#: What the suite needs beyond varscale's own requirements.
_NEEDED = ("scipy", "rich")


class _Refused(Exception):
    """The command cannot be carried out; one sentence says why."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: default: those of the process.

    Returns:
        The exit status: 0 where all passed; 1 where something failed; 2 where the arguments are
        wrong, or a subject or its library is not there, with one line on stderr; 130 where it was
        interrupted.

    Example:
        >>> main(["--subject", "no.such.subject"])
        2
    """
    options = _parser().parse_args(arguments)
    try:
        return _list(options) if options.list else _run(options)
    except _Refused as refused:
        print(f"python -m varscale.conformance: {refused}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m varscale.conformance",
        description="Test whether initializers are JAX's: their bits, laws and manners.",
        epilog="Exit status: 0 all passed, 1 something failed, 2 it could not be run.",
    )
    parser.add_argument(
        *("--subject", "-s"), action="append", default=[], metavar="NAME",
        help='what is tested: a registered name, "module:object", or "all"; repeatable',
    )  # fmt: skip
    parser.add_argument(
        "--device", action="append", metavar="NAME", help="default: all there are; repeatable"
    )
    parser.add_argument("--dtype", action="append", metavar="NAME", help="default: all; repeatable")
    parser.add_argument("--seed", type=int, help="repeats a run; default: a fresh one")
    profile = parser.add_mutually_exclusive_group()
    profile.add_argument(
        "--profile", choices=("fast", "default", "thorough"), default="default",
        help="how much is drawn",
    )  # fmt: skip
    profile.add_argument(
        "--thorough", dest="profile", action="store_const", const="thorough",
        help="100 times the samples",
    )  # fmt: skip
    parser.add_argument(
        "--case", action="append", metavar="PATTERN",
        help="only the cases that match, as in law/*/bfloat16/*; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--known", default="shipped", metavar="FILE",
        help='known deviations, or "none"; default: those that varscale ships',
    )  # fmt: skip
    parser.add_argument(
        "--alarm", type=float, default=ALARM, metavar="P",
        help="the probability that a right subject fails a run; default %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", "-j", type=_positive, metavar="N",
        help="processes; default: as many as CPUs, one for few cases or other devices",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result for machines")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the result as a page")
    parser.add_argument(
        "--list", action="store_true", help="list the subjects, or with --subject its cases"
    )
    parser.add_argument(
        "--quiet", action="store_true", help="print failures and the last lines only"
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {text!r}")
    return int(text)


def _list(options: argparse.Namespace) -> int:
    if not options.subject:
        print("\n".join(names()))
        return PASSED
    found, missing = _subjects(options)
    for name, subject in found.items():
        for case in _plan(options, name, subject).cases:
            print(case.id if len(found) == 1 else f"{name} {case.id}")
    for name, reason in missing.items():
        print(f"{name}: {reason}", file=sys.stderr)
    return PASSED


def _run(options: argparse.Namespace) -> int:
    if not options.subject:
        raise _Refused("--subject is wanted; --list names those that are registered")
    for package in _NEEDED:
        if importlib.util.find_spec(package) is None:
            raise _Refused(
                f"the conformance suite needs {package}: pip install 'varscale[conformance]'"
            )
    for path in (options.json, options.report):
        if path is not None and not path.absolute().parent.is_dir():
            raise _Refused(f"{path}: the folder does not exist")

    from rich.console import Console

    out, shown = Console(), Console(stderr=True)
    found, missing = _subjects(options)
    if not found:
        raise _Refused("; ".join(missing.values()))
    plans = {name: _plan(options, name, subject) for name, subject in found.items()}
    runs: list[Run] = []
    for name, made in plans.items():
        if runs:  # one seed for all
            made = replace(made, seed=runs[0].seed)
        runs.append(_one(options, name, made, shown))
        table.show(runs[-1], out, quiet=options.quiet)
    table.show_missing(missing, out)
    _write(options.json, as_json.dumps(runs, missing))
    _write(options.report, html.page(runs, missing=missing))
    return PASSED if all(one.passed for one in runs) else FAILED


def _one(options: argparse.Namespace, name: str, made: Plan, shown: Console) -> Run:
    """Run one subject, which is called as it was asked for: that name repeats it."""
    jobs = usual_jobs(made) if options.jobs is None else options.jobs
    with table.progress(shown, name) as step:
        results = in_processes(made, name, jobs) if jobs > 1 else None
        result = carry_out(made, None if options.quiet else step, results)
    return replace(result, subject=name)


def _subjects(options: argparse.Namespace) -> tuple[dict[str, Subject], dict[str, str]]:
    """The subjects by the name that they were asked for, and why some are missing."""
    found: dict[str, Subject] = {}
    missing: dict[str, str] = {}
    everything = "all" in options.subject
    for name in dict.fromkeys(names() if everything else options.subject):
        try:
            found[name] = find_subject(name)
        except ModuleNotFoundError as error:
            reason = f"{error.name or 'its library'} is not installed"
            if not everything:
                raise _Refused(f"{name}: {reason}") from None
            missing[name] = reason
        except (ValueError, TypeError) as error:
            raise _Refused(str(error)) from None
    return found, missing


def _plan(options: argparse.Namespace, name: str, subject: Subject) -> Plan:
    try:
        return plan(
            subject,
            seed=options.seed,
            devices=options.device,
            dtypes=options.dtype,
            profile=options.profile,
            alarm=options.alarm,
            cases=options.case,
            known=_known(options),
        )
    except (ValueError, OSError) as error:
        raise _Refused(f"{name}: {error}") from None


def _known(options: argparse.Namespace) -> Path | Literal["shipped"] | None:
    if options.known == "shipped":
        return "shipped"
    return None if options.known == "none" else Path(options.known)


def _write(path: Path | None, text: str) -> None:
    if path is not None:
        path.write_text(text, "utf-8")
