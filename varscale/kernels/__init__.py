"""The reference arithmetic, fused and compiled, for `fill`. Comes later."""
