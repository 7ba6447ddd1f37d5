"""Inside tf.function, where the graph makes the values. Tracing is slow: few graphs."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.compare import assert_identical
from tests.tensorflow.tensors import tf
from varscale import numpy as reference
from varscale import tensorflow as door
from varscale.adapters.tensorflow import initializers as adapter
from varscale.adapters.tensorflow.ops import TENSORFLOW
from varscale.keys import Key
from varscale.numerics import samples
from varscale.numerics.erf_inv import erf_inv

WORDS = (7, 2**31 + 5)
LAYOUT = varscale.Layout("OIHW", of="HWIO", flip="W")
#: The draw's part that begins at its value number 3, backwards in one axis.
PART = varscale.CounterMap(9, (-1, 10), (7, 3))

Draw = Callable[[Any, Any], Any]
#: From a door and a key to a tensor or array: one function draws all of them.
CASES: dict[str, Draw] = {
    "float32, uniform": lambda d, k: d.glorot_uniform()(k, (60, 70)),
    "float32, normal": lambda d, k: d.normal(0.5)(k, (60, 70)),
    "float32, truncated normal": lambda d, k: d.lecun_normal()(k, (60, 70)),
    "float32, layout": lambda d, k: d.he_uniform()(k, (3, 2, 4, 5), layout=LAYOUT),
    "float32, part": lambda d, k: d.uniform()(k, (7, 10), layout=PART),
    "float32, scalar": lambda d, k: d.uniform()(k, ()),
    "float32, empty": lambda d, k: d.uniform()(k, (2, 0, 3)),
    "float64, uniform": lambda d, k: d.he_uniform()(k, (40, 50), "float64"),
    "float64, normal of jax 0.10": lambda d, k: d.normal(0.3, compiled=False)(
        k, (40, 50), "float64"
    ),
    "float64, truncated normal": lambda d, k: d.he_normal()(k, (40, 50), "float64"),
    # Of 0.3 and not of a power of two, or the order of the factors makes no difference.
    "float32, normal of jax 0.10": lambda d, k: d.normal(0.3, compiled=False)(k, (40, 50)),
    "complex64, normal": lambda d, k: d.normal(0.3)(k, (40, 50), "complex64"),
    "complex64, truncated normal": lambda d, k: d.he_normal()(k, (40, 50), "complex64"),
    "complex128, uniform": lambda d, k: d.he_uniform()(k, (40, 50), "complex128"),
    "complex64, layout": lambda d, k: d.he_uniform()(k, (3, 2, 4, 5), "complex64", layout=LAYOUT),
    "float16, normal": lambda d, k: d.normal()(k, (33,), "float16"),
    "bfloat16, truncated normal": lambda d, k: d.truncated_normal(1.0)(k, (3, 5, 7), "bfloat16"),
    "float8_e5m2, uniform": lambda d, k: d.uniform(1.0)(k, (35,), "float8_e5m2"),
    "float8_e4m3b11fnuz, uniform": lambda d, k: d.uniform(1.0)(k, (35,), "float8_e4m3b11fnuz"),
    "float8_e4m3fnuz, normal": lambda d, k: d.normal(1.0)(k, (35,), "float8_e4m3fnuz"),
    "float8_e5m2fnuz, he": lambda d, k: d.he_normal()(k, (5, 7), "float8_e5m2fnuz"),
    "zeros": lambda d, k: d.zeros(k, (2, 3)),
    "constant": lambda d, k: d.constant(np.arange(3.0))(k, (2, 3), "bfloat16"),
}
#: Their matrix is made on the host, so that the key must be known.
HOST_ONLY: dict[str, Draw] = {
    "orthogonal": lambda d, k: d.orthogonal(2.0)(k, (3, 4)),
    "delta_orthogonal": lambda d, k: d.delta_orthogonal()(k, (3, 2, 4)),
}
LEGACY = (
    "complex64, normal",
    "float32, normal",
    "float64, uniform",
    "float64, truncated normal",
    "float16, normal",
    "bfloat16, truncated normal",
)


@pytest.fixture(scope="module")
def static() -> dict[str, Any]:
    """Every case under a key that is known when it is traced."""

    @tf.function
    def program() -> dict[str, Any]:
        return {name: draw(door, Key(WORDS)) for name, draw in (CASES | HOST_ONLY).items()}

    return {name: tensor.numpy() for name, tensor in program().items()}


@pytest.fixture(scope="module")
def symbolic() -> Callable[[Any], dict[str, Any]]:
    """Every case under a key that is a symbolic tensor: a function of the key."""

    @tf.function(input_signature=[tf.TensorSpec((2,), tf.uint32)])
    def program(key: Any) -> dict[str, Any]:
        return {name: draw(door, key) for name, draw in CASES.items()}

    program.get_concrete_function()
    return lambda words: {
        name: t.numpy() for name, t in program(tf.constant(words, tf.uint32)).items()
    }


@pytest.mark.parametrize("name", CASES | HOST_ONLY)
def test_a_graph_draws_what_the_reference_draws(name: str, static: dict[str, Any]) -> None:
    assert_identical(static[name], (CASES | HOST_ONLY)[name](reference, Key(WORDS)), name)


@pytest.mark.parametrize(
    "name",
    ["float64, uniform", "float32, normal of jax 0.10", "float64, normal of jax 0.10",
     "complex64, normal",
     "complex64, truncated normal", "complex128, uniform"],
)  # fmt: skip
def test_a_graph_of_its_own_is_not_rearranged(name: str) -> None:
    # Under a key that is not known: a graph of constants is computed, and not rearranged.
    program = tf.function(lambda key: CASES[name](door, key))
    drawn = program(tf.constant(WORDS, tf.uint32))
    assert_identical(drawn.numpy(), CASES[name](reference, Key(WORDS)), name)


@pytest.mark.parametrize("words", [WORDS, (0, 0), (2**32 - 1, 2**32 - 1)], ids=str)
def test_a_graph_draws_the_same_under_a_symbolic_key(words: Any, symbolic: Any) -> None:
    drawn = symbolic(words)
    for name, draw in CASES.items():
        assert_identical(drawn[name], draw(reference, Key(words)), f"{name}, {words}")


def test_one_graph_serves_every_key(symbolic: Any) -> None:
    one, other = (symbolic(words)["float32, normal"] for words in ((0, 1), (0, 2)))
    assert not np.array_equal(one, other)


def test_a_graph_follows_the_legacy_order() -> None:
    key = Key(WORDS, partitionable=False)

    @tf.function
    def program() -> list[Any]:
        return [CASES[name](door, key) for name in LEGACY]

    for name, tensor in zip(LEGACY, program(), strict=True):
        assert_identical(tensor.numpy(), CASES[name](reference, key), f"{name}, legacy")


@pytest.mark.parametrize("block", [1, 7])
def test_the_size_of_a_block_makes_no_difference(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_GRAPH_BLOCK", block)

    @tf.function
    def program() -> Any:
        return door.uniform()(0, (2, 2, 3), layout=varscale.Layout("abc", of="cab"))

    want = reference.uniform()(0, (2, 2, 3), layout=varscale.Layout("abc", of="cab"))
    assert_identical(program().numpy(), want, f"blocks of {block}")


def test_a_graph_holds_no_random_operation_and_no_state(static: dict[str, Any]) -> None:
    graph = tf.Graph()
    with graph.as_default():
        door.lecun_normal()(0, (3, 4))
    kinds = {operation.type for operation in graph.get_operations()}
    assert {"LeftShift", "Mul"} <= kinds  # the cipher and the samples, and not calls of them
    assert not {kind for kind in kinds if "Random" in kind or "Variable" in kind}


def test_a_graph_that_drew_is_not_kept_alive() -> None:
    graph = tf.Graph()
    with graph.as_default():
        door.lecun_normal()(0, (3, 4))
    alive = weakref.ref(graph)
    del graph
    gc.collect()
    assert alive() is None


def test_the_arithmetic_is_traced_once_for_draws_of_all_shapes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    traced = []

    def counted(ops: Any, x: Any, **options: bool) -> Any:
        if ops is TENSORFLOW:
            traced.append(x)
        return erf_inv(ops, x, **options)

    monkeypatch.setattr(samples, "erf_inv", counted)
    for shape in ((3, 4), (5,), (2, 3, 4)):
        program = tf.function(lambda key, shape=shape: door.truncated_normal()(key, shape))
        want = reference.truncated_normal()(Key(WORDS), shape)
        drawn = program(tf.constant(WORDS, tf.uint32))
        assert_identical(drawn.numpy(), want, str(shape))
    assert len(traced) == 1


@pytest.mark.parametrize(
    ("draw", "on_host"),
    [(door.normal(), True), (door.he_normal(), True), (door.uniform(), False)],
    ids=["normal", "truncated", "uniform"],
)
def test_float64_that_needs_the_c_library_is_one_operation(draw: Any, on_host: bool) -> None:
    graph = tf.Graph()
    with graph.as_default():
        draw(0, (3, 4), "float64")
    kinds = [operation.type for operation in graph.get_operations()]
    assert kinds.count("PyFuncStateless") == on_host
    assert ("Mul" in kinds) != on_host


def test_tf_function_with_a_variable_sees_the_draw_once() -> None:
    variable = tf.Variable(tf.zeros((3, 4)))

    @tf.function
    def program() -> None:
        variable.assign(door.uniform()(0, (3, 4)))

    program()
    assert_identical(variable.numpy(), reference.uniform()(0, (3, 4)), "assign")


# Errors, raised while tracing; nothing is drawn


def trace(function: Callable[[Any], Any], specification: Any) -> None:
    # With AutoGraph the message would be wrapped in a listing of the code.
    traced = tf.function(function, input_signature=[specification], autograph=False)
    traced.get_concrete_function()


KEY = tf.TensorSpec((2,), tf.uint32)


@pytest.mark.parametrize(
    ("call", "specification", "error", "message"),
    [
        (lambda k: door.orthogonal()(k, (3, 4)), KEY, NotImplementedError,
         "key must be known where Orthogonal is traced: its matrix is made on the host"),
        (lambda k: door.delta_orthogonal()(k, (3, 4, 4)), KEY, NotImplementedError,
         "key must be known where DeltaOrthogonal is traced: its matrix is made on the host"),
        (lambda k: door.normal()(k, (3,)), tf.TensorSpec((2,), tf.int32), TypeError,
         "key must be a uint32 tensor of shape (2,) inside tf.function, got int32 of shape (2,)"),
        (lambda k: door.normal()(k, (3,)), tf.TensorSpec((4,), tf.uint32), TypeError,
         "key must be a uint32 tensor of shape (2,) inside tf.function, got uint32 of shape (4,)"),
        (lambda k: door.normal()(k, (3,)), tf.TensorSpec((), tf.int32), TypeError,
         "key must be a uint32 tensor of shape (2,) inside tf.function, got int32 of shape ()"),
        (lambda k: door.normal()(k, (3,)), tf.TensorSpec((None,), tf.uint32), TypeError,
         "key must be a uint32 tensor of shape (2,) inside tf.function, got uint32 of shape "
         "(None,)"),
        (lambda k: door.normal()(k, (3,)), tf.TensorSpec(None, tf.uint32), TypeError,
         "key must be a uint32 tensor of shape (2,) inside tf.function, got uint32 of shape "
         "<unknown>"),
        (lambda k: door.normal()(0, tf.shape(k)), KEY, TypeError, "shape must be"),
        (lambda k: door.lecun_normal()(k, (3,)), KEY, ValueError,
         "in_axis must be given for a weights array of rank 1"),
        (lambda k: door.normal()(k, (3,), tf.int32), KEY, ValueError,
         "dtype must be one of float16"),
    ],
    ids=["orthogonal", "delta_orthogonal", "int32", "four words", "seed", "some words",
         "unknown rank", "symbolic shape", "rank 1", "integers"],
)  # fmt: skip
def test_the_message_names_the_argument(
    call: Any, specification: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as raised:
        trace(call, specification)
    assert str(raised.value).startswith(message)
