"""The draws of a traced function: the laws of its samplers, every constant already rounded."""

from __future__ import annotations

from typing import Any

import numpy as np

from varscale import distributions
from varscale.dtypes import FLOATS
from varscale.numerics import Law
from varscale.numerics.arithmetic import Arithmetic
from varscale.recipe.recording.products import BY_RECIPROCAL
from varscale.recipe.recording.values import Drawn, Fixed, Tracing, Value
from varscale.recipe.recording.versions import FOLDS, OLD_LOG1P

__all__ = ["normal_of", "sampled"]


def sampled(tracer: Tracing, eqn: Any, inputs: list[Value]) -> Value:
    """The draw of a call to a sampler of JAX's.

    Raises:
        NotImplementedError: a dtype or bounds that cannot be recorded.
    """
    key, *bounds = inputs
    batch, aval = eqn.invars[0].aval.shape, eqn.outvars[0].aval
    shape, dtype = aval.shape[len(batch) :], np.dtype(aval.dtype)
    name = eqn.params["name"]
    if dtype not in FLOATS:
        raise NotImplementedError(f"no draw of {dtype} is recorded")
    if name == "_orthogonal":
        fields = {"shape": shape, "dtype": dtype}
        if OLD_LOG1P and dtype == np.float64:
            fields["old_log1p"] = True
        return tracer.scope.add("orthogonal", key, shape=batch + shape, fields=fields)
    if not all(isinstance(one, Fixed) for one in bounds):
        raise NotImplementedError("its bounds depend on the key, or on the step of a loop")
    low, high = (one.number for one in bounds if isinstance(one, Fixed))
    folded = tracer.unit is not None and all(one.inner for one in bounds if isinstance(one, Fixed))
    if name == "_uniform":
        drawn = Drawn(key, batch, shape, _uniform_law(dtype, low, high), unit=tracer.unit)
        return _of_unit_length(tracer, drawn) if folded and FOLDS else drawn
    compiled = folded or (False if OLD_LOG1P else None)
    law = distributions.truncated_normal(dtype, 1.0, float(low), float(high), compiled)
    return Drawn(key, batch, shape, law, unit=tracer.unit)


def _uniform_law(dtype: np.dtype[Any], low: Any, high: Any) -> Law:
    in_dtype = Arithmetic(dtype)
    return Law(dtype, "uniform", (in_dtype.value(low), in_dtype.value(high)), in_dtype.value(1))


def _of_unit_length(tracer: Tracing, drawn: Drawn) -> Value:
    """A uniform in [low, low + 1) in compiled code, where XLA makes one sum of two.

    JAX draws 1 <= x < 2 and computes (x - 1) * (high - low) + low: of this, x + (low - 1) is left.
    """
    law, batch, shape = drawn.law, drawn.batch, drawn.shape
    in_dtype, (low, high) = Arithmetic(law.dtype), law.interval
    if law.dtype not in BY_RECIPROCAL or low == 0 or in_dtype.subtract(high, low) != 1:
        return drawn
    x = Drawn(drawn.key, batch, shape, _uniform_law(law.dtype, 1, 2))
    offset = Fixed(np.asarray(in_dtype.subtract(low, in_dtype.value(1))))
    total = tracer.scope.add("add", x, offset, shape=batch + shape)
    return tracer.scope.add("maximum", total, Fixed(np.asarray(low)), shape=batch + shape)


def normal_of(tracer: Tracing, eqn: Any, x: Value) -> Value | None:
    """A normal, before its factors: of uniforms as JAX draws them for it."""
    if not isinstance(x, Drawn) or x.law.distribution != "uniform" or x.scale:
        return None
    law = distributions.normal(x.law.dtype, 1.0, False)
    if tuple(map(float, law.interval)) != tuple(map(float, x.law.interval)):  # type: ignore[union-attr]
        return None
    one = Arithmetic(x.law.dtype).value(1)
    normal = Law(x.law.dtype, "normal", x.law.interval, one, old_log1p=OLD_LOG1P)
    return Drawn(x.key, x.batch, x.shape, normal, unit=tracer.unit)
