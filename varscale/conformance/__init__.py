"""The conformance suite: proves that an initializer is JAX's. Its checks arrive in a later release."""
