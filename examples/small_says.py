"""What must be said of the small models' twins: both frameworks have the same names for all."""

from types import ModuleType
from typing import Any

from varscale.port.libraries import Equinox, HaikuVarianceScaling


def says(door: ModuleType) -> dict[str, dict[str, Any]]:
    """The arguments of `init_` for each model, `like` among them only where it is not by name.

    Args:
        door: `varscale.torch` or `varscale.keras`.
    """
    translator: dict[str, Any] = {
        "names": {
            "embed": "embed",
            "norm": "norm",
            r"encoder\.(\d+)": r"encoder_\1",
            r".*\.mlp": "mlp",
            r".*\.self_attention": "self_attention",
            r".*\.cross_attention": "cross_attention",
        },
        "init": {r".*\.fc\d": {"bias": door.normal(1e-6)}},
        "params": {"positions": ("positions", door.normal(0.02))},
    }
    scanned = {
        **translator,
        "names": {**translator["names"], r"encoder\.(\d+)": "encoder/layer"},
        "lift": {r"encoder\.(\d+)": "scan"},
    }
    return {
        "mlp": {"names": {"head": "head"}},
        "translator": translator,
        "scanned": scanned,
        "lstm": {},
        "nnx": {"names": {"lstm": "lstm/cell"}},
        "haiku": {"init": {"attention": HaikuVarianceScaling(2.0)}},
        "equinox": {"like": Equinox({"": "each"})},
    }
