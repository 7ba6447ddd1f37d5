"""Parameters written where they belong: strided arrays, tensors, variables; checked before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import varscale
from varscale import recipe

VECTORS = Path(__file__).parent / "vectors"
MADE = recipe.load(VECTORS / "linen-scanned-transformer.json")
#: Drawn in a loop over the layers: pieces, one for each.
KERNEL = "params/layers/Dense_0/kernel"
WANTED = recipe.replay(MADE, 5)
#: (layer, out, in), the inputs backwards.
LAYOUT = varscale.Layout("LOI", of="LIO", flip="I")
TURNED = WANTED[KERNEL].transpose(0, 2, 1)[:, :, ::-1]


def test_parameters_are_known_before_they_are_made() -> None:
    made = recipe.parameters(MADE, 5)
    assert list(made) == [one.path for one in MADE.outputs]
    assert all((one.shape, one.dtype) == (WANTED[path].shape, WANTED[path].dtype)
               for path, one in made.items())  # fmt: skip
    assert made[KERNEL].array().tobytes() == WANTED[KERNEL].tobytes()
    blocks = b"".join(block.tobytes() for block in made[KERNEL].blocks(7))
    assert blocks == WANTED[KERNEL].tobytes()


@pytest.mark.parametrize("order", ["C", "F", "reversed", "step"])
def test_a_strided_array_is_filled_in_place(order: str) -> None:
    shape = TURNED.shape
    if order == "reversed":
        target = np.zeros(shape, np.float32)[::-1, :, ::-1]
    elif order == "step":
        target = np.zeros((*shape[:2], 2 * shape[2]), np.float32)[:, :, ::2]
    else:
        target = np.zeros(shape, np.float32, order=order)  # type: ignore[call-overload]
    got = recipe.replay(MADE, 5, into={KERNEL: target}, layouts={KERNEL: LAYOUT})
    assert got[KERNEL] is target
    assert (target == TURNED).all()
    if order == "step":
        assert not target.base[:, :, 1::2].any()


def test_a_torch_tensor_is_filled_in_place() -> None:
    torch = pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
    layers, outputs, inputs = TURNED.shape
    weight = torch.nn.Parameter(torch.zeros(layers, inputs, outputs).transpose(1, 2))
    ids = {path: torch.zeros(array.shape) for path, array in WANTED.items()}
    ids[KERNEL] = weight
    version = weight._version
    recipe.replay(MADE, 5, into=ids, layouts={KERNEL: LAYOUT})
    assert (weight.detach().numpy() == TURNED).all()
    assert weight._version > version
    assert weight.grad_fn is None
    for path, tensor in ids.items():
        if path != KERNEL:
            assert (tensor.numpy() == WANTED[path]).all()


def test_torch_knows_short_dtypes() -> None:
    torch = pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
    made = recipe.load(VECTORS / "linen-mlp.json")
    path = "params/Dense_1/kernel"
    wanted = recipe.replay(made, 3)[path]
    assert wanted.dtype == ml_dtypes.bfloat16
    tensor = torch.zeros(wanted.shape, dtype=torch.bfloat16)
    recipe.replay(made, 3, into={path: tensor})
    assert (tensor.float().numpy() == wanted.astype(np.float32)).all()


@pytest.mark.parametrize("kind", ["meta", "fake"])
def test_a_tensor_without_memory_is_refused_before_anything_is_written(kind: str) -> None:
    torch = pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode() if kind == "fake" else torch.device("meta"):
        nowhere = torch.zeros(WANTED[KERNEL].shape)
    first = torch.zeros(WANTED["params/pos"].shape)
    with pytest.raises(ValueError, match=f"{KERNEL}.*has no memory: call model.to_empty"):
        recipe.replay(MADE, 5, into={"params/pos": first, KERNEL: nowhere})
    with pytest.raises(ValueError, match="has no memory"):
        recipe.parameters(MADE, 5)[KERNEL].fill(nowhere)
    assert not first.any()


def test_a_tensorflow_variable_is_assigned() -> None:
    tf = pytest.importorskip("tensorflow", reason="not installed: pip install varscale[tensorflow]")
    variable = tf.Variable(tf.zeros(TURNED.shape))
    recipe.replay(MADE, 5, into={KERNEL: variable}, layouts={KERNEL: LAYOUT})
    assert (variable.numpy() == TURNED).all()


def test_a_keras_variable_is_assigned(tmp_path: Path) -> None:
    """In a process of its own, where Keras finds the backend that is there."""
    reason = "not installed: pip install varscale[keras]"
    pytest.importorskip("keras", reason=reason)
    code = f"""
