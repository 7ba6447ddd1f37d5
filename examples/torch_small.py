"""The PyTorch twins of the small models; what is said of them is in small_says."""

# ruff: noqa: D102

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from examples.sizes import CLASSES, DEPTH, FEATURES, HEADS, HIDDEN, LENGTH, TAGS, WIDTH, WORDS


class Mlp(nn.Sequential):
    """A classifier of vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(FEATURES, HIDDEN)
        self.norm = nn.LayerNorm(HIDDEN, eps=1e-6)
        self.relu = nn.ReLU()
        self.head = nn.Linear(HIDDEN, CLASSES)


def attention() -> nn.MultiheadAttention:
    """Return the attention of all small models."""
    return nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)


def norm() -> nn.LayerNorm:
    """Return a norm with Flax's epsilon, which is not PyTorch's."""
    return nn.LayerNorm(WIDTH, eps=1e-6)


class FeedForward(nn.Module):
    """The MLP of a transformer block."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class EncoderLayer(nn.Module):
    """Self attention and a feed-forward block, each after its norm."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.attention, self.norm2 = norm(), attention(), norm()
        self.mlp = FeedForward()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, y)[0]
        return x + self.mlp(self.norm2(x))


class DecoderLayer(nn.Module):
    """An encoder layer that looks at the encoder's outputs too."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.self_attention = norm(), attention()
        self.norm2, self.cross_attention = norm(), attention()
        self.norm3, self.mlp = norm(), FeedForward()

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.self_attention(y, y, y)[0]
        x = x + self.cross_attention(self.norm2(x), memory, memory)[0]
        return x + self.mlp(self.norm3(x))


class Translator(nn.Module):
    """Encoder and decoder; the head is the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, WIDTH)
        self.positions = nn.Parameter(torch.zeros(1, LENGTH, WIDTH))
        self.encoder = nn.ModuleList(EncoderLayer() for _ in range(DEPTH))
        self.decoder = nn.ModuleList(DecoderLayer() for _ in range(DEPTH))
        self.norm = norm()
        self.head = nn.Linear(WIDTH, WORDS, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        x, y = self.embed(source) + self.positions, self.embed(target) + self.positions
        for layer in self.encoder:
            x = layer(x)
        for layer in self.decoder:
            y = layer(y, x)
        return self.head(self.norm(y))


class Tagger(nn.Module):
    """A tag for each word: the twin of four JAX models, one of each library."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, WIDTH)
        self.conv = nn.Conv1d(WIDTH, WIDTH, 3, padding=1)
        self.norm = nn.LayerNorm(WIDTH)
        self.attention = attention()
        self.dropout = nn.Dropout(0.1)
        self.lstm = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.head = nn.Linear(WIDTH, TAGS)

    def forward(self, words: Tensor) -> Tensor:
        x = self.embed(words)
        x = x + F.relu(self.conv(x.mT).mT)
        y = self.norm(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return self.head(self.lstm(self.dropout(x))[0])
