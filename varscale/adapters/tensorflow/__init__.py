"""TensorFlow: initializers that return tensors. The public names are in `varscale.tensorflow`."""