import keras, numpy as np
from varscale import Layout, recipe
made = recipe.load({str(VECTORS / "linen-scanned-transformer.json")!r})
wanted = recipe.replay(made, 5)[{KERNEL!r}]
layers, inputs, outputs = wanted.shape
variable = keras.Variable(np.zeros((layers, outputs, inputs), "float32"))
layout = Layout("LOI", of="LIO")
recipe.replay(made, 5, into={{{KERNEL!r}: variable}}, layouts={{{KERNEL!r}: layout}})
got = keras.ops.convert_to_numpy(variable)
assert (got == wanted.transpose(0, 2, 1)).all()
if keras.backend.backend() in ("torch", "tensorflow"):
    place = {{"shape": (2,), "dtype": np.dtype("float32")}}
    zeros = recipe.Operation("constant", (), {{**place, "values": (0.0,)}})
    pair = recipe.Recipe(
        typed=True, partitionable=True, x64=False, program=(zeros,),
        outputs=tuple(recipe.Output(path, 1, **place) for path in "ab"),
    )
    ones = keras.Variable(np.ones(2, "float32"))
    try:
        recipe.replay(pair, 5, into={{"a": ones, "b": ones.value}})
    except ValueError as error:
        assert "destinations of 'a' and 'b'" in str(error)
    else:
        raise AssertionError("the destinations are one")
    assert (keras.ops.convert_to_numpy(ones) == 1).all()
"""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]


def read_only() -> np.ndarray[Any, Any]:
    array = np.zeros(WANTED[KERNEL].shape, np.float32)
    array.flags.writeable = False
    return array


def overlapping() -> np.ndarray[Any, Any]:
    base = np.zeros(WANTED[KERNEL].shape[-1], np.float32)
    return np.lib.stride_tricks.as_strided(base, WANTED[KERNEL].shape, (0, 0, 4))


SHAPE = WANTED[KERNEL].shape
WRONG: dict[str, tuple[Any, Any, type[Exception], str]] = {
    "shape": (np.zeros((3, 3), np.float32), None, ValueError, "must hold a parameter of shape"),
    "layout": (np.zeros(SHAPE, np.float32), LAYOUT, ValueError, "in Layout('LOI'"),
    "dtype": (np.zeros(SHAPE), None, TypeError, "must be of dtype float32, got float64"),
    "read-only": (read_only(), None, ValueError, "read-only"),
    "overlapping": (overlapping(), None, ValueError, "overlaps itself"),
    "list": ([[1.0]], None, TypeError, "got list"),
    "string layout": (np.zeros(SHAPE, np.float32), "LOI", TypeError, "must be a Layout"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_nothing_is_written_where_one_destination_is_wrong(wrong: str) -> None:
    destination, layout, kind, message = WRONG[wrong]
    first = np.zeros(WANTED["params/pos"].shape, np.float32)
    layouts = {} if layout is None else {KERNEL: layout}
    with pytest.raises(kind, match="params/layers/Dense_0/kernel") as caught:
        recipe.replay(MADE, 5, into={"params/pos": first, KERNEL: destination}, layouts=layouts)
    assert message in str(caught.value)
    assert not first.any()


def two(first: Any, second: Any) -> dict[str, Any]:
    """A recipe's destinations of the two parameters of `PAIR`."""
    return {"a": first, "b": second}


UNIFORM = {"distribution": "uniform", "interval": (0.5, 1.0), "factors": (), "scale": ()}
DRAW = recipe.Operation("draw", (0,), {"shape": (4, 6), "dtype": np.dtype("float32"), **UNIFORM})
#: Two parameters of one shape, no value of which is 0.
PAIR = recipe.Recipe(
    typed=True, partitionable=True, x64=False, program=(DRAW,),
    outputs=tuple(recipe.Output(path, 1, (4, 6), np.dtype("float32")) for path in "ab"),
)  # fmt: skip


def test_destinations_that_share_memory_are_refused_before_anything_is_written() -> None:
    whole = np.zeros((7, 12), np.float32)
    for first, second in (
        (whole[:4, :6], whole[3:, :6]),  # one row
        (whole[:4, :6], whole[:4, :6]),  # the same
        (whole[:4, ::2], whole[3::-1, ::2]),  # the same, backwards
        (whole[:4, :6], whole[3:, 5:11]),  # one element
    ):
        with pytest.raises(ValueError, match=r"destinations of '[ab]' and '[ab]' share memory"):
            recipe.replay(PAIR, 5, into=two(first, second))
        assert not whole.any()
    for first, second in (
        (whole[:4, ::2], whole[:4, 1::2]),  # every other column
        (whole[:4, :6], whole[2:6, 6:]),  # beside each other
        (whole[:7:2, 5::-1], whole[:7:2, 6:]),
    ):
        whole[...] = 0
        recipe.replay(PAIR, 5, into=two(first, second))
        assert first.all()
        assert (first == second).all()


