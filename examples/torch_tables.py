"""The tables of the PyTorch twins: one row per Flax parameter."""

from torch import nn

from examples.rows import Row
from examples.torch_twins import Bottleneck, EncoderBlock, ResNeXt, ViT
from varscale import Layout

LINEAR = Layout("OI", of="IO")
CONV = Layout("OIHW", of="HWIO")
UP = Layout("IOHW", of="HWIO", flip="HW")  # nn.ConvTranspose
UP_GRAD = Layout("IOHW", of="HWOI")  # nn.ConvTranspose(transpose_kernel=True)

HE, HE_FAN_OUT, LECUN = "he_normal", "he_normal_fan_out", "lecun_normal"
LECUN_HWC, XAVIER = "lecun_normal(in_axis=(0, 1, 2))", "xavier_uniform"


# fmt: off
def attention_rows(layer: nn.MultiheadAttention, path: str, kernel: str) -> list[Row]:
    """Flax has three projections where PyTorch packs one; each is drawn with its own fans."""
    e = layer.embed_dim
    wq, wk, wv = layer.in_proj_weight.detach().split(e)
    bq, bk, bv = layer.in_proj_bias.detach().split(e)
    return [
        Row(wq, f"{path}/query/kernel", 1, (e, e), kernel,  LINEAR),
        Row(bq, f"{path}/query/bias",   2, (e,),   "zeros"),
        Row(wk, f"{path}/key/kernel",   1, (e, e), kernel,  LINEAR),
        Row(bk, f"{path}/key/bias",     2, (e,),   "zeros"),
        Row(wv, f"{path}/value/kernel", 1, (e, e), kernel,  LINEAR),
        Row(bv, f"{path}/value/bias",   2, (e,),   "zeros"),
        Row(layer.out_proj.weight, f"{path}/out/kernel", 1, (e, e), kernel, LINEAR),
        Row(layer.out_proj.bias,   f"{path}/out/bias",   2, (e,),   "zeros"),
    ]


def norm_rows(layer: nn.BatchNorm2d | nn.LayerNorm, path: str, scale: str = "ones") -> list[Row]:
    """Running averages are no parameters: they start at 0 and 1 everywhere, and draw nothing."""
    shape = tuple(layer.weight.shape)
    return [
        Row(layer.weight, f"{path}/scale", 1, shape, scale),
        Row(layer.bias,   f"{path}/bias",  2, shape, "zeros"),
    ]


def encoder_block_rows(block: EncoderBlock, path: str) -> list[Row]:
    """Flax's EncoderBlock, whose layers but one name themselves."""
    fc1, fc2 = block.fc1, block.fc2
    d, m = fc1.in_features, fc1.out_features
    return [
        *norm_rows(block.norm1, f"{path}/LayerNorm_0"),
        *attention_rows(block.attention, f"{path}/MultiHeadDotProductAttention_0", XAVIER),
        *norm_rows(block.norm2, f"{path}/LayerNorm_1"),
        Row(fc1.weight, f"{path}/mlp/Dense_0/kernel", 1, (d, m), XAVIER, LINEAR),
        Row(fc1.bias,   f"{path}/mlp/Dense_0/bias",   2, (m,),   "normal(1e-6)"),
        Row(fc2.weight, f"{path}/mlp/Dense_1/kernel", 1, (m, d), XAVIER, LINEAR),
        Row(fc2.bias,   f"{path}/mlp/Dense_1/bias",   2, (d,),   "normal(1e-6)"),
    ]


def vit_rows(vit: ViT) -> list[Row]:
    """Flax's ViT; cls and pos_embedding are the first and second parameter of the top module."""
    d, classes = vit.head.in_features, vit.head.out_features
    rows = [
        Row(vit.embedding.weight, "embedding/kernel", 1, (4, 4, 3, d), LECUN, CONV),
        Row(vit.embedding.bias,   "embedding/bias",   2, (d,),         "zeros"),
        Row(vit.cls,              "cls",              1, (1, 1, d),    "zeros"),
        Row(vit.positions,        "pos_embedding",    2, (1, 65, d),   "normal(0.02)"),
        *norm_rows(vit.norm,      "Transformer/norm"),
        Row(vit.head.weight,      "head/kernel",      1, (d, classes), LECUN, LINEAR),
        Row(vit.head.bias,        "head/bias",        2, (classes,),   "zeros"),
    ]
    for i, block in enumerate(vit.blocks):
        rows += encoder_block_rows(block, f"Transformer/blocks_{i}")
    return rows


