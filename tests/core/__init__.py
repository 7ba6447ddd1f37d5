"""Tests of the core, against JAX and against recorded and published values."""