def test_tensors_and_arrays_that_share_memory_are_refused() -> None:
    torch = pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
    whole = torch.zeros(7, 12)
    for first, second in (
        (whole[:4, :6], whole[3:, :6]),
        (whole[:4, :6], whole[3:, :6].numpy()),
        (torch.nn.Parameter(whole[:4, :6]), whole[3:, :6]),
    ):
        with pytest.raises(ValueError, match="destinations of 'a' and 'b' share memory"):
            recipe.replay(PAIR, 5, into=two(first, second))
        assert not whole.any()
    recipe.replay(PAIR, 5, into=two(whole[:4, ::2], whole[:4, 1::2]))
    assert whole[:4].all()


def test_one_variable_for_two_parameters_is_refused() -> None:
    tf = pytest.importorskip("tensorflow", reason="not installed: pip install varscale[tensorflow]")
    variable = tf.Variable(tf.zeros((4, 6)))
    with pytest.raises(ValueError, match="destinations of 'a' and 'b' are one variable"):
        recipe.replay(PAIR, 5, into=two(variable, variable))
    assert not variable.numpy().any()


def test_a_variable_and_what_it_holds_are_one_destination() -> None:
    """As Keras' variables are, whose value is a tensor of torch or a variable of TensorFlow."""
    torch = pytest.importorskip("torch", reason="not installed: pip install varscale[torch]")
    tensor = torch.zeros(5, 6)
    variable, part, next_to_it = Held(tensor[:4]), Held(tensor[1:]), Held(torch.zeros(4, 6))
    inner = Held(None)
    for first, second, message in (
        (variable, tensor[:4], "share memory"),
        (tensor[1:].numpy(), variable, "share memory"),
        (variable, part, "share memory"),
        (Held(tensor[:4]), variable, "share memory"),
        (Held(inner), inner, "are one variable"),
        (Held(inner), Held(inner), "are one variable"),
    ):
        with pytest.raises(ValueError, match=f"destinations of '[ab]' and '[ab]' {message}"):
            recipe.replay(PAIR, 5, into=two(first, second))
        assert not tensor.any()
    recipe.replay(PAIR, 5, into=two(variable, next_to_it))
    assert (variable.value == next_to_it.value).all()
    assert tensor[:4].all()
    # An array that is replaced, not written, may be that of two.
    replaced = np.zeros((4, 6), np.float32)
    recipe.replay(PAIR, 5, into=two(Held(replaced), Held(replaced)))
    assert not replaced.any()
    with pytest.raises(ValueError, match="'b' is on the meta device"):
        recipe.replay(PAIR, 5, into=two(Held(replaced), Held(tensor[:4].to("meta"))))


class Held:
    """A variable as Keras has them."""

    shape, dtype = (4, 6), "float32"

    def __init__(self, value: Any) -> None:
        self.value = value

    def assign(self, values: Any) -> None:
        if hasattr(self.value, "copy_"):
            self.value.copy_(torch_of(values))
        else:
            self.value = values


def torch_of(values: Any) -> Any:
    return sys.modules["torch"].from_numpy(values)


def test_names_that_are_not_there_are_refused() -> None:
    first = np.zeros(WANTED["params/pos"].shape, np.float32)
    with pytest.raises(KeyError, match="no parameter 'params/nope'"):
        recipe.replay(MADE, 5, into={"params/pos": first, "params/nope": first})
    with pytest.raises(ValueError, match="no destination"):
        recipe.replay(MADE, 5, into={"params/pos": first}, layouts={KERNEL: LAYOUT})
    with pytest.raises(ValueError, match="into was not given"):
        recipe.replay(MADE, 5, layouts={KERNEL: LAYOUT})
    assert not first.any()


def test_every_kind_of_key_is_taken() -> None:
    for key in (varscale.key(5), np.array([0, 5], np.uint32), np.int32(5)):
        assert recipe.replay(MADE, key)[KERNEL].tobytes() == WANTED[KERNEL].tobytes()
    with pytest.raises(TypeError, match="key must be"):
        recipe.replay(MADE, None)
