"""Whole Keras models that start as a JAX model does. Public names: `varscale.keras`."""
