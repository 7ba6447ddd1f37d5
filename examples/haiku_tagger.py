"""The tagger in Haiku, where a parameter takes the next key when it is first asked for."""

import haiku as hk
import jax

from examples.sizes import HEADS, TAGS, WIDTH, WORDS


def tagger(words: jax.Array) -> jax.Array:
    """A tag for each word; to be transformed."""
    x = hk.Embed(WORDS, WIDTH)(words)
    x = x + jax.nn.relu(hk.Conv1D(WIDTH, 3)(x))
    y = hk.LayerNorm(-1, create_scale=True, create_offset=True)(x)
    w_init = hk.initializers.VarianceScaling(2.0)  # attention has no default
    x = x + hk.MultiHeadAttention(HEADS, WIDTH // HEADS, w_init=w_init)(y, y, y)
    lstm = hk.LSTM(WIDTH)
    x, _ = hk.dynamic_unroll(lstm, x, lstm.initial_state(len(words)), time_major=False)
    return hk.Linear(TAGS)(x)
