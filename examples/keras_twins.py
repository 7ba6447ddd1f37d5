"""The Keras 3 twins of the Flax models, for any backend; what is said is in keras_says."""

# ruff: noqa: D102

from typing import Any

import keras
from keras import layers, ops


class EncoderBlock(layers.Layer):
    """A pre-norm transformer block; epsilon and gelu are Flax's defaults, which are not Keras's."""

    def __init__(self, width: int, heads: int, mlp_width: int) -> None:
        super().__init__()
        self.norm1 = layers.LayerNormalization(epsilon=1e-6)
        self.attention = layers.MultiHeadAttention(heads, width // heads)
        self.norm2 = layers.LayerNormalization(epsilon=1e-6)
        self.fc1 = layers.Dense(mlp_width)
        self.fc2 = layers.Dense(width)

    def call(self, x: Any) -> Any:
        y = self.norm1(x)
        x = x + self.attention(y, y)
        y = ops.gelu(self.fc1(self.norm2(x)), approximate=True)
        return x + self.fc2(y)


class ViT(keras.Model):
    """A vision transformer: (batch, 32, 32, 3) -> logits (batch, classes)."""

    def __init__(
        self, width: int = 192, depth: int = 6, heads: int = 6, mlp_width: int = 768
    ) -> None:
        super().__init__()
        self.embedding = layers.Conv2D(width, 4, strides=4)
        self.cls = self.add_weight(name="cls", shape=(1, 1, width))
        self.positions = self.add_weight(name="positions", shape=(1, 65, width))
        self.blocks = [EncoderBlock(width, heads, mlp_width) for _ in range(depth)]
        self.norm = layers.LayerNormalization(epsilon=1e-6)
        self.head = layers.Dense(100)

    def call(self, images: Any) -> dict[str, Any]:
        x = self.embedding(images)
        batch, height, width, channels = x.shape
        x = ops.reshape(x, (-1, height * width, channels))
        cls = ops.broadcast_to(self.cls, (batch, 1, channels))
        x = ops.concatenate([cls, x], axis=1) + self.positions
        for block in self.blocks:
            x = block(x)
        return {"logits": self.head(self.norm(x)[:, 0])}


def conv(features: int, kernel: int, **options: Any) -> layers.Conv2D:
    """Return a convolution without bias, as before a BatchNormalization."""
    return layers.Conv2D(features, kernel, use_bias=False, **options)


def batch_norm() -> layers.BatchNormalization:
    """Return the Flax model's BatchNorm: Keras's own defaults are 0.99 and 1e-3."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)


class Bottleneck(layers.Layer):
    """A ResNeXt bottleneck; the 3x3 convolution pads (1, 1) where Keras's "same" pads (0, 1)."""

    def __init__(
        self, width: int, features: int, groups: int, *, stride: int = 1, project: bool = False
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(width, 1), batch_norm()
        self.pad = layers.ZeroPadding2D(1)
        self.conv2, self.bn2 = conv(width, 3, strides=stride, groups=groups), batch_norm()
        self.conv3, self.bn3 = conv(features, 1), batch_norm()
        self.project = project
        if project:
            self.proj_conv, self.proj_norm = conv(features, 1, strides=stride), batch_norm()

    def call(self, x: Any) -> Any:
        y = ops.relu(self.bn1(self.conv1(x)))
        y = ops.relu(self.bn2(self.conv2(self.pad(y))))
        y = self.bn3(self.conv3(y))
        shortcut = self.proj_norm(self.proj_conv(x)) if self.project else x
        return ops.relu(y + shortcut)


class Mixer(layers.Layer):
    """Depthwise convolution, then attention over the positions of a small feature map."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.depthwise = layers.DepthwiseConv2D(5, padding="same")
        self.norm = layers.LayerNormalization(epsilon=1e-6)
        self.attention = layers.MultiHeadAttention(heads, channels // heads)

    def call(self, x: Any) -> Any:
        _, height, width, channels = x.shape
        x = x + ops.relu(self.depthwise(x))
        y = self.norm(ops.reshape(x, (-1, height * width, channels)))
        y = self.attention(y, y)
        return x + ops.reshape(y, (-1, height, width, channels))


class Decoder(layers.Layer):
    """Doubles the resolution twice; "same" is Flax's "SAME" for kernel 4 and stride 2."""

    def __init__(self, mask_classes: int) -> None:
        super().__init__()
        self.up1 = layers.Conv2DTranspose(128, 4, strides=2, padding="same", use_bias=False)
        self.bn1 = batch_norm()
        self.up2 = layers.Conv2DTranspose(64, 4, strides=2, padding="same")
        self.mask = layers.Conv2D(mask_classes, 1)

    def call(self, x: Any) -> Any:
        x = ops.relu(self.bn1(self.up1(x)))
        return self.mask(ops.relu(self.up2(x)))


class ResNeXt(keras.Model):
    """A ResNeXt classifier with a segmentation decoder: (batch, 32, 32, 3) -> logits and mask."""

    def __init__(self, groups: int = 8, classes: int = 100, mask_classes: int = 8) -> None:
        super().__init__()
        self.stem, self.bn = conv(64, 3, strides=2, padding="same"), batch_norm()
        self.blocks = [
            Bottleneck(64, 128, groups, project=True),
            Bottleneck(64, 128, groups),
            Bottleneck(128, 256, groups, stride=2, project=True),
            Bottleneck(128, 256, groups),
        ]
        self.mixer = Mixer(256, heads=8)
        self.decoder = Decoder(mask_classes)
        self.pool = layers.AveragePooling2D(2)
        self.flatten = layers.Flatten()  # (height, width, channels), as in Flax
        self.hidden = layers.Dense(256)
        self.head = layers.Dense(classes)

    def call(self, images: Any) -> dict[str, Any]:
        x = ops.relu(self.bn(self.stem(images)))
        for block in self.blocks:
            x = block(x)
        x = self.mixer(x)
        y = ops.relu(self.hidden(self.flatten(self.pool(x))))
        return {"logits": self.head(y), "mask": self.decoder(x)}
