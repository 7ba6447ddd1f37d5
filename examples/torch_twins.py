"""The PyTorch twins of the Flax models; what is said of them is in torch_says."""

# ruff: noqa: D102

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class EncoderBlock(nn.Module):
    """A pre-norm transformer block; eps and gelu are Flax's defaults, which are not PyTorch's."""

    def __init__(self, width: int, heads: int, mlp_width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.fc1 = nn.Linear(width, mlp_width)
        self.fc2 = nn.Linear(mlp_width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        y = F.gelu(self.fc1(self.norm2(x)), approximate="tanh")
        return x + self.fc2(y)


class ViT(nn.Module):
    """A vision transformer: (batch, 3, 32, 32) -> logits (batch, classes)."""

    def __init__(
        self, width: int = 192, depth: int = 6, heads: int = 6, mlp_width: int = 768
    ) -> None:
        super().__init__()
        self.embedding = nn.Conv2d(3, width, 4, stride=4)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, 65, width))
        self.blocks = nn.Sequential(*(EncoderBlock(width, heads, mlp_width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, 100)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        x = self.embedding(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], dim=1) + self.positions
        x = self.norm(self.blocks(x))
        return {"logits": self.head(x[:, 0])}


def conv(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1, padding: int = 0
) -> nn.Conv2d:
    """Return a convolution without bias, as before a BatchNorm2d."""
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)


class Bottleneck(nn.Module):
    """A ResNeXt bottleneck; BatchNorm2d's defaults are the Flax model's 0.9 and 1e-5."""

    def __init__(
        self, inputs: int, width: int, features: int, groups: int, stride: int = 1
    ) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2 = conv(width, width, 3, stride=stride, groups=groups, padding=1)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, features, 1), nn.BatchNorm2d(features)
        self.shortcut: nn.Sequential | None = None
        if stride != 1 or inputs != features:
            self.shortcut = nn.Sequential(
                conv(inputs, features, 1, stride=stride), nn.BatchNorm2d(features)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Mixer(nn.Module):
    """Depthwise convolution, then attention over the positions of a small feature map."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = x + F.relu(self.depthwise(x))
        y = self.norm(x.flatten(2).transpose(1, 2))
        y = self.attention(y, y, y, need_weights=False)[0]
        return x + y.transpose(1, 2).reshape(x.shape)


class Decoder(nn.Module):
    """Doubles the resolution twice; kernel 4, stride 2, padding 1 is Flax's "SAME"."""

    def __init__(self, inputs: int, mask_classes: int) -> None:
        super().__init__()
        self.up1 = nn.ConvTranspose2d(inputs, 128, 4, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(128)
        self.up2 = nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1)
        self.mask = nn.Conv2d(64, mask_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.up1(x)))
        return self.mask(F.relu(self.up2(x)))


class ResNeXt(nn.Module):
    """A ResNeXt classifier with a segmentation decoder: (batch, 3, 32, 32) -> logits and mask."""

    def __init__(self, groups: int = 8, classes: int = 100, mask_classes: int = 8) -> None:
        super().__init__()
        self.stem, self.bn = conv(3, 64, 3, stride=2), nn.BatchNorm2d(64)
        self.blocks = nn.Sequential(
            Bottleneck(64, 64, 128, groups),
            Bottleneck(128, 64, 128, groups),
            Bottleneck(128, 128, 256, groups, stride=2),
            Bottleneck(256, 128, 256, groups),
        )
        self.mixer = Mixer(256, heads=8)
        self.decoder = Decoder(256, mask_classes)
        self.hidden = nn.Linear(256 * 4 * 4, 256)
        self.head = nn.Linear(256, classes)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        x = F.pad(images, (0, 1, 0, 1))  # Flax's "SAME" for kernel 3, stride 2 and an even size
        x = F.relu(self.bn(self.stem(x)))
        x = self.mixer(self.blocks(x))
        y = F.avg_pool2d(x, 2).flatten(1)  # (channels, height, width) flattened in this order
        y = F.relu(self.hidden(y))
        return {"logits": self.head(y), "mask": self.decoder(x)}
