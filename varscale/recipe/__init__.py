"""Recipes: what an init function of any JAX library does with its key, replayed without JAX.

    recipe = varscale.recipe.record(model_init)      # once, where JAX is
    varscale.recipe.save(recipe, "model.json")

    recipe = varscale.recipe.load("model.json")      # anywhere, for any seed
    params = varscale.recipe.replay(recipe, seed)    # {path: array}

The format is specified in docs/recipes.md.
"""

from __future__ import annotations

from varscale.recipe.format import LeftOut, Output, Recipe, dumps, load, loads, save
from varscale.recipe.operations import Operation
from varscale.recipe.recorder import record
from varscale.recipe.replay import Parameter, parameters, replay
from varscale.recipe.stream import write_safetensors

__all__ = [
    "LeftOut",
    "Operation",
    "Output",
    "Parameter",
    "Recipe",
    "dumps",
    "load",
    "loads",
    "parameters",
    "record",
    "replay",
    "save",
    "write_safetensors",
]
