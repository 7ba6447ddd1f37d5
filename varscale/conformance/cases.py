"""Which cases there are, before anything is drawn: the promise that a run is held to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from varscale.arguments import check_choice
from varscale.conformance.layers import LAYERS
from varscale.conformance.specs import Name, Spec, of_layer
from varscale.conformance.subject import Subject
from varscale.initializers import Distribution, Mode

__all__ = ["DTYPES", "Case", "Kind", "Profile", "Reference", "promised"]

#: "law": samples against their law. "scale": how the scale changes from one shape to another,
#: without sampling. "bits": equality with JAX. "manners": shapes, errors, determinism.
Kind: TypeAlias = Literal["law", "scale", "bits", "manners"]
#: "fast" draws half, "thorough" a hundred times as much as "default".
Profile: TypeAlias = Literal["fast", "default", "thorough"]

#: The dtypes that are tested.
DTYPES = (*("float32", "float64", "float16", "bfloat16", "float8_e5m2", "complex64", "complex128"),)
_REAL = DTYPES[:5]
_PLAIN: tuple[Name, ...] = ("normal", "truncated_normal", "uniform")
_SHAPE = LAYERS["dense"].shape
# Libraries have a function for each pair; the geometric mean is one number in most shapes.
_SCALED: tuple[tuple[Mode, Distribution], ...] = (
    *(("fan_in", "truncated_normal"), ("fan_in", "normal"), ("fan_in", "uniform")),
    *(("fan_out", "normal"), ("fan_out", "uniform")),
    *(("fan_avg", "normal"), ("fan_avg", "uniform")),
    ("fan_geo_avg", "uniform"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Attributes:
        id: as "law/dense/fan_in/normal/float32/cpu"; each of a run has its own.
        kind: see `Kind`.
        device: of the subject.
        dtype: its name.
        spec: what is drawn.
        shape: JAX's.
        draws: how many, each under a key of its own.
        what: of "manners", which of them; of "bits", what the reference is.
    """

    id: str
    kind: Kind
    device: str
    dtype: str
    spec: Spec
    shape: tuple[int, ...]
    draws: int = 1
    what: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """What tables say of it; see `varscale.conformance.results.Outcome`."""
        return {
            "initializer": self.spec.initializer,
            "layer": self.spec.layer,
            "mode": self.spec.mode if self.spec.initializer == "variance_scaling" else "",
            "distribution": self.spec.samples,
            "dtype": self.dtype,
            "device": self.device,
        }


@dataclass(frozen=True, slots=True)
class Reference:
    """What bits are compared with.

    Attributes:
        name: "eager" or "jit", of the installed JAX; or the name of a recorded file.
        dtypes: whose values varscale has a name for, in this form.
        recorded: whether it is a file.
    """

    name: str
    dtypes: tuple[str, ...] = DTYPES
    recorded: bool = False


def promised(
    subject: Subject,
    *,
    devices: Sequence[str],
    dtypes: Sequence[str],
    profile: Profile,
    manners: Sequence[str],
    references: Sequence[Reference],
) -> tuple[Case, ...]:
    """The cases of a run.

    Args:
        subject: what is tested; its claims choose the kinds.
        devices: to draw on.
        dtypes: some of `DTYPES`.
        profile: how much is drawn.
        manners: the names of the manners.
        references: what bits are compared with.
    """
    check_choice("profile", profile, get_args(Profile))
    for dtype in dtypes:
        check_choice("dtype", dtype, DTYPES)
    found: list[Case] = []
    for device in devices:
        if "law" in subject.claims:
            found += _laws(device, dtypes, profile)
            found += _scales(device, dtypes)
        if "bits" in subject.claims:
            found += _bits(device, dtypes, references, brief=profile == "fast")
        if "manners" in subject.claims:
            plain = Spec("normal")
            for what in manners:
                name = f"manners/{what}/{device}"
                found.append(Case(name, "manners", device, "float32", plain, _SHAPE, what=what))
    return tuple(found)


def _laws(device: str, dtypes: Sequence[str], profile: Profile) -> Iterator[Case]:
    draws = {"fast": 2, "default": 4, "thorough": 400}[profile]
    for spec, dtype in _specs(dtypes, brief=profile == "fast"):
        shape = LAYERS[spec.layer].shape
        name = f"law/{spec.layer}/{spec.name}/{dtype}/{device}"
        yield Case(name, "law", device, dtype, spec, shape, draws)


def _specs(dtypes: Sequence[str], *, brief: bool) -> Iterator[tuple[Spec, str]]:
    for dtype in dtypes:
        for mode in get_args(Mode):
            if mode == "fan_in" or not brief or dtype == "float32":
                for distribution in get_args(Distribution):
                    yield of_layer("dense", mode, distribution), dtype
        for name in _PLAIN if dtype in _REAL else ("normal",):
            yield Spec(name, 1.0 if name == "uniform" else 0.02), dtype
    if "float32" in dtypes:
        yield of_layer("dense", "fan_in", "normal", 2.0), "float32"
        yield of_layer("dense", "fan_in", "truncated_normal", 2.0), "float32"
        for layer in LAYERS:
            if layer != "dense":
                # Uniform ones: many libraries have other truncated normals, whatever the layer.
                for mode in get_args(Mode)[:3]:
                    yield of_layer(layer, mode, "uniform"), "float32"
                yield of_layer(layer, "fan_in", "truncated_normal"), "float32"


def _scales(device: str, dtypes: Sequence[str]) -> Iterator[Case]:
    if "float32" in dtypes:
        for mode, distribution in _SCALED:
            spec = of_layer("dense", mode, distribution)
            name = f"scale/{spec.name}/float32/{device}"
            yield Case(name, "scale", device, "float32", spec, (64, 66), 1)


def _bits(
    device: str, dtypes: Sequence[str], references: Sequence[Reference], *, brief: bool
) -> Iterator[Case]:
    for reference in references:
        if reference.recorded:
            name = f"bits/{reference.name}/{device}"
            plain = Spec("normal")
            yield Case(name, "bits", device, "float32", plain, _SHAPE, what=reference.name)
            continue
        # JAX compiles each case anew, most of the time of a run.
        few = [dtype for dtype in dtypes if dtype in ("float32", "bfloat16") or not brief]
        for spec, dtype in _compared(few, reference, brief=brief):
            shape = LAYERS[spec.layer].shape
            name = f"bits/{reference.name}/{spec.layer}/{spec.name}/{dtype}/{device}"
            yield Case(name, "bits", device, dtype, spec, shape, what=reference.name)


def _compared(
    dtypes: Sequence[str], reference: Reference, *, brief: bool
) -> Iterator[tuple[Spec, str]]:
    for dtype in dtypes:
        if dtype not in reference.dtypes:
            continue
        for distribution in get_args(Distribution):
            yield of_layer("dense", "fan_in", distribution), dtype
        for plain in _PLAIN if dtype in _REAL else ("normal",):
            yield Spec(plain, 1.0 if plain == "uniform" else 0.02), dtype
        if dtype != "float32" or brief:
            continue
        for mode in get_args(Mode)[1:]:
            yield of_layer("dense", mode, "truncated_normal"), dtype
        if reference.name == "eager":
            for layer in LAYERS:
                if layer != "dense":
                    yield of_layer(layer, "fan_in", "truncated_normal"), dtype
