"""Examples that run from the repository root, such as `python -m examples.port`."""
