"""Keras 3: initializers for layers, and as functions. The public names are in `varscale.keras`."""
