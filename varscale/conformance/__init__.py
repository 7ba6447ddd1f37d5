"""The conformance suite: proves that an initializer is JAX's. Its checks come later."""
