"""Walking through a traced function: calls are entered, loops become scans, constants are computed.

What each primitive becomes is in `varscale.recipe.recording.primitives`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import jax
import numpy as np

from varscale.recipe.recording import primitives
from varscale.recipe.recording.samplers import is_sampler
from varscale.recipe.recording.sampling import sampled
from varscale.recipe.recording.values import Fixed, Scope, Unit, Value

__all__ = ["Tracer"]

#: Calls that run as if their code stood where they are; the parameter that holds the code.
_INLINED = {
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "checkpoint": "jaxpr",
    "remat2": "jaxpr",
    "remat": "jaxpr",
}
_JITTED = ("jit", "pjit")


class Tracer:
    """Writes the operations of a jaxpr into a scope; a `Tracing`, where its attributes are said."""

    def __init__(self, scope: Scope, unit: Unit | None = None) -> None:
        self.scope = scope
        self.unit = unit

    def run(self, jaxpr: Any, consts: Sequence[Any], inputs: Sequence[Value]) -> list[Value]:
        """The outputs of a jaxpr, its inputs given."""
        values: dict[Any, Value] = dict(zip(jaxpr.invars, inputs, strict=True))
        values.update(zip(jaxpr.constvars, map(known, consts), strict=True))

        def read(atom: Any) -> Value:
            return known(atom.val, atom.aval.dtype) if hasattr(atom, "val") else values[atom]

        for eqn in jaxpr.eqns:
            results = self.step(eqn, [read(atom) for atom in eqn.invars])
            values.update(zip(eqn.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def step(self, eqn: Any, inputs: list[Value]) -> list[Value]:
        """The results of one equation."""
        name = eqn.primitive.name
        for atom in eqn.outvars:
            _check_generator(atom.aval.dtype)
        if name in _JITTED:
            return self._jitted(eqn, inputs)
        if name in _INLINED:
            return self._inlined(eqn, eqn.params[_INLINED[name]], inputs)
        fixed = [one for one in inputs if isinstance(one, Fixed)]
        if len(fixed) == len(inputs) and not eqn.effects:
            folded = self.unit is not None and all(one.inner for one in fixed)
            return evaluated(eqn, fixed, folded=folded)
        if name == "cond" and isinstance(inputs[0], Fixed):
            branches = eqn.params["branches"]
            chosen = min(max(int(inputs[0].array), 0), len(branches) - 1)
            return self._inlined(eqn, branches[chosen], inputs[1:])
        if name == "scan":
            return self._scan(eqn, inputs)
        try:
            results = primitives.recorded(self, eqn, inputs)
        except NotImplementedError as error:
            refuse(eqn, str(error))
        if results is None:
            refuse(eqn, "no operation of a recipe is equal to it, bit for bit, without JAX")
        return results

    def _inlined(self, eqn: Any, code: Any, inputs: Sequence[Value]) -> list[Value]:
        return self.run(getattr(code, "jaxpr", code), getattr(code, "consts", ()), inputs)

    def _jitted(self, eqn: Any, inputs: list[Value]) -> list[Value]:
        code = eqn.params["jaxpr"]
        avals = tuple(atom.aval for atom in eqn.invars)
        if len(eqn.outvars) == 1 and is_sampler(
            eqn.params["name"], code, avals, eqn.outvars[0].aval
        ):
            try:
                return [sampled(self, eqn, inputs)]
            except NotImplementedError as error:
                refuse(eqn, str(error))
        if self.unit is not None:
            return self._inlined(eqn, code, inputs)
        return Tracer(self.scope, Unit())._inlined(eqn, code, handed(inputs))

    def _scan(self, eqn: Any, inputs: list[Value]) -> list[Value]:
        params = eqn.params
        n, carried = _consts_and_carry(params)
        length = params["length"]
        if not length:
            refuse(eqn, "it has no steps")
        consts = inputs[:n] if self.unit is not None else handed(inputs[:n])
        # What the key has no part in is known inside the loop too; all else is handed in.
        passed = [one for one in consts if not isinstance(one, Fixed)]
        code = params["jaxpr"]
        shapes = [atom.aval.shape for atom in code.jaxpr.invars]
        kept = [shape for one, shape in zip(consts, shapes, strict=False) if one in passed]
        body = Scope([*kept, *shapes[n:]])
        given = iter(body.given)
        inside = [one if isinstance(one, Fixed) else next(given) for one in consts]
        outputs = Tracer(body, self.unit or Unit()).run(code.jaxpr, code.consts, [*inside, *given])
        repeated = [isinstance(one, Fixed) and i >= carried for i, one in enumerate(outputs)]
        results = tuple(
            body.number(one) for one, again in zip(outputs, repeated, strict=True) if not again
        )
        written = iter(
            self.scope.add_many(
                "scan",
                *passed,
                *inputs[n:],
                shapes=[
                    atom.aval.shape
                    for atom, again in zip(eqn.outvars, repeated, strict=True)
                    if not again
                ],
                fields={
                    "length": length,
                    "reverse": bool(params["reverse"]),
                    "consts": len(passed),
                    "carry": carried,
                    "body": tuple(body.program),
                    "results": results,
                },
            )
        )
        return [
            _repeated(one, length) if again and isinstance(one, Fixed) else next(written)
            for one, again in zip(outputs, repeated, strict=True)
        ]


def _consts_and_carry(params: Any) -> tuple[int, int]:
    """How many inputs of a scan are the same in each step, and how many are carried."""
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    consts, carry, _ = params["ft_in"].unpack()  # since jax 0.12
    return len(consts), len(carry)


def known(value: Any, dtype: Any = None) -> Fixed:
    """A constant of traced code; a Python number needs a dtype."""
    if _is_key(getattr(value, "dtype", None)):
        _check_generator(value.dtype)
        return Fixed(np.asarray(jax.random.key_data(value)), is_key=True)
    return Fixed(_shrunk(np.asarray(value, dtype)))


def _is_key(dtype: Any) -> bool:
    return bool(jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key))


def _check_generator(dtype: Any) -> None:
    if _is_key(dtype) and str(dtype) != "key<fry>":
        raise NotImplementedError(f"{dtype} cannot be recorded: only threefry2x32 (key<fry>) can")


def handed(values: Sequence[Value]) -> list[Value]:
    """Values as compiled code gets them from outside: it cannot compute with their constants."""
    return [
        Fixed(one.array, one.is_key, inner=False) if isinstance(one, Fixed) else one
        for one in values
    ]


def refuse(eqn: Any, why: str) -> NoReturn:
    """Raise NotImplementedError that names a primitive, and where it was called."""
    from jax._src import source_info_util  # no public name tells where an equation comes from

    avals = ", ".join(atom.aval.str_short() for atom in eqn.invars)
    where = source_info_util.summarize(eqn.source_info)
    raise NotImplementedError(
        f"{eqn.primitive.name}({avals}) cannot be recorded: {why}; called at {where}"
    )


def evaluated(eqn: Any, inputs: Sequence[Fixed], *, folded: bool) -> list[Value]:
    """The results of an equation that the key has no part in, computed by JAX.

    Args:
        eqn: the equation.
        inputs: its inputs.
        folded: XLA knows all of them when it compiles.
    """
    inner = all(one.inner for one in inputs)
    shapes = [atom.aval.shape for atom in eqn.outvars]
    if inputs and all(one.uniform for one in inputs):
        name = eqn.primitive.name
        if name in primitives.REARRANGING and len(shapes) == 1 and 0 not in shapes[0]:
            return [Fixed(np.broadcast_to(inputs[0].number, shapes[0]), inner=inner)]
        if name in primitives.OF_ELEMENTS and 0 not in shapes[0]:
            # An array by one number is multiplied by its reciprocal, a number is divided.
            some = [(4,) if atom.aval.shape and not folded else () for atom in eqn.invars]
            numbers = [np.full(size, one.number) for size, one in zip(some, inputs, strict=True)]
            result = np.asarray(_bound(eqn, numbers)[0]).reshape(-1)[0]
            return [Fixed(np.broadcast_to(result, shapes[0]), inner=inner)]
    arguments = [
        jax.random.wrap_key_data(jax.numpy.asarray(one.array)) if one.is_key else one.array
        for one in inputs
    ]
    results = [known(one) for one in _bound(eqn, arguments)]
    return [Fixed(one.array, one.is_key, inner) for one in results]


def _bound(eqn: Any, arguments: Sequence[Any]) -> Sequence[Any]:
    result = eqn.primitive.bind(*arguments, **eqn.params)
    return result if eqn.primitive.multiple_results else [result]


def _repeated(value: Fixed, length: int) -> Fixed:
    array = np.broadcast_to(value.array, (length, *value.array.shape))
    return Fixed(array, value.is_key, value.inner)


def _shrunk(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array as a view of one element where all have the same bits."""
    if array.size < 2:
        return array
    contiguous = np.ascontiguousarray(array).reshape(-1)
    rows = contiguous.view(np.uint8).reshape(array.size, -1)
    if (rows == rows[0]).all():
        return np.broadcast_to(contiguous[0], array.shape)
    return array
