"""What must be said of the PyTorch twins: names that differ, initializers, flattened inputs."""

from typing import Any

import varscale.torch as vt
from examples.vit_says import vit
from varscale.port import Flattened

HE_FAN_OUT = vt.variance_scaling(2.0, "fan_out", "normal")

VIT = vit(vt)

#: The stem, its norm, the bottlenecks and what is in them are numbered alike on both sides.
RESNET: dict[str, Any] = {
    "names": {
        r".*\.shortcut\.0": "proj_conv",
        r".*\.shortcut\.1": "proj_norm",
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
        r"stem|blocks.*conv\d|.*shortcut\.0": HE_FAN_OUT,
        r"blocks\.3\.bn3": {"scale": vt.zeros},
        r"mixer\.depthwise|decoder\.up1": vt.he_normal(),
    },
    "layout": {
        "hidden": Flattened("CHW", (256, 4, 4)),
        r"decoder\.up2": {"transpose_kernel": True},
    },
}
