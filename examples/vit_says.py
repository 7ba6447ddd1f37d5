"""What must be said of the ViT twins, which name their modules alike in both frameworks."""

from types import ModuleType
from typing import Any


def vit(door: ModuleType) -> dict[str, Any]:
    """Names and initializers; norm1, attention and norm2 have the names that Flax gives itself.

    Args:
        door: `varscale.torch` or `varscale.keras`.
    """
    xavier = door.xavier_uniform()
    return {
        "names": {
            "embedding": "embedding",
            r"blocks\.(\d+)": r"Transformer/blocks_\1",
            r".*\.fc1": "mlp/Dense_0",
            r".*\.fc2": "mlp/Dense_1",
            "norm": "Transformer/norm",
            "head": "head",
        },
        "init": {
            r".*\.attention": {"kernel": xavier},
            r".*\.fc[12]": {"kernel": xavier, "bias": door.normal(1e-6)},
        },
        "params": {
            "cls": ("cls", door.zeros),
            "positions": ("pos_embedding", door.normal(0.02)),
        },
    }
