"""Small Flax Linen models: an MLP, a translator in a loop or scanned, a tagger with an LSTM."""

# ruff: noqa: D102

from functools import partial

import flax.linen as nn
import jax
from jax.nn import initializers

from examples.sizes import CLASSES, DEPTH, HEADS, HIDDEN, LENGTH, TAGS, WIDTH, WORDS

Array = jax.Array


class Mlp(nn.Module):
    """A classifier of vectors; only its head has a name."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = nn.relu(nn.LayerNorm()(nn.Dense(HIDDEN)(x)))
        return nn.Dense(CLASSES, name="head")(x)


class FeedForward(nn.Module):
    """The MLP of a transformer block, whose biases are drawn."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        dense = partial(nn.Dense, bias_init=initializers.normal(1e-6))
        y = nn.gelu(dense(2 * WIDTH)(x))  # in one line, the outer Dense would be Dense_0
        return dense(WIDTH)(y)


class EncoderLayer(nn.Module):
    """Self attention and a feed-forward block, each after its norm."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = x + nn.MultiHeadDotProductAttention(HEADS)(nn.LayerNorm()(x))
        return x + FeedForward(name="mlp")(nn.LayerNorm()(x))


class DecoderLayer(nn.Module):
    """An encoder layer that looks at the encoder's outputs too."""

    @nn.compact
    def __call__(self, x: Array, memory: Array) -> Array:
        y = nn.LayerNorm()(x)
        x = x + nn.MultiHeadDotProductAttention(HEADS, name="self_attention")(y)
        y = nn.LayerNorm()(x)
        x = x + nn.MultiHeadDotProductAttention(HEADS, name="cross_attention")(y, memory)
        return x + FeedForward(name="mlp")(nn.LayerNorm()(x))


class EncoderStep(nn.Module):
    """An encoder layer as `nn.scan` wants it: a carry, and nothing beside it."""

    @nn.compact
    def __call__(self, x: Array, _: None) -> tuple[Array, None]:
        return EncoderLayer(name="layer")(x), None


class Translator(nn.Module):
    """Embedded words and positions, encoder, decoder; the encoder is scanned or not."""

    scanned: bool = False

    @nn.compact
    def __call__(self, source: Array, target: Array) -> Array:
        embed = nn.Embed(WORDS, WIDTH, name="embed")
        positions = self.param("positions", initializers.normal(0.02), (1, LENGTH, WIDTH))
        x, y = embed(source) + positions, embed(target) + positions
        if self.scanned:
            axes = {"variable_axes": {"params": 0}, "split_rngs": {"params": True}}
            x, _ = nn.scan(EncoderStep, length=DEPTH, **axes)(name="encoder")(x, None)
        else:
            for i in range(DEPTH):
                x = EncoderLayer(name=f"encoder_{i}")(x)
        for _ in range(DEPTH):
            y = DecoderLayer()(y, x)
        return embed.attend(nn.LayerNorm(name="norm")(y))


class Tagger(nn.Module):
    """A tag for each word; all names are those that Flax gives."""

    @nn.compact
    def __call__(self, words: Array) -> Array:
        x = nn.Embed(WORDS, WIDTH)(words)
        x = x + nn.relu(nn.Conv(WIDTH, (3,))(x))
        x = x + nn.MultiHeadDotProductAttention(HEADS)(nn.LayerNorm(epsilon=1e-5)(x))
        x = nn.RNN(nn.LSTMCell(WIDTH))(x)
        return nn.Dense(TAGS)(x)
