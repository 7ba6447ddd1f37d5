"""Whole PyTorch models that start as a JAX model does. Public names: `varscale.torch`."""