def bottleneck_rows(block: Bottleneck, path: str, last_scale: str) -> list[Row]:
    """Flax's Bottleneck; a grouped kernel is (3, 3, in / groups, out)."""
    conv1, conv2, conv3 = block.conv1, block.conv2, block.conv3
    i, w, o = conv1.in_channels, conv2.in_channels, conv3.out_channels
    g = w // conv2.groups
    rows = [
        Row(conv1.weight, f"{path}/Conv_0/kernel", 1, (1, 1, i, w), HE_FAN_OUT, CONV),
        Row(conv2.weight, f"{path}/Conv_1/kernel", 1, (3, 3, g, w), HE_FAN_OUT, CONV),
        Row(conv3.weight, f"{path}/Conv_2/kernel", 1, (1, 1, w, o), HE_FAN_OUT, CONV),
        *norm_rows(block.bn1, f"{path}/BatchNorm_0"),
        *norm_rows(block.bn2, f"{path}/BatchNorm_1"),
        *norm_rows(block.bn3, f"{path}/BatchNorm_2", last_scale),
    ]
    if block.shortcut is not None:
        conv, norm = block.shortcut
        rows += [
            Row(conv.weight, f"{path}/proj_conv/kernel", 1, (1, 1, i, o), HE_FAN_OUT, CONV),
            *norm_rows(norm, f"{path}/proj_norm"),
        ]
    return rows


def resnet_rows(net: ResNeXt) -> list[Row]:
    """Flax's ResNeXt: Bottleneck_0 and Decoder_0 name themselves, mixer and head are named."""
    # Flax flattens (height, width, channels) before the hidden layer, PyTorch (channels, height,
    # width): one axis cannot say that, the four axes of its view as a convolution can.
    hidden = net.hidden.weight.detach().view(256, 256, 4, 4)
    depthwise, head = net.mixer.depthwise, net.head
    up1, up2, mask = net.decoder.up1, net.decoder.up2, net.decoder.mask
    rows = [
        Row(net.stem.weight,  "Conv_0/kernel",               1, (3, 3, 3, 64),    HE_FAN_OUT, CONV),
        *norm_rows(net.bn,    "BatchNorm_0"),
        Row(depthwise.weight, "mixer/depthwise/kernel",      1, (5, 5, 1, 256),   HE, CONV),
        Row(depthwise.bias,   "mixer/depthwise/bias",        2, (256,),           "zeros"),
        *norm_rows(net.mixer.norm, "mixer/LayerNorm_0"),
        *attention_rows(net.mixer.attention, "mixer/MultiHeadAttention_0", LECUN),
        Row(up1.weight,       "Decoder_0/up/kernel",         1, (4, 4, 256, 128), HE, UP),
        *norm_rows(net.decoder.bn1, "Decoder_0/norm"),
        Row(up2.weight,       "Decoder_0/up_grad/kernel",    1, (4, 4, 64, 128),  LECUN, UP_GRAD),
        Row(up2.bias,         "Decoder_0/up_grad/bias",      2, (64,),            "zeros"),
        Row(mask.weight,      "Decoder_0/heads_mask/kernel", 1, (1, 1, 64, 8),    LECUN, CONV),
        Row(mask.bias,        "Decoder_0/heads_mask/bias",   2, (8,),             "zeros"),
        Row(hidden,           "hidden/kernel",               1, (4, 4, 256, 256), LECUN_HWC, CONV),
        Row(net.hidden.bias,  "hidden/bias",                 2, (256,),           "zeros"),
        Row(head.weight,      "head/kernel",                 1, (256, 100),       LECUN, LINEAR),
        Row(head.bias,        "head/bias",                   2, (100,),           "zeros"),
    ]
    for i, block in enumerate(net.blocks):
        rows += bottleneck_rows(block, f"Bottleneck_{i}", "zeros" if i == 3 else "ones")
    return rows
# fmt: on
