"""`explain`: a plan as a table. Its standard deviations are those of what is drawn."""

from __future__ import annotations

import html.parser
import inspect
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.cases import random_cases
from tests.torch.tensors import torch

import varscale  # isort: skip
from torch import nn as tn

import varscale.torch as door
from varscale import initializers
from varscale.layout import CounterMap, Layout
from varscale.port import Flattened, laws
from varscale.port.layers import Param
from varscale.port.libraries.haiku_inits import HaikuVarianceScaling
from varscale.port.places import Place, counters
from varscale.port.plan import Row
from varscale.port.wording import axes_of, initializer_text, layout_text, part_text

#: Samples of which a standard deviation is measured, and five of its standard errors.
SHAPE = (250, 4000)
TOLERANCE = 5 * math.sqrt(2 / 4e6)

LAWS: dict[str, Any] = {
    "lecun": initializers.VarianceScaling(1.0, "fan_in", "truncated_normal"),
    "he": initializers.VarianceScaling(2.0, "fan_out", "normal"),
    "glorot": initializers.VarianceScaling(1.0, "fan_avg", "uniform"),
    "geo": initializers.VarianceScaling(1.0, "fan_geo_avg", "uniform"),
    "in_axis": initializers.VarianceScaling(1.0, "fan_in", "normal", in_axis=1, out_axis=0),
    "normal": initializers.Normal(0.3),
    "normal, old": initializers.Normal(0.3, compiled=False),
    "negative": initializers.Normal(-0.3),
    "truncated": initializers.TruncatedNormal(0.3),
    "truncated, other bounds": initializers.TruncatedNormal(0.3, lower=-1.0, upper=3.0),
    "truncated, one side": initializers.TruncatedNormal(1.0, lower=1.5, upper=math.inf),
    "truncated, symmetric": initializers.TruncatedNormal(1.0, lower=-1.0, upper=1.0),
    "uniform": initializers.Uniform(0.3),
    "uniform, negative": initializers.Uniform(-0.3),
    "between": initializers.UniformBetween(-0.25, 0.25),
    "between, uneven": initializers.UniformBetween(0.5, 0.75),
    "haiku": HaikuVarianceScaling(2.0, "fan_avg", "truncated_normal"),
    "orthogonal": initializers.Orthogonal(1.5),
    "orthogonal, columns": initializers.Orthogonal(1.5, column_axis=0),
    "zeros": initializers.Constant(0.0),
    "constant": initializers.Constant(0.7),
}


@pytest.mark.parametrize("name", LAWS)
def test_the_standard_deviation_is_that_of_a_million_samples(name: str) -> None:
    init = LAWS[name]
    shape = (250, 200) if "orthogonal" in name else SHAPE
    want = laws.stddev(init, shape)
    assert want is not None
    if isinstance(init, initializers.Constant):
        assert want == 0
        return
    if "orthogonal" in name:
        pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
    draw = init.draw(7, shape, "float32")
    values = varscale.fill(draw, np.empty(shape, np.float32)).astype(np.float64)
    spread = values.std() if "orthogonal" not in name else math.sqrt(np.square(values).mean())
    assert spread == pytest.approx(want, rel=1e-5 if "orthogonal" in name else TOLERANCE)


def test_a_delta_orthogonal_kernels_spread_is_over_all_of_it() -> None:
    pytest.importorskip("scipy", reason="not installed: pip install varscale[orthogonal]")
    shape, init = (3, 3, 16, 24), initializers.DeltaOrthogonal(2.0)
    values = np.empty(shape, np.float32)
    varscale.fill(init.draw(0, shape, "float32"), values)
    want = laws.stddev(init, shape)
    assert math.sqrt(np.square(values.astype(np.float64)).mean()) == pytest.approx(want, rel=1e-5)


def test_the_fans_of_haiku_are_its_own() -> None:
    init, shape = HaikuVarianceScaling(1.0, "fan_in", fan_in_axes=(0, 2)), (3, 4, 5, 6)
    assert laws.fans(init, shape) == (15, 24)
    assert laws.stddev(init, shape) == pytest.approx(math.sqrt(1 / 15))


