"""The twin of `tests.porting.checked`, and its JAX parameters; Flax is asked for with them."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="module")
def params() -> Any:
    """Of the Flax model, as its init returned them."""
    from tests.porting import checked

    return checked.made()


@pytest.fixture
def twin() -> Any:
    """A plan whose model is filled."""
    from tests.porting import checked

    plan = checked.planned(checked.Model())
    plan.fill_()
    return plan
