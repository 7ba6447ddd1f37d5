"""Keys of Linen's parameters under lifted transforms, against the installed Flax."""

from __future__ import annotations

import pytest

import varscale
from tests.core.cases import SEEDS, random_cases
from tests.core.oracle import configured
from tests.porting.linen_trees import (
    FAMILY,
    LEAF,
    NESTS,
    SIZE,
    Branch,
    Tree,
    check,
    expected,
    flax,
    initialized,
    trees,
)  # fmt: skip
from varscale.linen import Scope

from hypothesis import given  # isort: skip
from hypothesis import strategies as st  # isort: skip


@pytest.mark.parametrize("lifts", NESTS, ids=lambda lifts: "(".join(lifts) or "none")
def test_a_module_under_a_transform_has_the_keys_of_flax(lifts: tuple[str, ...]) -> None:
    tree = Tree(("param",), (("child", lifts, FAMILY),))
    check(initialized(Branch(tree)), expected(tree, Scope(0)))


@pytest.mark.parametrize("partitionable", [True, False], ids=["partitionable", "legacy"])
@pytest.mark.parametrize("separator", [False, True], ids=["default", "separator"])
def test_settings_of_jax_and_flax_are_options(partitionable: bool, separator: bool) -> None:
    tree = Tree(("param",), (("child", ("vmap", "scan"), LEAF), ("other", ("jit",), LEAF)))
    flag = flax.config.temp_flip_flag("fix_rng_separator", separator)
    with configured(partitionable=partitionable), flag:
        want = initialized(Branch(tree), 3)
    key = varscale.key(3, partitionable=partitionable)
    check(want, expected(tree, Scope(key, fix_rng_separator=separator)))


@random_cases(max_examples=40)
@given(tree=trees(st.just(())), seed=SEEDS)
def test_random_modules_have_the_keys_of_flax(tree: Tree, seed: int) -> None:
    check(initialized(Branch(tree), seed), expected(tree, Scope(seed)))


@random_cases(max_examples=12)
@given(tree=trees(st.sampled_from(NESTS[:9])), seed=SEEDS)
def test_random_modules_under_transforms_have_the_keys_of_flax(tree: Tree, seed: int) -> None:
    check(initialized(Branch(tree), seed), expected(tree, Scope(seed)))


def test_a_scan_that_shares_its_draws_wrongly_is_seen() -> None:
    # The checks above can fail: a wrong number of draws gives wrong keys.
    tree = Tree(("param",), (("child", ("scan",), LEAF),))
    got = expected(tree, Scope(0))
    got["child", "0"] = tuple(
        each.param_key(1, draws=2) for each in Scope(0, ("child",)).scan(SIZE)
    )
    with pytest.raises(AssertionError, match=r"child/0: .*, Flax .*; repeat with"):
        check(initialized(Branch(tree)), got)
