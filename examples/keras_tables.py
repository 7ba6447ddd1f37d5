"""The tables of the Keras twins: one row per Flax parameter."""

from keras import layers

from examples.keras_twins import Bottleneck, EncoderBlock, ResNeXt, ViT
from examples.rows import Row
from varscale import Layout

# Most of Keras's layouts are Flax's: no layout in the row. Keras's own shape of an attention
# kernel, (in, heads, size), or of a depthwise one, (height, width, in, 1), has the same values
# in the same order, so those are drawn in Flax's shape and reshaped.
UP = Layout("HWOI", of="HWIO", flip="HW")  # nn.ConvTranspose; transpose_kernel=True needs none

HE, HE_FAN_OUT, LECUN = "he_normal", "he_normal_fan_out", "lecun_normal"
XAVIER = "xavier_uniform"


# fmt: off
def attention_rows(layer: layers.MultiHeadAttention, path: str, kernel: str) -> list[Row]:
    """Four projections; every kernel is drawn as Flax draws it, flattened to (in, heads * size)."""
    e = layer.num_heads * layer.key_dim
    query, key, value, out = (
        layer.query_dense, layer.key_dense, layer.value_dense, layer.output_dense
    )
    return [
        Row(query.kernel, f"{path}/query/kernel", 1, (e, e), kernel),
        Row(query.bias,   f"{path}/query/bias",   2, (e,),   "zeros"),
        Row(key.kernel,   f"{path}/key/kernel",   1, (e, e), kernel),
        Row(key.bias,     f"{path}/key/bias",     2, (e,),   "zeros"),
        Row(value.kernel, f"{path}/value/kernel", 1, (e, e), kernel),
        Row(value.bias,   f"{path}/value/bias",   2, (e,),   "zeros"),
        Row(out.kernel,   f"{path}/out/kernel",   1, (e, e), kernel),
        Row(out.bias,     f"{path}/out/bias",     2, (e,),   "zeros"),
    ]


def norm_rows(layer: layers.Layer, path: str, scale: str = "ones") -> list[Row]:
    """Moving averages are no parameters: they start at 0 and 1 everywhere, and draw nothing."""
    shape = tuple(layer.gamma.shape)
    return [
        Row(layer.gamma, f"{path}/scale", 1, shape, scale),
        Row(layer.beta,  f"{path}/bias",  2, shape, "zeros"),
    ]


def encoder_block_rows(block: EncoderBlock, path: str) -> list[Row]:
    """Flax's EncoderBlock, whose layers but one name themselves."""
    fc1, fc2 = block.fc1, block.fc2
    d, m = fc1.kernel.shape
    return [
        *norm_rows(block.norm1, f"{path}/LayerNorm_0"),
        *attention_rows(block.attention, f"{path}/MultiHeadDotProductAttention_0", XAVIER),
        *norm_rows(block.norm2, f"{path}/LayerNorm_1"),
        Row(fc1.kernel, f"{path}/mlp/Dense_0/kernel", 1, (d, m), XAVIER),
        Row(fc1.bias,   f"{path}/mlp/Dense_0/bias",   2, (m,),   "normal(1e-6)"),
        Row(fc2.kernel, f"{path}/mlp/Dense_1/kernel", 1, (m, d), XAVIER),
        Row(fc2.bias,   f"{path}/mlp/Dense_1/bias",   2, (d,),   "normal(1e-6)"),
    ]


def vit_rows(vit: ViT) -> list[Row]:
    """Flax's ViT; cls and pos_embedding are the first and second parameter of the top module."""
    d, classes = vit.head.kernel.shape
    rows = [
        Row(vit.embedding.kernel, "embedding/kernel", 1, (4, 4, 3, d), LECUN),
        Row(vit.embedding.bias,   "embedding/bias",   2, (d,),         "zeros"),
        Row(vit.cls,              "cls",              1, (1, 1, d),    "zeros"),
        Row(vit.positions,        "pos_embedding",    2, (1, 65, d),   "normal(0.02)"),
        *norm_rows(vit.norm,      "Transformer/norm"),
        Row(vit.head.kernel,      "head/kernel",      1, (d, classes), LECUN),
        Row(vit.head.bias,        "head/bias",        2, (classes,),   "zeros"),
    ]
    for i, block in enumerate(vit.blocks):
        rows += encoder_block_rows(block, f"Transformer/blocks_{i}")
    return rows


