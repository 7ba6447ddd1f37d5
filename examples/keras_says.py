"""What must be said of the Keras twins: names that differ, and initializers."""

from typing import Any

import varscale.keras as vk
from examples.vit_says import vit

HE_FAN_OUT = vk.variance_scaling(2.0, "fan_out", "normal")

VIT = vit(vk)

#: The stem, its norm, the bottlenecks and what is in them are numbered alike on both sides.
RESNET: dict[str, Any] = {
    "names": {
        r".*\.proj_conv": "proj_conv",
        r".*\.proj_norm": "proj_norm",
        "mixer": "mixer",
        r"mixer\.depthwise": "depthwise",
        r"mixer\.attention": "MultiHeadAttention_0",
        r"decoder\.up1": "up",
        r"decoder\.bn1": "norm",
        r"decoder\.up2": "up_grad",
        r"decoder\.mask": "heads_mask",
        "hidden": "hidden",
        "head": "head",
    },
    "init": {
        r"stem|blocks.*conv\d?": HE_FAN_OUT,
        r"blocks\.3\.bn3": {"scale": vk.zeros},
        r"mixer\.depthwise|decoder\.up1": vk.he_normal(),
    },
    "layout": {r"decoder\.up2": {"transpose_kernel": True}},
}
