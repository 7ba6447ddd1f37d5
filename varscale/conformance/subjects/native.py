"""JAX itself: `jax.nn.initializers`, eager and under `jax.jit`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from varscale.conformance.specs import Spec
from varscale.conformance.subject import Claim, NotOffered
from varscale.conformance.subjects import jax_devices
from varscale.conformance.subjects.offered import check_device, check_real
from varscale.dtypes import as_dtype
from varscale.keys import Key

__all__ = ["COMPILED", "EAGER", "Native"]


@dataclass
class Native:
    """JAX as it is installed. `spec.compiled` is not asked: the subject is one or the other.

    Attributes:
        name: of the subject.
        compiled: whether `jax.jit` compiles the draw, which rounds some values in another way.
        claims: of the subject.
    """

    name: str
    compiled: bool
    claims: frozenset[Claim] = frozenset({"bits", "law", "manners"})

    def devices(self) -> list[str]:
        """The devices that JAX sees."""
        return jax_devices.devices()

    def draw(self, spec: Spec, key: Key, shape: tuple[int, ...], dtype: str, device: str) -> Any:
        """Draw as JAX does; see `Subject`."""
        check_device(self.name, device, self.devices())
        check_real(spec, dtype)
        with jax_devices.settings(dtype, device, partitionable=key.partitionable):
            typed = jax_devices.typed_key(key)
            if self.compiled:
                # What JAX is not told makes no other program.
                told = replace(spec, layer="dense", compiled=None)
                return _jitted(told, shape, dtype)(typed)
            return _initializer(spec)(typed, shape, as_dtype(dtype))

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        """See `Subject`."""
        return jax_devices.to_numpy(array)


def _initializer(spec: Spec) -> Callable[..., Any]:
    import jax

    make: Any = getattr(jax.nn.initializers, spec.initializer)
    made: Callable[..., Any]
    if spec.initializer != "variance_scaling":
        made = make(spec.scale)
        return made
    if spec.mode == "fan_geo_avg" and jax.__version_info__ < (0, 5):
        raise NotOffered(f"jax {jax.__version__} has no mode fan_geo_avg")
    made = make(
        spec.scale, spec.mode, spec.distribution, spec.in_axis, spec.out_axis, spec.batch_axis
    )
    return made


@functools.lru_cache(maxsize=256)
def _jitted(spec: Spec, shape: tuple[int, ...], dtype: str) -> Callable[[Any], Any]:
    """A compiled function of the key, so that many keys cost one compilation."""
    import jax

    init = _initializer(spec)
    compiled: Callable[[Any], Any] = jax.jit(lambda key: init(key, shape, as_dtype(dtype)))
    return compiled


EAGER = Native("jax", compiled=False)
COMPILED = Native("jax.jit", compiled=True)
