"""NumPy: initializers that return, or fill, arrays. The public names are in `varscale.numpy`."""
