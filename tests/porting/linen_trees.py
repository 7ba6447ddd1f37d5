"""Linen modules as data: what Flax makes of a tree of them, and what varscale says of it.

Importing this skips the importing module where Flax is not installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.core.compare import command
from tests.core.oracle import jax

pytest.importorskip("flax", reason="not installed: pip install flax")

import flax
from flax import linen as nn
from flax import traverse_util

import varscale
from varscale.linen import Scope

from hypothesis import strategies as st  # isort: skip

__all__ = [
    "FAMILY", "LEAF", "LIFTS", "NESTS", "PARAMS", "SAME", "SIZE", "SPLIT", "Branch", "Tree",
    "check", "expected", "flax", "initialized", "lifted", "nn", "trees", "witness",
]  # fmt: skip

#: The length of every new axis.
SIZE = 2
PARAMS = {"params": 0}
SPLIT, SAME = {"params": True}, {"params": False}


def witness(key: Any) -> Any:
    """An initializer that returns the key that it was called with."""
    return jax.random.key_data(key)


def initialized(module: nn.Module, seed: int = 0) -> dict[tuple[str, ...], Any]:
    """The key of every parameter of a module whose initializers are witnesses, by path."""
    variables = module.init(jax.random.key(seed), np.zeros((1, 2), np.float32))
    leaves = traverse_util.flatten_dict(variables["params"])
    return {path: np.asarray(words) for path, words in leaves.items()}


def check(want: dict[tuple[str, ...], Any], got: dict[tuple[str, ...], Any]) -> None:
    """Each parameter of Flax has the key that is expected; keys of slices are in tuples."""
    assert set(got) == set(want)
    for path, keys in got.items():
        words = words_of(keys)
        assert np.array_equal(words, want[path]), (
            f"{'/'.join(path)}: {words.tolist()}, Flax {want[path].tolist()}; "
            f"repeat with {command()}"
        )


def words_of(keys: Any) -> Any:
    if isinstance(keys, varscale.Key):
        return np.array(keys.words, np.uint32)
    return np.stack([words_of(key) for key in keys])


# Trees of modules as data: a module draws, and has children, each of them under transforms.


@dataclass(frozen=True)
class Tree:
    """What a module does: draws ("param" or "rng"), children, and more draws.

    A child is its name, the transforms around it from the outermost to the innermost, and a tree.
    """

    before: tuple[str, ...] = ("param",)
    children: tuple[tuple[str, tuple[str, ...], Tree], ...] = ()
    after: tuple[str, ...] = ()


class Branch(nn.Module):
    tree: Tree

    @nn.compact
    def __call__(self, x: Any, step: None = None) -> Any:
        draws = [*self.tree.before, *self.tree.after]
        for number, draw in enumerate(draws):
            if number == len(self.tree.before):
                self.make_children(x)
            if draw == "param":
                self.param(f"{number}", witness)
            else:
                self.make_rng("params")
        if not self.tree.after:
            self.make_children(x)
        return x, None

    def make_children(self, x: Any) -> None:
        for name, lifts, tree in self.tree.children:
            made: Any = Branch
            for lift in reversed(lifts):
                made = LIFTS[lift](made)
            made(tree, name=name)(x, None)


def scan(made: Any, **options: Any) -> Any:
    return nn.scan(made, variable_axes=PARAMS, length=SIZE, **options)


def vmap(made: Any, **options: Any) -> Any:
    axes = {"in_axes": None, "out_axes": None, "axis_size": SIZE}
    return nn.vmap(made, variable_axes=PARAMS, **axes, **options)


LIFTS = {
    "remat": nn.remat,
    "jit": nn.jit,
    "fold": nn.fold_rngs,
    "vmap": lambda made: vmap(made, split_rngs=SPLIT),
    "vmap, same": lambda made: vmap(made, split_rngs=SAME),
    "scan": lambda made: scan(made, split_rngs=SPLIT),
    "scan, same": lambda made: scan(made, split_rngs=SAME),
    "scan, unchecked": lambda made: scan(
        made, split_rngs=SPLIT, check_constancy_invariants=False
    ),
}  # fmt: skip
FORKS = ("jit", "fold")


def lifted(scope: Scope, lift: str) -> tuple[Scope, ...]:
    """What varscale says of a transform that adds an axis to the parameters."""
    same = lift.endswith("same")
    if lift.startswith("vmap"):
        return scope.vmap(SIZE, split_rngs=not same)
    return scope.scan(
        SIZE, split_rngs=not same, check_constancy_invariants=not lift.endswith("unchecked")
    )


def expected(tree: Tree, scope: Scope, lifts: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """The keys of a tree under transforms, by varscale."""
    draws = (*tree.before, *tree.after)
    per_run = len(draws) + sum(lift in FORKS for lift in lifts)

    def inside(scope: Scope, lifts: tuple[str, ...], drawn: int) -> dict[tuple[str, ...], Any]:
        if not lifts:
            found: dict[tuple[str, ...], Any] = {
                (f"{number}",): scope.param_key(drawn + number + 1, per_run)
                for number, draw in enumerate(draws)
                if draw == "param"
            }
            for name, around, child in tree.children:
                for path, key in expected(child, scope.child(name), around).items():
                    found[name, *path] = key
            return found
        lift, *rest = lifts
        if lift in FORKS:
            return inside(scope.fork(drawn + 1, per_run), tuple(rest), drawn + 1)
        if lift == "remat":
            return inside(scope, tuple(rest), drawn)
        slices = [inside(each, tuple(rest), drawn) for each in lifted(scope, lift)]
        return {path: tuple(each[path] for each in slices) for path in slices[0]}

    return inside(scope, lifts, 0)


LEAF = Tree(("param", "rng", "param"))
#: Parameters before and after children, one child plain and one lifted again.
FAMILY = Tree(("param",), (("a", (), LEAF), ("b", ("scan",), LEAF)), ("param",))

#: The transforms that are promised, alone and in each other.
NESTS = (
    (), ("remat",), ("vmap",), ("vmap, same",), ("scan",), ("scan, same",), ("scan, unchecked",),
    ("jit",), ("fold",), ("scan", "scan"), ("scan", "scan", "scan"), ("vmap", "scan"),
    ("scan", "vmap"), ("scan", "scan, unchecked"), ("scan, unchecked", "scan"), ("remat", "scan"),
    ("scan", "remat"), ("scan", "jit"), ("scan", "fold"), ("vmap", "jit"), ("jit", "vmap"),
    ("jit", "fold"), ("jit", "scan, unchecked"),
)  # fmt: skip


#: Names that run together, long ones, and such as are not ASCII.
NAMES = st.sampled_from(("a", "b", "ab", "ba", "aa", "é", "Dense_0", "Dense_01", "\u03bb" * 40))
DRAWS = st.lists(st.sampled_from(("param", "param", "rng")), max_size=3).map(tuple)
LEAVES = st.builds(Tree, DRAWS, st.just(()), DRAWS)


def trees(nests: Any) -> st.SearchStrategy[Tree]:
    def above(children: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        listed = st.lists(
            st.tuples(NAMES, nests, children), max_size=3, unique_by=lambda child: child[0]
        )
        return st.builds(Tree, DRAWS, listed.map(tuple), DRAWS)

    # At least one parameter: Flax gives no "params" at all otherwise.
    top = st.recursive(LEAVES, above, max_leaves=6)
    return st.builds(lambda tree: Tree(("param",), (("top", (), tree),)), top)
