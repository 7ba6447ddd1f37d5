"""Tests of recipes: recorded from JAX where it is installed, replayed everywhere."""