def bottleneck_rows(block: Bottleneck, path: str, last_scale: str) -> list[Row]:
    """Flax's Bottleneck; a grouped kernel is (3, 3, in / groups, out)."""
    kernels = block.conv1.kernel, block.conv2.kernel, block.conv3.kernel
    rows = [
        Row(kernels[0], f"{path}/Conv_0/kernel", 1, kernels[0].shape, HE_FAN_OUT),
        Row(kernels[1], f"{path}/Conv_1/kernel", 1, kernels[1].shape, HE_FAN_OUT),
        Row(kernels[2], f"{path}/Conv_2/kernel", 1, kernels[2].shape, HE_FAN_OUT),
        *norm_rows(block.bn1, f"{path}/BatchNorm_0"),
        *norm_rows(block.bn2, f"{path}/BatchNorm_1"),
        *norm_rows(block.bn3, f"{path}/BatchNorm_2", last_scale),
    ]
    if block.project:
        kernel = block.proj_conv.kernel
        rows += [
            Row(kernel, f"{path}/proj_conv/kernel", 1, kernel.shape, HE_FAN_OUT),
            *norm_rows(block.proj_norm, f"{path}/proj_norm"),
        ]
    return rows


def resnet_rows(net: ResNeXt) -> list[Row]:
    """Flax's ResNeXt: Bottleneck_0 and Decoder_0 name themselves, mixer and head are named."""
    depthwise, hidden, head = net.mixer.depthwise, net.hidden, net.head
    up1, up2, mask = net.decoder.up1, net.decoder.up2, net.decoder.mask
    rows = [
        Row(net.stem.kernel,  "Conv_0/kernel",                  1, (3, 3, 3, 64),    HE_FAN_OUT),
        *norm_rows(net.bn,    "BatchNorm_0"),
        Row(depthwise.kernel, "mixer/depthwise/kernel",         1, (5, 5, 1, 256),   HE),
        Row(depthwise.bias,   "mixer/depthwise/bias",           2, (256,),           "zeros"),
        *norm_rows(net.mixer.norm, "mixer/LayerNorm_0"),
        *attention_rows(net.mixer.attention, "mixer/MultiHeadAttention_0", LECUN),
        Row(up1.kernel,       "Decoder_0/up/kernel",            1, (4, 4, 256, 128), HE, UP),
        *norm_rows(net.decoder.bn1, "Decoder_0/norm"),
        Row(up2.kernel,       "Decoder_0/up_grad/kernel",       1, (4, 4, 64, 128),  LECUN),
        Row(up2.bias,         "Decoder_0/up_grad/bias",         2, (64,),            "zeros"),
        Row(mask.kernel,      "Decoder_0/heads_mask/kernel",    1, (1, 1, 64, 8),    LECUN),
        Row(mask.bias,        "Decoder_0/heads_mask/bias",      2, (8,),             "zeros"),
        Row(hidden.kernel,    "hidden/kernel",                  1, (4096, 256),      LECUN),
        Row(hidden.bias,      "hidden/bias",                    2, (256,),           "zeros"),
        Row(head.kernel,      "head/kernel",                    1, (256, 100),       LECUN),
        Row(head.bias,        "head/bias",                      2, (100,),           "zeros"),
    ]
    for i, block in enumerate(net.blocks):
        rows += bottleneck_rows(block, f"Bottleneck_{i}", "zeros" if i == 3 else "ones")
    return rows
# fmt: on
