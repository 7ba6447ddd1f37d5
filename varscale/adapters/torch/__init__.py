"""PyTorch: initializers that return, or fill in place, tensors. Public names: `varscale.torch`."""
