"""Initializers in programs: whole models, copies, compiled code, threads and other processes."""

from __future__ import annotations

import copy
import pickle
import random
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import varscale
from tests.core.compare import assert_identical
from tests.torch.tensors import as_numpy, torch
from varscale import numpy as reference
from varscale import torch as door
from varscale.family import FACTORIES

#: Arguments of the factories that need some.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "constant": (0.5,),
    "variance_scaling": (2.0, "fan_avg", "normal"),
}


def weight(key: int = 0) -> Any:
    return door.lecun_normal_(torch.empty(3, 4), key=key)


# Global state


def test_no_global_random_state_is_touched() -> None:
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()
    for name in FACTORIES:
        shape = (2, 3, 4)
        getattr(door, name)(*ARGUMENTS.get(name, ()))(0, shape)
        how = {} if name == "constant" else {"key": 0}
        getattr(door, f"{name}_")(torch.empty(4, 3, 2), *ARGUMENTS.get(name, ()), **how)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    for got, want in zip(np.random.get_state(), before[2], strict=True):
        assert np.array_equal(got, want)


def test_manual_seed_has_no_effect() -> None:
    state = torch.get_rng_state()
    torch.manual_seed(1)
    one = weight()
    torch.manual_seed(2)
    other = weight()
    torch.set_rng_state(state)
    assert torch.equal(one, other)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_torchs_threads_has_no_effect(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        got = door.normal()(0, (50_000,))
    finally:
        torch.set_num_threads(before)
    assert_identical(as_numpy(got), reference.normal()(0, (50_000,)), f"{threads} threads")


def test_deterministic_algorithms_are_all_that_is_used() -> None:
    torch.use_deterministic_algorithms(True)
    try:
        got = weight()
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(got, weight())


# Copies


@pytest.mark.parametrize("name", [*FACTORIES, "zeros", "ones"])
@pytest.mark.parametrize(
    "how", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_a_copied_initializer_draws_the_same(name: str, how: Any) -> None:
    init = getattr(door, name)
    if name in FACTORIES:
        init = init(*ARGUMENTS.get(name, ()), dtype=torch.float64)
    same = how(init)
    assert same == init
    assert torch.equal(same(0, (2, 3, 4)), init(0, (2, 3, 4)))
    assert same(0, (2, 3, 4)).dtype == init(0, (2, 3, 4)).dtype


def test_an_initializer_says_what_it_draws() -> None:
    shown = repr(door.he_normal(in_axis=0))
    assert "VarianceScaling(scale=2.0, mode='fan_in'" in shown
    assert "in_axis=0" in shown


# Models


def test_a_model_is_filled_by_apply() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))

    def init(module: Any) -> None:
        if isinstance(module, torch.nn.Linear):
            door.lecun_normal_(module.weight, key=module.out_features)
            door.zeros_(module.bias)

    assert model.apply(init) is model
    for layer in (model[0], model[2]):
        want = reference.lecun_normal()(layer.out_features, tuple(layer.weight.shape)[::-1])
        assert_identical(as_numpy(layer.weight), want.T, f"{layer}")
        assert not layer.bias.any()


def test_a_functional_call_uses_drawn_parameters() -> None:
    layer = torch.nn.Linear(4, 3)
    init, inputs = door.normal(1.0), torch.ones(2, 4)
    parameters = {"weight": init(0, (3, 4)), "bias": init(1, (3,))}
    got = torch.func.functional_call(layer, parameters, (inputs,))
    assert torch.equal(got, inputs @ parameters["weight"].T + parameters["bias"])


