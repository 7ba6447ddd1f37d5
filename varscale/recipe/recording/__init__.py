"""The recording of recipes: what of them needs JAX."""

from varscale.recipe.recording.record import record

__all__ = ["record"]
