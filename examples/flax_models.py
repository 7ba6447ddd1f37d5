"""The two Flax Linen models that the demo ports; nothing in this file knows varscale."""

# ruff: noqa: D102

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.nn import initializers

Array = jax.Array


class MlpBlock(nn.Module):
    """The MLP of a transformer block; the initializers are those of the ViT paper's own code."""

    width: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        dense = partial(
            nn.Dense,
            kernel_init=initializers.xavier_uniform(),
            bias_init=initializers.normal(stddev=1e-6),
        )
        y = nn.gelu(dense(self.width)(x))  # the tanh approximation, Flax's default
        return dense(x.shape[-1])(y)


class EncoderBlock(nn.Module):
    """A pre-norm transformer block; every layer but the MLP names itself."""

    heads: int
    mlp_width: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = nn.LayerNorm()(x)
        y = nn.MultiHeadDotProductAttention(self.heads, kernel_init=initializers.xavier_uniform())(
            y
        )
        x = x + y
        y = nn.LayerNorm()(x)
        return x + MlpBlock(self.mlp_width, name="mlp")(y)


class Encoder(nn.Module):
    """A stack of blocks, named by `setup`: blocks_0, blocks_1, ..., norm."""

    depth: int
    heads: int
    mlp_width: int

    def setup(self) -> None:
        self.blocks = [EncoderBlock(self.heads, self.mlp_width) for _ in range(self.depth)]
        self.norm = nn.LayerNorm()

    def __call__(self, x: Array) -> Array:
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class ViT(nn.Module):
    """A vision transformer: (batch, 32, 32, 3) -> logits (batch, classes)."""

    width: int = 192
    depth: int = 6
    heads: int = 6
    mlp_width: int = 768
    patch: int = 4
    classes: int = 100

    @nn.compact
    def __call__(self, images: Array) -> dict[str, Array]:
        patch = (self.patch, self.patch)
        x = nn.Conv(self.width, patch, strides=patch, padding="VALID", name="embedding")(images)
        x = x.reshape(x.shape[0], -1, self.width)
        cls = self.param("cls", initializers.zeros, (1, 1, self.width))
        x = jnp.concatenate([jnp.broadcast_to(cls, (x.shape[0], 1, self.width)), x], axis=1)
        position_shape = (1, x.shape[1], self.width)
        x = x + self.param("pos_embedding", initializers.normal(stddev=0.02), position_shape)
        x = Encoder(self.depth, self.heads, self.mlp_width, name="Transformer")(x)
        # lecun_normal, the default, and not a ViT's zeros: outputs of 0 would show nothing.
        return {"logits": nn.Dense(self.classes, name="head")(x[:, 0])}


# He's normal by fan_out, not truncated, as ResNets use. Grouped: (3, 3, in / groups, out).
ConvNoBias = partial(
    nn.Conv,
    use_bias=False,
    kernel_init=initializers.variance_scaling(2.0, "fan_out", "normal"),
)
EvalBatchNorm = partial(nn.BatchNorm, use_running_average=True, momentum=0.9, epsilon=1e-5)


class Bottleneck(nn.Module):
    """A ResNeXt bottleneck: grouped 3x3 convolution, projected shortcut where shapes differ."""

    width: int
    features: int
    groups: int
    stride: int = 1
    zero_init_residual: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        strides = (self.stride, self.stride)
        last_scale = initializers.zeros if self.zero_init_residual else initializers.ones
        y = nn.relu(EvalBatchNorm()(ConvNoBias(self.width, (1, 1))(x)))
        y = ConvNoBias(self.width, (3, 3), strides, padding=1, feature_group_count=self.groups)(y)
        y = nn.relu(EvalBatchNorm()(y))
        y = EvalBatchNorm(scale_init=last_scale)(ConvNoBias(self.features, (1, 1))(y))
        if x.shape != y.shape:
            x = ConvNoBias(self.features, (1, 1), strides, name="proj_conv")(x)
            x = EvalBatchNorm(name="proj_norm")(x)
        return nn.relu(x + y)


class Mixer(nn.Module):
    """Depthwise convolution, then attention over the positions of a small feature map."""

    heads: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        batch, height, width, channels = x.shape
        depthwise = nn.Conv(
            channels,
            (5, 5),
            feature_group_count=channels,
            kernel_init=initializers.he_normal(),
            name="depthwise",
        )
        x = x + nn.relu(depthwise(x))
        y = nn.LayerNorm()(x.reshape(batch, height * width, channels))
        y = nn.MultiHeadAttention(num_heads=self.heads)(y)
        return x + y.reshape(x.shape)


class Decoder(nn.Module):
    """Doubles the resolution twice: once per kind of transposed convolution that Flax has."""

    features: tuple[int, int]
    mask_classes: int

    def setup(self) -> None:
        first, second = self.features
        # kernel (4, 4, in, out)
        he_normal = initializers.he_normal()
        self.up = nn.ConvTranspose(first, (4, 4), (2, 2), use_bias=False, kernel_init=he_normal)
        self.norm = EvalBatchNorm()
        # kernel (4, 4, out, in): the gradient of a convolution, as in PyTorch and Keras
        self.up_grad = nn.ConvTranspose(second, (4, 4), (2, 2), transpose_kernel=True)
        self.heads = {"mask": nn.Conv(self.mask_classes, (1, 1))}  # named heads_mask

    def __call__(self, x: Array) -> Array:
        x = nn.relu(self.norm(self.up(x)))
        x = nn.relu(self.up_grad(x))
        return self.heads["mask"](x)


class ResNeXt(nn.Module):
    """A ResNeXt classifier with a segmentation decoder: (batch, 32, 32, 3) -> logits and mask."""

    groups: int = 8
    classes: int = 100
    mask_classes: int = 8

    @nn.compact
    def __call__(self, images: Array) -> dict[str, Array]:
        x = ConvNoBias(64, (3, 3), (2, 2))(
            images
        )  # "SAME" with stride 2: Flax pads (0, 1), not (1, 1)
        x = nn.relu(EvalBatchNorm()(x))
        block: Any = partial(Bottleneck, groups=self.groups)
        x = block(64, 128)(x)
        x = block(64, 128)(x)
        x = block(128, 256, stride=2)(x)
        x = block(128, 256, zero_init_residual=True)(x)
        x = Mixer(heads=8, name="mixer")(x)
        mask = Decoder((128, 64), self.mask_classes)(x)
        y = nn.avg_pool(x, (2, 2), (2, 2))
        y = y.reshape(y.shape[0], -1)  # (height, width, channels) flattened in this order
        y = nn.relu(nn.Dense(256, name="hidden")(y))
        return {"logits": nn.Dense(self.classes, name="head")(y), "mask": mask}


MODELS: dict[str, type[nn.Module]] = {"vit": ViT, "resnet": ResNeXt}
