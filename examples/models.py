"""The models of the demo: where the JAX one is, what it is called with, what its twins are like."""

from dataclasses import dataclass, field
from typing import Any

#: What pip calls a module, where that is another name.
PACKAGES = {"haiku": "dm-haiku"}


@dataclass(frozen=True)
class Model:
    """A JAX model.

    Attributes:
        like: its library, as varscale calls it.
        jax: the module of examples and what it has there.
        inputs: names in `sizes.inputs`.
        twin: the class of its twins, in torch_twins or torch_small, keras_twins or keras_small.
        options: of the JAX model.
    """

    like: str
    jax: str
    inputs: tuple[str, ...]
    twin: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def module(self) -> str:
        """What must be importable: flax, haiku or equinox."""
        return self.like.partition(".")[0]

    @property
    def package(self) -> str:
        """What pip calls it."""
        return PACKAGES.get(self.module, self.module)


WORDS, IMAGES = ("source",), ("images",)
BOTH = ("source", "target")

MODELS = {
    "vit": Model("flax.linen", "flax_models:ViT", IMAGES, "twins:ViT"),
    "resnet": Model("flax.linen", "flax_models:ResNeXt", IMAGES, "twins:ResNeXt"),
    "mlp": Model("flax.linen", "linen_small:Mlp", ("vectors",), "small:Mlp"),
    "translator": Model("flax.linen", "linen_small:Translator", BOTH, "small:Translator"),
    "scanned": Model(
        "flax.linen", "linen_small:Translator", BOTH, "small:Translator", {"scanned": True}
    ),
    "lstm": Model("flax.linen", "linen_small:Tagger", WORDS, "small:Tagger"),
    "nnx": Model("flax.nnx", "nnx_tagger:Tagger", WORDS, "small:Tagger"),
    "haiku": Model("haiku", "haiku_tagger:tagger", WORDS, "small:Tagger"),
    "equinox": Model("equinox", "equinox_tagger:Tagger", WORDS, "small:Tagger"),
}
