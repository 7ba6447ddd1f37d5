"""The reference arithmetic, fused and compiled, for `fill`. Arrives in a later release."""
