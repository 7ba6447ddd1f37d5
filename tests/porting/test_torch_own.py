"""`like="torch"`: nothing is written, and the table says what torch itself has drawn."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.torch.tensors import as_numpy, torch

from torch import nn as tn  # isort: skip
from torch.nn.utils import prune  # isort: skip

import varscale.torch as door
from varscale.adapters.torch.port.own import LAWS, own_laws
from varscale.adapters.torch.port.rules import RULES
from varscale.initializers import Constant

#: Widths differ everywhere, so that a fan that is taken for another one is seen.
LAYERS: dict[str, Callable[[], Any]] = {
    "linear": lambda: tn.Linear(70, 1500),
    "linear without bias": lambda: tn.Linear(70, 1500, bias=False),
    "bilinear": lambda: tn.Bilinear(20, 30, 1000),
    "conv 1d": lambda: tn.Conv1d(20, 900, 3),
    "grouped conv 2d": lambda: tn.Conv2d(20, 900, (3, 2), groups=2),
    "conv 3d": lambda: tn.Conv3d(5, 900, (3, 2, 1)),
    "transposed conv 1d": lambda: tn.ConvTranspose1d(20, 900, 3),
    "grouped transposed conv 2d": lambda: tn.ConvTranspose2d(20, 900, (3, 2), groups=2),
    "transposed conv 3d": lambda: tn.ConvTranspose3d(5, 900, 2),
    "embedding": lambda: tn.Embedding(900, 30),
    "embedding with padding": lambda: tn.Embedding(900, 30, padding_idx=7),
    "embedding bag": lambda: tn.EmbeddingBag(900, 30),
    "attention": lambda: tn.MultiheadAttention(96, 4),
    "attention of three widths": lambda: tn.MultiheadAttention(96, 4, kdim=30, vdim=200),
    "attention with extra keys": lambda: tn.MultiheadAttention(1200, 4, add_bias_kv=True),
    "rnn": lambda: tn.RNN(30, 400, bidirectional=True),
    "lstm": lambda: tn.LSTM(30, 400, proj_size=50),
    "gru": lambda: tn.GRU(30, 400, 2),
    "rnn cell": lambda: tn.RNNCell(30, 900),
    "lstm cell": lambda: tn.LSTMCell(30, 400),
    "gru cell": lambda: tn.GRUCell(30, 400),
    "layer norm": lambda: tn.LayerNorm((3, 4)),
    "rms norm": lambda: tn.RMSNorm(4),
    "group norm": lambda: tn.GroupNorm(2, 4),
    "batch norm 1d": lambda: tn.BatchNorm1d(4),
    "batch norm 2d": lambda: tn.BatchNorm2d(4),
    "batch norm 3d": lambda: tn.BatchNorm3d(4),
    "batch norm of several devices": lambda: tn.SyncBatchNorm(4),
    "instance norm 1d": lambda: tn.InstanceNorm1d(4, affine=True),
    "instance norm 2d": lambda: tn.InstanceNorm2d(4, affine=True),
    "instance norm 3d": lambda: tn.InstanceNorm3d(4, affine=True),
    "prelu": lambda: tn.PReLU(3, init=0.1),
    "transformer": lambda: tn.Transformer(48, 4, 1, 1, 700, batch_first=True),
    "transformer's encoder layer": lambda: tn.TransformerEncoderLayer(48, 4, 700),
    "transformer's decoder layer": lambda: tn.TransformerDecoderLayer(48, 4, 700),
}


def made(name: str) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return LAYERS[name]()


@pytest.mark.parametrize("name", LAYERS)
def test_torch_draws_what_is_said(name: str) -> None:
    layer = made(name)
    laws = own_laws(layer)
    assert set(laws) == {one for one, _ in layer.named_parameters()}
    for parameter, tensor in layer.named_parameters():
        law, values = laws[parameter], as_numpy(tensor).astype(np.float64)
        if isinstance(law.init, Constant):
            assert (as_numpy(tensor) == np.float32(law.init.value)).all(), parameter
            assert law.stddev == 0
            continue
        n = values.size
        assert law.stddev == pytest.approx(values.std(), rel=5 * math.sqrt(0.5 / n)), parameter
        if math.isfinite(law.bound):
            # None of n uniform values reaches so near to the limit once in e^20 times.
            assert law.bound * (1 - 20 / n) < np.abs(values).max() <= law.bound * (1 + 1e-6)
        else:
            assert np.abs(values).max() > 3 * law.stddev


def test_the_row_of_the_padding_is_zeros() -> None:
    layer = made("embedding with padding")
    assert own_laws(layer)["weight"].said == "normal_(), row 7 zeros"
    assert (as_numpy(layer.weight)[7] == 0).all()


def test_every_layer_of_torch_that_starts_itself_is_known() -> None:
    classes = [one for one in vars(tn).values() if isinstance(one, type)]
    starting = {one for one in classes if hasattr(one, "reset_parameters")}
    lazy = {one for one in starting if one.__name__.startswith("Lazy")}
    # These are made of others, or bases of them.
    others = {tn.AdaptiveLogSoftmaxWithLoss, tn.RNNBase, tn.RNNCellBase}
    assert starting - lazy - others <= set(LAWS)
    dropouts = {tn.Dropout, tn.Dropout1d, tn.Dropout2d, tn.Dropout3d}
    assert set(RULES) - dropouts <= set(LAWS)
    assert {type(made(name)) for name in LAYERS} >= set(RULES) - dropouts


def test_fans_are_those_that_torch_reads() -> None:
    for name in ("linear", "grouped conv 2d", "grouped transposed conv 2d", "transposed conv 3d"):
        layer = made(name)
        want = tn.init._calculate_fan_in_and_fan_out(layer.weight)
        assert own_laws(layer)["weight"].fans == want
        assert own_laws(layer)["bias"].fans == want


class Twice(tn.Linear):
    def reset_parameters(self) -> None:
        tn.init.normal_(self.weight)


class Plain(tn.Linear):
    """A subclass that starts as its base does."""


def test_what_is_not_known_is_said_to_be() -> None:
    free = tn.ModuleDict({"twice": Twice(3, 4), "plain": Plain(3, 4), "normed": tn.Linear(3, 4)})
    free.register_parameter("scale", tn.Parameter(torch.ones(())))
    tn.utils.parametrizations.spectral_norm(free["normed"])
    table = door.explain(free, 0, like="torch")
    said = {row.to: (row.initializer, row.stddev) for row in table.left}
    assert said["plain.weight"] == ("kaiming_uniform_(a=sqrt(5))", pytest.approx(1 / 3))
    unknown = {"scale", "twice.weight", "twice.bias", "normed.weight"}
    assert {name for name, law in said.items() if law == ("unknown", None)} >= unknown
    assert {"plain.bias", "normed.bias"} <= {name for name in said if said[name][1] is not None}


#: Models that were changed after they were made, and their parameters that nothing is known of.
CHANGED: dict[str, tuple[Callable[[], Any], set[str]]] = {
    "a recurrent weight that is normed": (
        lambda: old_weight_norm(tn.LSTM(4, 8), "weight_hh_l0"),
        {"weight_hh_l0_g", "weight_hh_l0_v"},
    ),
    "a transformer's weight that is normed": (
        lambda: transformer_with_normed_weight(),
        {"encoder.layers.0.linear1.weight_g", "encoder.layers.0.linear1.weight_v"},
    ),
    "a pruned normalisation": (
        lambda: prune.l1_unstructured(tn.BatchNorm1d(4), "weight", amount=1), {"weight_orig"},
    ),
    "one more parameter of a normalisation": (lambda: with_gate(tn.LayerNorm(4)), {"gate"}),
    "one more parameter of a pair": (lambda: with_gate(tn.Bilinear(2, 3, 4)), {"gate"}),
    "one more parameter of attention": (lambda: with_gate(tn.MultiheadAttention(4, 2)), {"gate"}),
}  # fmt: skip


def old_weight_norm(layer: Any, name: str = "weight") -> Any:
    with pytest.warns(FutureWarning, match="weight_norm"):
        return tn.utils.weight_norm(layer, name)


def transformer_with_normed_weight() -> Any:
    model = tn.Transformer(8, 2, 1, 1, 16, batch_first=True)
    old_weight_norm(model.encoder.layers[0].linear1)
    return model


def with_gate(layer: Any) -> Any:
    layer.gate = tn.Parameter(torch.ones(4))
    return layer


@pytest.mark.parametrize("case", CHANGED)
def test_parameters_that_torchs_class_does_not_know_are_unknown(case: str) -> None:
    make, unknown = CHANGED[case]
    model = make()
    names = {name for name, _ in model.named_parameters()}
    assert names - set(own_laws(model)) == unknown
    table = door.explain(tn.Sequential(model), 0, like="torch")
    assert {row.to for row in table.left if row.initializer == "unknown"} == {
        f"0.{name}" for name in unknown
    }


class Bare(tn.Module):
    """A language model of an embedding and a head."""

    def __init__(self, head: Any) -> None:
        super().__init__()
        self.wte, self.head = tn.Embedding(9, 4), head


def test_a_parameter_of_layers_with_two_laws_is_unknown() -> None:
    one, two = Bare(tn.Linear(4, 9)), Bare(tn.Linear(4, 9))
    one.wte.weight = one.head.weight
    two.wte.weight.data = two.head.weight.data  # another parameter in the same memory
    for model in (one, two):
        rows = {row.to: row for row in door.explain(model, 0, like="torch").left}
        assert rows["wte.weight"].initializer == "unknown, tied to head.weight"
        assert rows["wte.weight"].stddev is None
        assert rows["head.bias"].stddev is not None
    alone = Bare(tn.Embedding(9, 4))
    alone.wte.weight = alone.head.weight
    assert own_laws(alone)["wte.weight"].said == "normal_()"


def test_nothing_is_written_or_drawn() -> None:
    model = tn.Sequential(made("lstm"), made("batch norm 1d"), made("prelu"), made("bilinear"))
    with torch.no_grad():
        model[1].running_mean.fill_(3.0)
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    assert door.init_(model, 0, like="torch") is model
    plan = door.plan(model, 0, "torch")
    plan.fill_()
    assert plan.plan.left == tuple(name for name, _ in model.named_parameters())
    assert torch.equal(torch.get_rng_state(), state)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    with pytest.raises(KeyError, match=r"1\.weight"):
        plan.fill_("1.weight")


def test_other_words_are_refused_for_nothing_follows_them() -> None:
    model = tn.Sequential(tn.Linear(3, 4))
    with pytest.raises(ValueError, match=r"like='torch' leaves .* whatever names, compiled say"):
        door.init_(model, 0, like="torch", names={"0": "head"}, compiled=True)
    with pytest.raises(ValueError, match=r"like must be one of .*'torch', got 'pytorch'"):
        door.init_(model, 0, like="pytorch")


def test_a_model_without_memory_is_explained() -> None:
    with torch.device("meta"):
        model = tn.Linear(16, 4)
    table = door.explain(model, 0, like="torch")
    assert [(row.to, row.fans, row.stddev) for row in table.left] == [
        ("weight", (16, 4), pytest.approx(1 / math.sqrt(48))),
        ("bias", (16, 4), pytest.approx(1 / math.sqrt(48))),
    ]
    assert str(table).splitlines()[0].split() == ["twin", "shape", "initializer", "fan", "in,",
                                                  "out", "std"]  # fmt: skip
    assert "kaiming_uniform_(a=sqrt(5))" in table.html()


def test_layers_without_inputs_draw_nothing() -> None:
    with pytest.warns(UserWarning, match="zero-element"):
        layer = tn.Linear(0, 4)
    assert {name: one.stddev for name, one in own_laws(layer).items()} == {
        "weight": None, "bias": 0.0,
    }  # fmt: skip
    assert (as_numpy(layer.bias) == 0).all()
    table = str(door.explain(layer, 0, like="torch"))
    assert table.count("0, 0") == 2
