"""`python -m varscale.conformance.mutants`: run the mutants, print the kill matrix."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from varscale.conformance.mutants.catalogue import MUTANTS
from varscale.conformance.mutants.matrix import Row, kill_matrix, markdown

#: Exit statuses.
ALL_KILLED, SURVIVED, REFUSED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: default: those of the process.

    Returns:
        The exit status: 0 where each mutant was killed by the check that is meant for it, 1 where
        one was not, 2 where the arguments are wrong.

    Example:
        >>> main(["--mutant", "nobody"])
        2
    """
    options = _parser().parse_args(arguments)
    chosen = [
        one
        for one in MUTANTS
        if not options.mutant or any(fnmatchcase(one.name, each) for each in options.mutant)
    ]
    try:
        if not chosen:
            raise ValueError(f"no mutant's name matches {', '.join(options.mutant)}")
        rows = kill_matrix(chosen, seed=options.seed, progress=None if options.quiet else _show)
    except ValueError as error:
        print(f"python -m varscale.conformance.mutants: {error}", file=sys.stderr)
        return REFUSED
    if options.markdown:
        date = datetime.datetime.now(datetime.UTC).date().isoformat()
        versions = ", ".join(
            f"{name} {importlib.metadata.version(name)}" for name in ("varscale", "numpy", "scipy")
        )
        options.markdown.write_text(markdown(rows, date=date, versions=versions), "utf-8")
    wrong = [row for row in rows if not row.as_meant]
    print(f"{len(rows) - len(wrong)} of {len(rows)} as meant, seed {rows[0].seed}")
    return SURVIVED if wrong else ALL_KILLED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m varscale.conformance.mutants",
        description="Run wrong initializers and show which checks of the suite find them.",
        epilog="Exit status: 0 each was killed as meant, 1 one was not, 2 it could not be run.",
    )
    parser.add_argument(
        "--mutant", action="append", metavar="NAME", help="a pattern of names; repeatable"
    )
    parser.add_argument("--seed", type=int, help="repeats a run; default: a fresh one")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page of the docs")
    parser.add_argument("--quiet", action="store_true", help="the last line only")
    return parser


def _show(row: Row, done: int, of: int) -> None:
    others = [check for check in row.fired if check != row.mutant.check]
    verdict = "killed" if row.as_meant else "KILLED BY OTHERS" if row.fired else "SURVIVED"
    also = f"; also {', '.join(others)}" if others else ""
    print(f"{done}/{of} {row.mutant.name}: {verdict}, meant: {row.mutant.check}{also}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
