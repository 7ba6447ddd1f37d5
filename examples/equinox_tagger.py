"""The tagger in Equinox, where `__init__` splits its key as it likes."""

# ruff: noqa: D102

import equinox as eqx
import jax
import jax.numpy as jnp

from examples.sizes import HEADS, TAGS, WIDTH, WORDS


class Tagger(eqx.Module):
    """A tag for each word of one sentence."""

    embed: eqx.nn.Embedding
    conv: eqx.nn.Conv1d
    norm: eqx.nn.LayerNorm
    attention: eqx.nn.MultiheadAttention
    lstm: eqx.nn.LSTMCell
    head: eqx.nn.Linear

    def __init__(self, key: jax.Array) -> None:
        keys = jax.random.split(key, 5)
        self.embed = eqx.nn.Embedding(WORDS, WIDTH, key=keys[0])
        self.conv = eqx.nn.Conv1d(WIDTH, WIDTH, 3, padding=1, key=keys[1])
        self.norm = eqx.nn.LayerNorm(WIDTH)
        biases = {f"use_{name}_bias": True for name in ("query", "key", "value", "output")}
        self.attention = eqx.nn.MultiheadAttention(HEADS, WIDTH, **biases, key=keys[2])
        self.lstm = eqx.nn.LSTMCell(WIDTH, WIDTH, key=keys[3])
        self.head = eqx.nn.Linear(WIDTH, TAGS, key=keys[4])

    def __call__(self, words: jax.Array) -> jax.Array:
        x = jax.vmap(self.embed)(words)
        x = x + jax.nn.relu(self.conv(x.T).T)
        y = jax.vmap(self.norm)(x)
        x = x + self.attention(y, y, y)

        def step(state: tuple[jax.Array, jax.Array], x: jax.Array) -> tuple[tuple, jax.Array]:
            state = self.lstm(x, state)
            return state, state[0]

        start = jnp.zeros(WIDTH), jnp.zeros(WIDTH)
        _, x = jax.lax.scan(step, start, x)
        return jax.vmap(self.head)(x)
