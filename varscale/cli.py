"""The command `varscale`: recipes from the shell, and the way to the conformance suite."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from varscale import recipe
from varscale.info import version
from varscale.keys import key as seed_key
from varscale.keys import key_data

__all__ = ["main"]

#: Exit status of a command that could not be carried out; argparse's own for wrong arguments.
FAILED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: default: those of the process.

    Returns:
        The exit status: 0, or 2 where the command could not be carried out; one line on stderr
        says why. `conformance` has its own, see `varscale conformance --help`.

    Example:
        >>> main(["replay", "no-such-recipe.json", "--out", "model.safetensors"])
        2
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["conformance"]:  # has a parser and exit codes of its own
        from varscale.conformance.command import main as conformance

        return conformance(given[1:])
    options = _parser().parse_args(given)
    try:
        options.run(options)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # the init function is the user's, and may raise anything
        text = " ".join(str(error).split()) or type(error).__name__
        print(f"varscale {options.command}: {text}", file=sys.stderr)
        return FAILED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="varscale", description="JAX's initial parameters, without JAX."
    )
    parser.add_argument("--version", action="version", version=f"varscale {version('varscale')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    record = commands.add_parser(
        "record",
        help="trace a JAX init function to a recipe (needs jax)",
        description="Trace a JAX init function, called with a key, to a recipe.",
    )
    record.add_argument("function", metavar="MODULE:FUNCTION", help="what is called with the key")
    record.add_argument("--out", required=True, type=Path, help="the recipe, a JSON file")
    record.add_argument("--seed", type=int, default=0, help="of the key it is called with; 0")
    record.add_argument(
        "--raw-key", action="store_true", help="a jax.random.PRNGKey instead of a jax.random.key"
    )
    record.add_argument("--jit", action="store_true", help="record what jax.jit(function) gives")
    record.add_argument(
        "--no-verify", action="store_true", help="do not compare the recipe with JAX"
    )
    record.set_defaults(run=_record)

    replay = commands.add_parser(
        "replay",
        help="make a recipe's parameters",
        description="Make the parameters of a recipe: a safetensors file, whole or not at all.",
    )
    replay.add_argument("recipe", type=Path, help="a recipe, as `varscale record` writes it")
    replay.add_argument("--seed", type=int, default=0, help="of the key; 0")
    replay.add_argument("--out", required=True, type=Path, help="a safetensors file")
    replay.set_defaults(run=_replay)

    commands.add_parser(
        "conformance", help="test whether an initializer's bits, laws and manners are JAX's"
    )
    return parser


def _record(options: argparse.Namespace) -> None:
    function = _function(options.function)
    key: Any = options.seed
    if options.raw_key:
        key = key_data(seed_key(options.seed))
    made = recipe.record(function, key, compiled=options.jit, verify=not options.no_verify)
    recipe.save(made, options.out)
    for leaf in made.left_out:
        print(f"left out: {leaf.path}: {leaf.why}", file=sys.stderr)


def _replay(options: argparse.Namespace) -> None:
    if options.out.exists() and options.out.samefile(options.recipe):
        raise ValueError(f"--out must not be the recipe itself, {options.recipe}")
    made = recipe.load(options.recipe)
    progress = _progress if sys.stderr.isatty() else None
    recipe.write_safetensors(made, options.seed, options.out, progress=progress)
    if progress:
        print(file=sys.stderr)


def _progress(path: str, written: int, total: int) -> None:
    line = f"{written / 2**20:.0f} of {total / 2**20:.0f} MiB  {path}"
    print(f"\r{line[:79]:79}", end="", file=sys.stderr, flush=True)


def _function(name: str) -> Callable[[Any], Any]:
    """The function of "module:function"; modules of the working directory are found too."""
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute) or module.startswith("."):
        raise ValueError(f"MODULE:FUNCTION is wanted, as in models.vit:init, got {name!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")
    function: Any = importlib.import_module(module)
    for part in attribute.split("."):
        function = getattr(function, part)
    if not callable(function):
        raise TypeError(f"{name} is not a function, but a {type(function).__name__}")
    checked: Callable[[Any], Any] = function
    return checked
