"""The Keras 3 twins of the small models, for any backend; what is said is in small_says."""

# ruff: noqa: D102

from typing import Any

import keras
from keras import layers, ops

from examples.sizes import CLASSES, DEPTH, HEADS, HIDDEN, LENGTH, TAGS, WIDTH, WORDS


class Mlp(keras.Model):
    """A classifier of vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(HIDDEN)
        self.norm = norm()
        self.head = layers.Dense(CLASSES)

    def call(self, x: Any) -> Any:
        return self.head(ops.relu(self.norm(self.hidden(x))))


def attention() -> layers.MultiHeadAttention:
    """Return the attention of all small models."""
    return layers.MultiHeadAttention(HEADS, WIDTH // HEADS)


def norm() -> layers.LayerNormalization:
    """Return a norm with Flax's epsilon, which is not Keras's."""
    return layers.LayerNormalization(epsilon=1e-6)


class FeedForward(layers.Layer):
    """The MLP of a transformer block."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = layers.Dense(2 * WIDTH), layers.Dense(WIDTH)

    def call(self, x: Any) -> Any:
        return self.fc2(ops.gelu(self.fc1(x), approximate=True))


class EncoderLayer(layers.Layer):
    """Self attention and a feed-forward block, each after its norm."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.attention, self.norm2 = norm(), attention(), norm()
        self.mlp = FeedForward()

    def call(self, x: Any) -> Any:
        y = self.norm1(x)
        x = x + self.attention(y, y)
        return x + self.mlp(self.norm2(x))


class DecoderLayer(layers.Layer):
    """An encoder layer that looks at the encoder's outputs too."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.self_attention = norm(), attention()
        self.norm2, self.cross_attention = norm(), attention()
        self.norm3, self.mlp = norm(), FeedForward()

    def call(self, x: Any, memory: Any) -> Any:
        y = self.norm1(x)
        x = x + self.self_attention(y, y)
        x = x + self.cross_attention(self.norm2(x), memory)
        return x + self.mlp(self.norm3(x))


class Translator(keras.Model):
    """Encoder and decoder; the head is the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = layers.Embedding(WORDS, WIDTH)
        self.positions = self.add_weight(name="positions", shape=(1, LENGTH, WIDTH))
        self.encoder = [EncoderLayer() for _ in range(DEPTH)]
        self.decoder = [DecoderLayer() for _ in range(DEPTH)]
        self.norm = norm()

    def call(self, source: Any, target: Any) -> Any:
        x, y = self.embed(source) + self.positions, self.embed(target) + self.positions
        for layer in self.encoder:
            x = layer(x)
        for layer in self.decoder:
            y = layer(y, x)
        return ops.matmul(self.norm(y), ops.transpose(self.embed.embeddings))


class Tagger(keras.Model):
    """A tag for each word: the twin of four JAX models, one of each library."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = layers.Embedding(WORDS, WIDTH)
        self.conv = layers.Conv1D(WIDTH, 3, padding="same")
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.attention = attention()
        self.dropout = layers.Dropout(0.1)
        self.lstm = layers.LSTM(WIDTH, return_sequences=True)
        self.head = layers.Dense(TAGS)

    def call(self, words: Any) -> Any:
        x = self.embed(words)
        x = x + ops.relu(self.conv(x))
        y = self.norm(x)
        x = self.dropout(x + self.attention(y, y))
        return self.head(self.lstm(x))