TEXTS = {
    "lecun_normal()": LAWS["lecun"],
    "glorot_uniform()": LAWS["glorot"],
    "he_normal(in_axis=0)": initializers.VarianceScaling(
        2.0, "fan_in", "truncated_normal", in_axis=0),
    "lecun_uniform()": initializers.VarianceScaling(1.0, "fan_in", "uniform"),
    "variance_scaling(0.5, 'fan_out', 'normal', out_axis=0)": initializers.VarianceScaling(
        0.5, "fan_out", "normal", out_axis=0),
    "normal(1e-06)": initializers.Normal(1e-6),
    "truncated_normal(0.02)": initializers.TruncatedNormal(0.02),
    "truncated_normal(0.02, lower=-1, upper=2)": initializers.TruncatedNormal(0.02, lower=-1.0),
    "uniform(0.05)": initializers.Uniform(0.05),
    "uniform(-0.5, 0.5)": initializers.UniformBetween(-0.5, 0.5),
    "VarianceScaling(1, 'fan_in', 'uniform')": HaikuVarianceScaling(distribution="uniform"),
    "zeros": initializers.Constant(0.0),
    "ones": initializers.Constant(1),
    "constant(0.1)": initializers.Constant(0.1),
    "constant(array of shape (2,))": initializers.Constant(np.zeros(2)),
    "orthogonal()": initializers.Orthogonal(),
    "orthogonal(1.414, column_axis=0)": initializers.Orthogonal(math.sqrt(2), 0),
    "delta_orthogonal()": initializers.DeltaOrthogonal(),
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_an_initializer_is_called_as_one_writes_it(text: str) -> None:
    assert initializer_text(TEXTS[text]) == text


def row(param: Param, place: Place, shape: tuple[int, ...]) -> Row:
    where: CounterMap = counters(param, param.parts[0], place, shape)
    init = initializers.Constant(0)
    return Row(place.to, (), None, "", (), param.shape, param, where, init, None, None)


LETTERS = "DHWIOVF"


@random_cases(max_examples=150)
@given(
    data=st.data(),
    axes=st.lists(st.sampled_from(LETTERS), min_size=1, max_size=5, unique=True),
)
def test_the_letters_of_the_twins_axes_are_found_again(data: Any, axes: list[str]) -> None:
    sizes = {axis: data.draw(st.integers(2, 6), label=axis) for axis in axes}
    place_axes = "".join(data.draw(st.permutations(axes), label="place"))
    flip = "".join(axis for axis in place_axes if axis in "DHW" and data.draw(st.booleans()))
    param = Param("k", tuple(sizes[a] for a in axes), LAWS["zeros"], "".join(axes), flip=flip)
    found = row(param, Place("k", "w", place_axes), tuple(sizes[a] for a in place_axes))
    assert axes_of(found) == (place_axes, flip)


@random_cases(max_examples=60)
@given(
    map_axes=st.sampled_from(("CHW", "HWC", "CW", "CDHW", "WHC", "CWH")),
    data=st.data(),
)
def test_flattened_inputs_have_letters_of_their_own(map_axes: str, data: Any) -> None:
    sizes = {axis: data.draw(st.integers(2, 4), label=axis) for axis in (*map_axes, "O")}
    inputs = math.prod(sizes[axis] for axis in map_axes)
    param = Param("k", (inputs, sizes["O"]), LAWS["zeros"], "IO")
    letters = f"O{map_axes}"
    found = row(param, Place("k", "w", letters), tuple(sizes[a] for a in letters))
    got = axes_of(found)
    assert got is not None
    assert got == (letters, "")


def test_axes_of_size_one_are_as_good_as_each_other() -> None:
    param = Param("k", (1, 1, 8, 4), LAWS["zeros"], "HWIO")
    assert layout_text(row(param, Place("k", "w", "OIHW"), (4, 8, 1, 1))) == "OIHW <- HWIO"
    param = Param("k", (3, 3, 8, 1), LAWS["zeros"], "HWIO")
    assert layout_text(row(param, Place("k", "w", "OIHW"), (1, 8, 3, 3))) == "OIHW <- HWIO"


def test_parts_are_said_in_rows_and_columns() -> None:
    assert part_text((slice(0, 12),), [36]) == "rows 0:12 of 36"
    assert part_text((slice(None), slice(4, 8)), [3, 8]) == "columns 4:8 of 8"
    assert part_text((slice(None), slice(None), slice(4, 8))) == "axis 2 4:8"
    assert part_text(()) == ""


class Small(tn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.up = tn.Conv2d(3, 8, 3, bias=False), tn.ConvTranspose2d(8, 6, 2)
        self.norm, self.head = tn.BatchNorm2d(6), tn.Linear(6 * 16, 12)
        self.attention, self.frozen = tn.MultiheadAttention(12, 3), tn.Linear(2, 2)


OPTIONS: Any = {
    "names": {"frozen": None},
    "layout": {"head": Flattened("CHW", (6, 4, 4))},
    "init": {"head": {"bias": door.normal(1e-6)}},
    "compiled": False,
}


@pytest.fixture
def small() -> Any:
    return door.explain(Small(), 3, "flax.linen", **OPTIONS)


def test_the_rows_say_everything(small: Any) -> None:
    rows = {(one.to, one.part): one for one in small.rows}
    conv = rows["conv.weight", ""]
    assert (conv.path, conv.shape, conv.count) == ("Conv_0/kernel", (3, 3, 3, 8), 1)
    assert conv.key == " ".join(
        f"{word:08x}" for word in varscale.linen.param_key(3, ("Conv_0",), 1).words
    )
    assert (conv.initializer, conv.fans) == ("lecun_normal()", (27, 72))
    assert conv.stddev == pytest.approx(math.sqrt(1 / 27))
    assert (conv.layout, conv.compiled, conv.values) == ("OIHW <- HWIO", False, 216)
    assert rows["up.weight", ""].layout == "IOHW <- HWIO, flipped HW"
    assert rows["head.weight", ""].layout == "OCHW <- IO"
    assert rows["head.bias", ""].initializer == "normal(1e-06)"
    assert rows["head.bias", ""].fans is None
    value = rows["attention.in_proj_weight", "rows 24:36 of 36"]
    assert value.path == "MultiHeadDotProductAttention_0/value/kernel"
    assert value.shape == (12, 3, 4)
    scale = rows["norm.weight", ""]
    assert (scale.initializer, scale.stddev, scale.key, scale.layout) == ("ones", 0.0, "", "")


def test_a_gate_of_a_packed_kernel_is_said_on_both_sides() -> None:
    model = tn.Sequential(tn.LSTM(4, 8))
    rows = door.explain(model, 0, "flax.nnx", classes={tn.LSTM: "OptimizedLSTMCell"}).rows
    gate = next(one for one in rows if one.to == "0.weight_ih_l0" and "8:16" in one.part)
    assert (gate.part, gate.layout) == ("rows 8:16 of 32", "OI <- IO, O 8:16 of 32")


def test_the_total_is_that_of_the_model(small: Any) -> None:
    model = Small()
    written = [p for name, p in model.named_parameters() if not name.startswith("frozen")]
    values = sum(p.numel() for p in written)
    assert small.totals.startswith(f"{len(written)} tensors from ")
    assert f"{values:,} values, {4 * values:,} bytes (float32)" in small.totals
    half = door.explain(model.bfloat16(), 3, "flax.linen", **OPTIONS)
    assert f"{values:,} values, {2 * values:,} bytes (bfloat16)" in half.totals


def test_the_text_is_an_aligned_table(small: Any) -> None:
    head, rule, *lines = str(small).splitlines()
    assert head.split() == [
        "twin", "JAX", "shape", "no.", "key", "initializer", "fan", "in,", "out", "std", "layout",
    ]  # fmt: skip
    assert set(rule) == {"-"}
    body = lines[: len(small.rows)]
    assert lines[len(small.rows)] == ""
    for name in ("JAX", "shape", "key", "initializer", "layout"):
        start = head.index(name)
        assert all(len(line) < start or line[start - 1] == " " for line in body)
    assert all(line == line.rstrip() and len(line) <= len(rule) for line in body)
    for line, one in zip(body, small.rows, strict=True):
        assert line.startswith(one.to)
        for said in (one.path, one.initializer, one.layout, one.key):
            assert said in line
    assert "set beside them: norm.running_mean = 0, norm.running_var = 1" in str(small)
    assert "2 tensors left as they are" in str(small)
    assert [row.to for row in small.left] == ["frozen.weight", "frozen.bias"]


class Reader(html.parser.HTMLParser):
    """Elements, their attributes and their text; unbalanced tags are an error."""

    VOID = frozenset({"meta", "wbr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append((dict(attrs).get("data-label") or "", ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.cells[-1] = (self.cells[-1][0], self.cells[-1][1] + data)


def test_the_page_stands_alone(small: Any) -> None:
    page = small.html()
    found = Reader(page)
    tags = {tag for tag, _ in found.elements}
    assert page.startswith("<!DOCTYPE html>")
    assert not tags & {"script", "link", "img", "iframe", "object"}
    for _, attributes in found.elements:
        assert not {name for name in attributes if name.startswith("on")}
        assert not {"src", "href"} & set(attributes)
    assert "url(" not in page
    assert "@import" not in page
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in (
        found.elements
    )
    assert "color-scheme: light dark" in page
    assert "@media (max-width: 640px)" in page


def test_the_page_has_every_cell(small: Any) -> None:
    cells = [cell for cell in Reader(small._repr_html_()).cells if cell[0]]
    want = [text for one in (*small.rows, *small.left) for text in one.cells]
    assert [text for _, text in cells] == want
    assert small.totals in small.html()


def test_a_long_name_breaks_after_a_separator_and_a_part_does_not() -> None:
    model = tn.Sequential(tn.MultiheadAttention(4, 2))
    names = {"0": "Transformer/encoderblock_0/attention"}
    page = door.explain(model, 0, "flax.linen", names=names).html()
    path = "Transformer/<wbr>encoderblock_0/<wbr>attention/<wbr>query/<wbr>kernel"
    assert f'<td class="mono path" data-label="JAX"><span>{path}</span></td>' in page
    part = '<span class="part">rows 0:4 of 12</span>'
    assert f"<span>0.<wbr>in_proj_weight  {part}</span>" in page


def test_other_names_of_a_parameter_are_said_by_both() -> None:
    model = tn.Sequential(tn.Embedding(5, 4), tn.Linear(4, 5, bias=False))
    model[1].weight = model[0].weight
    said = "tied: 1.weight is 0.weight"
    table = door.explain(model, 0, "flax.linen")
    assert str(table).endswith(said)
    assert said in table.html()
    door.init_(model, 0, "flax.linen")
    tree = {"Embed_0": {"embedding": model[0].weight.detach().numpy()}}
    found = door.check(model, tree, "flax.linen")
    assert found.ok
    assert str(found).endswith(said)


def test_a_title_that_is_no_text_is_refused() -> None:
    table = door.explain(tn.Sequential(tn.Linear(4, 4)), 0, "flax.linen")
    with pytest.raises(TypeError, match="title must be a text, got int"):
        table.html(3)  # type: ignore[arg-type]


def test_fans_are_whole_numbers() -> None:
    table = door.explain(tn.Sequential(tn.Linear(98304, 10, device="meta")), 0, "flax.linen")
    assert "98304, 10" in str(table)


def test_bars_show_the_standard_deviations(small: Any) -> None:
    drawn, _, _ = small._repr_html_().partition("</table>")
    found = Reader(f"{drawn}</table></div>").elements
    widths = [
        int(str(attributes["style"]).partition("%")[0].removeprefix("width: "))
        for tag, attributes in found
        if tag == "span" and "style" in attributes
    ]
    spreads = [one.stddev for one in small.rows if one.stddev]
    assert len(widths) == len(spreads)
    assert widths[spreads.index(max(spreads))] == 100
    assert widths[spreads.index(min(spreads))] == 8
    assert np.array_equal(np.argsort(spreads, kind="stable"), np.argsort(widths, kind="stable"))


def test_bars_of_equal_values_are_full() -> None:
    table = door.explain(tn.Sequential(tn.Linear(4, 4)), 0, "flax.linen")
    assert "width: 100%" in table.html()


def test_text_is_escaped() -> None:
    model = tn.Sequential(tn.Linear(2, 2))
    table = door.explain(model, 0, "flax.linen", names={"0": '<script>"&'})
    page = table.html('<b>"')
    assert "<script>" not in page
    assert "<b>" not in page
    assert '<script>"&/kernel' in [text for _, text in Reader(page).cells]


def test_nothing_is_drawn_and_a_model_without_memory_will_do() -> None:
    with torch.device("meta"):
        model = tn.Sequential(tn.Linear(1 << 20, 1 << 20), tn.Embedding(3, 4))
    table = door.explain(model, 0, like="flax.linen")
    assert table.rows[0].stddev == 2**-10
    assert table.rows[2].fans == (4, 4)


def test_rows_are_dictionaries_for_data_frames(small: Any) -> None:
    first, *_, last = small.as_dicts()
    assert last["to"] == "frozen.bias"
    assert first["to"] == "conv.weight"
    assert set(first) == {
        "to", "part", "path", "stack", "shape", "count", "key", "initializer", "fans", "stddev",
        "layout", "compiled", "values",
    }  # fmt: skip


def test_what_the_framework_draws_is_told_of_layers_without_inputs() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's, of tensors without elements
        model = tn.Linear(0, 3)
    table = door.explain(model, 0, like="torch")
    assert "0, 0" in str(table)
    assert [row["to"] for row in table.as_dicts()] == ["weight", "bias"]


CALLS = ("plan", "init_", "explain", "check")


def test_all_four_calls_take_the_same_words() -> None:
    signatures = {name: inspect.signature(getattr(door, name)) for name in CALLS}
    words = {
        name: {
            one: (parameter.default, parameter.annotation)
            for one, parameter in signature.parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        for name, signature in signatures.items()
    }
    assert words["check"].pop("key")[0] is None
    assert words["plan"] == words["init_"] == words["explain"] == words["check"]
    assert len(words["plan"]) == 11


@pytest.mark.parametrize("call", CALLS)
def test_every_word_arrives(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from varscale.adapters.torch.port import calls

    seen: dict[str, Any] = {}

    def stop(*arguments: Any) -> Any:
        seen["build"] = arguments
        raise LookupError

    def describe(*arguments: Any) -> Any:
        seen["describe"] = arguments

    monkeypatch.setattr(calls, "build", stop)
    monkeypatch.setattr(calls, "describe", describe)
    words: dict[str, Any] = {
        "names": {"names": "name"},
        "init": {"init": {"kernel": initializers.Constant(1.0)}},
        "layout": {"layout": {"einsum": True}},
        "params": {"params": ("path", initializers.Constant(2.0), (2,), Layout("ab"))},
        "lift": {"lift": "jit"},
        "classes": {tn.Linear: "Dense"},
        "rules": {tn.Linear: str},
        "order": ("order",),
        "style": "setup",
        "compiled": True,
        "expect": {"expect": (2,)},
    }
    arguments: Any = ({}, "like") if call == "check" else ("key", "like")
    with pytest.raises(LookupError):
        getattr(door, call)("model", *arguments, **words)
    options = seen["build"][3]
    assert seen["build"][2] == "like"
    assert seen["describe"] == ("model", words["rules"], words["classes"])
    arrived = {name: getattr(options, name) for name in words}
    assert {name: getattr(one, "said", one) for name, one in arrived.items()} == words


def test_a_twin_starts_as_the_issue_says() -> None:
    model = tn.Sequential(tn.Linear(4, 3))
    assert door.init_(model, key=0, like="flax.linen", names={"0": "head"}) is model
    want = torch.empty(3, 4)
    key = varscale.linen.param_key(0, ("head",), 1)
    door.lecun_normal_(want, key=key)
    assert torch.equal(model[0].weight, want)
    table = door.explain(model, key=0, like="flax.linen", names={"0": "head"})
    assert table.rows[0].path == "head/kernel"


def test_a_bias_that_jax_keeps_with_axes_for_space_is_explained() -> None:
    rows = door.explain(tn.Conv1d(4, 6, 3, groups=2), 0, like="equinox").rows
    assert [(row.path, row.shape, row.layout) for row in rows] == [
        ("weight", (6, 2, 3), ""),
        ("bias", (6, 1), ""),
    ]
