"""An encoder and a decoder with cross attention, in a loop and scanned: the twins of `examples`.

There they are initialised under `jax.jit`, here eagerly.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.core.oracle import EAGER, jax
from tests.porting.twins import assert_same_outputs, assert_same_parameters, poison
from tests.torch.tensors import torch

pytest.importorskip("flax", reason="not installed: pip install flax")

import varscale.torch as door

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["translator", "scanned"])
def test_a_translator_starts_as_flax_and_translates_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from examples import linen_small, sizes, torch_small
    from examples.small_says import says

    words = [sizes.inputs()[one] for one in ("source", "target")]
    flax = linen_small.Translator(scanned=name == "scanned")
    variables = flax.init(jax.random.key(8), *words)
    twin = torch_small.Translator().eval()
    poison(twin)
    plan = door.plan(twin, 8, "flax.linen", **says(door)[name], compiled=EAGER, expect=variables)
    plan.fill_()
    assert_same_parameters(plan, variables)
    with torch.no_grad():
        got = twin(*map(torch.from_numpy, words))
    assert_same_outputs(got, np.asarray(flax.apply(variables, *words)))