def test_the_gradient_of_a_functional_call_is_that_of_its_parameters() -> None:
    layer, inputs = torch.nn.Linear(4, 3), torch.ones(2, 4)
    parameters = {"weight": weight(), "bias": torch.zeros(3)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, on first use
        got = torch.func.grad(lambda p: torch.func.functional_call(layer, p, (inputs,)).sum())
        assert torch.equal(got(parameters)["weight"], torch.full((3, 4), 2.0))


@pytest.mark.parametrize("transform", ["functionalize", "grad", "vmap"])
def test_a_tensor_inside_a_transform_is_refused_and_left(transform: str) -> None:
    tensor = torch.ones(2, 3, 4)

    def loss(x: Any) -> Any:
        return door.lecun_normal_(x, key=0, layout=varscale.Layout("abc"[-x.ndim :])).sum()

    message = (
        "^tensor is inside torch.func.functionalize, grad or vmap, where a fill would be lost$"
    )
    with pytest.raises(NotImplementedError, match=message):
        getattr(torch.func, transform)(loss)(tensor)
    assert bool((tensor == 1).all())


def test_an_initializer_is_called_inside_a_function_that_is_vectorized() -> None:
    got = torch.func.vmap(lambda x: x * door.lecun_normal()(0, (3, 4)))(torch.ones(2, 1))
    assert torch.equal(got, door.lecun_normal()(0, (3, 4)).expand(2, 3, 4))


def test_a_parametrized_weight_is_filled_through_its_original() -> None:
    class Doubled(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            return 2 * x

        def right_inverse(self, x: Any) -> Any:
            return x / 2

    layer = torch.nn.Linear(4, 3)
    torch.nn.utils.parametrize.register_parametrization(layer, "weight", Doubled())
    door.lecun_normal_(layer.parametrizations.weight.original, key=0)
    assert torch.equal(layer.weight, 2 * weight())
    layer.weight = weight()
    assert torch.equal(layer.weight, weight())


def test_a_weight_norm_is_filled_through_its_direction() -> None:
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(4, 3))
    door.lecun_normal_(layer.parametrizations.weight.original1, key=0)
    assert torch.equal(layer.parametrizations.weight.original1, weight())


def test_a_shared_parameter_is_filled_for_both_layers() -> None:
    one, other = torch.nn.Linear(4, 3), torch.nn.Linear(4, 3)
    other.weight = one.weight
    door.lecun_normal_(one.weight, key=0)
    assert torch.equal(other.weight, weight())


def test_a_state_dict_takes_a_drawn_tensor() -> None:
    layer = torch.nn.Linear(4, 3, bias=False)
    layer.load_state_dict({"weight": weight()})
    assert torch.equal(layer.weight, weight())


# Compiled code


def compiled(function: Any) -> Any:
    torch._dynamo.reset()
    return torch.compile(function, backend="eager")


def test_an_initializer_is_called_in_compiled_code() -> None:
    @compiled
    def program(x: Any) -> Any:
        return x @ door.lecun_normal()(0, (4, 3)) + 1

    x = torch.ones(2, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, on first use
        got = program(x)
    assert torch.equal(got, x @ door.lecun_normal()(0, (4, 3)) + 1)


@pytest.mark.parametrize("name", ["lecun_normal", "uniform", "orthogonal", "variance_scaling"])
def test_a_tensor_is_filled_in_compiled_code(name: str) -> None:
    make, arguments = getattr(door, f"{name}_"), ARGUMENTS.get(name, ())

    @compiled
    def program(x: Any) -> Any:
        make(x, *arguments, key=0)
        return x + 1

    x = torch.ones(3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        got = program(x)
    want = make(torch.empty(3, 4), *arguments, key=0)
    assert torch.equal(x, want)
    assert torch.equal(got, want + 1)


# Threads and processes


def test_threads_fill_what_one_thread_fills() -> None:
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(weight, range(64)))
    for key, tensor in enumerate(got):
        assert torch.equal(tensor, weight(key))


def test_threads_fill_the_parts_of_one_tensor() -> None:
    whole = torch.empty(8, 1000)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: door.uniform_(whole[key], key=key), range(8)))
    for key in range(8):
        assert torch.equal(whole[key], door.uniform()(key, (1000,)))


def run(program: str) -> str:
    """What a program of its own prints: without JAX, whose threads make a fork warn."""
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


FORK = """
import os, sys
import torch, varscale.torch as door

def draw():
    return door.normal(1.0)(7, (70_000,)).numpy().tobytes()

before = draw()
if os.name != "posix":
    sys.exit(print("no fork"))
read, write = os.pipe()
child = os.fork()
if not child:
    with os.fdopen(write, "wb") as pipe:
        pipe.write(draw())
    os._exit(0)
os.close(write)
with os.fdopen(read, "rb") as pipe:
    got = pipe.read()
os.waitpid(child, 0)
print(len(got), got == before)
"""


def test_a_fork_draws_what_its_parent_draws() -> None:
    printed = run(FORK)
    if printed == "no fork":
        pytest.skip("not available: fork")
    assert printed == "280000 True"


WORKERS = """
import torch, varscale.torch as door

class Draws(torch.utils.data.Dataset):
    init = door.normal(1.0)

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return self.init(index, (3,))

if __name__ == "__main__":
    got = torch.cat(list(torch.utils.data.DataLoader(Draws(), batch_size=2, num_workers=2)))
    print(torch.equal(got, torch.stack(list(map(Draws().__getitem__, range(8))))))
"""


def test_workers_of_a_data_loader_draw_what_their_parent_draws() -> None:
    assert run(WORKERS) == "True"


MEMORY = """
import resource, sys
import torch, varscale, varscale.torch as door

def peak():
    unit = 1024 if sys.platform == "darwin" else 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit

def grown(fill, tensor):
    fill(tensor[:64, :64])
    before = peak()
    fill(tensor)
    return peak() - before

weight = torch.ones(4096, 4096)                      # 64 MiB, all of it touched
print(grown(lambda w: door.lecun_uniform_(w, key=0), weight))
print(grown(lambda w: door.lecun_uniform_(w, key=0), weight.t()))
print(grown(lambda w: door.zeros_(w), weight))
print(grown(lambda w: door.lecun_uniform_(w, key=0), weight.view(torch.bfloat16).view(8192, 4096)))
"""


def test_a_fill_makes_no_second_copy() -> None:
    pytest.importorskip("resource", reason="not available: resource")
    kibibytes = [int(line) for line in run(MEMORY).split()]
    assert len(kibibytes) == 4
    assert max(kibibytes) < 8 * 1024, f"64 MiB were filled with {kibibytes} KiB of scratch"


def test_a_key_of_the_package_is_the_key_of_the_door() -> None:
    assert torch.equal(weight(3), door.lecun_normal_(torch.empty(3, 4), key=varscale.key(3)))
