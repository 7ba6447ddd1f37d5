"""The reference arithmetic, fused and compiled, for `fill`: `native` calls what `src` has in C."""
