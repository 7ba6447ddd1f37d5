"""The tagger in Flax NNX, where every layer takes its keys from one stream."""

# ruff: noqa: D102

import jax
from flax import nnx

from examples.sizes import HEADS, TAGS, WIDTH, WORDS


class Tagger(nnx.Module):
    """A tag for each word. The dropout takes a key too, when it is made."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.embed = nnx.Embed(WORDS, WIDTH, rngs=rngs)
        self.conv = nnx.Conv(WIDTH, WIDTH, (3,), rngs=rngs)
        self.norm = nnx.LayerNorm(WIDTH, epsilon=1e-5, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(HEADS, WIDTH, decode=False, rngs=rngs)
        self.dropout = nnx.Dropout(0.1, rngs=rngs)
        self.lstm = nnx.RNN(nnx.LSTMCell(WIDTH, WIDTH, rngs=rngs))
        self.head = nnx.Linear(WIDTH, TAGS, rngs=rngs)

    def __call__(self, words: jax.Array) -> jax.Array:
        x = self.embed(words)
        x = x + nnx.relu(self.conv(x))
        x = x + self.attention(self.norm(x))
        return self.head(self.lstm(self.dropout(x, deterministic=True)))
