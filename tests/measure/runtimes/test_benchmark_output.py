"""On output of real versions of benchmark_model: see benchmark_model/README.md."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgenas.errors import DeviceError
from edgenas.measure.runtimes._benchmark_output import Inferences, Operator, inferences, operators

SAMPLES = Path(__file__).with_name("benchmark_model")
KNOWN = {"tabs": Inferences(50, 2990275, 2913402, 2727568, 3189954, 2.95034e6),
         "spaces": Inferences(64, 16067, 15102, 14661, 17579, 15517.6),
         "percentiles": Inferences(41, 26457, 23736, 23347, 35524, 24347.7)}


def sample(name: str) -> str:
    return (SAMPLES / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", KNOWN)
def test_the_timed_inferences_are_those_after_the_warm_up(name):
    assert inferences(sample(name)) == KNOWN[name]


def test_operators_between_tabs():
    rows = operators(sample("tabs"))
    assert len(rows) == 31
    assert rows[0] == Operator("CONV_2D", 87.754, 60.957, pytest.approx(0.02066), 1,
                               "[MobilenetV1/MobilenetV1/Conv2d_0/Relu6]:0")
    # The program itself gives the sum of each kind.
    assert sum(row.avg_ms for row in rows if row.kind == "DEPTHWISE_CONV_2D") == pytest.approx(296.919, rel=0.05)
    assert sum(row.share for row in rows) == pytest.approx(1, abs=1e-3)


def test_operators_between_spaces_whose_names_have_spaces():
    rows = operators(sample("spaces"))
    assert [row.kind for row in rows][:3] == ["QUANTIZE", "Convolution (NHWC, QC8) IGEMM",
                                              "Convolution (NHWC, QC8) DWConv"]
    assert rows[2].times_called == 13 and rows[2].name == "Delegate/Convolution (NHWC, QC8) DWConv:1"
    # Its average is of one call: its share of the whole is that of all calls.
    whole_ms = rows[0].avg_ms / rows[0].share
    assert 13 * rows[2].avg_ms == pytest.approx(rows[2].share * whole_ms, rel=0.02)


@pytest.mark.parametrize(("name", "old", "new", "message"), [
    ("tabs", "count=50", "runs=50", "two lines 'count=…' and one line 'Inference timings in us: …' were expected"),
    ("tabs", "avg=2.95034e+06", "mean=2.95034e+06", "unknown format at 'count=50 first=.*not as any known version"),
    ("tabs", "avg=2.95034e+06", "avg=2.95134e+06", "its average is not that of 'count=50"),
    ("tabs", "Inference (avg)", "Inference (mean)", "at 'Inference timings in us: Init: .*not as any known version"),
    ("spaces", "Inference timings", "Timings", "two lines"),
    ("percentiles", "p95=", "p99=", "not as any known version"),
])
def test_an_unknown_format_is_shown(name, old, new, message):
    assert old in sample(name)
    with pytest.raises(DeviceError, match=message) as caught:
        inferences(sample(name).replace(old, new))
    assert "runtime binary" in caught.value.hint and "\n" not in caught.value.message


def test_no_output_is_an_unknown_format():
    with pytest.raises(DeviceError, match="^benchmark_model's output is of an unknown format: two lines"):
        inferences("")


@pytest.mark.parametrize(("name", "old", "new", "message"), [
    ("percentiles", "", "", "there is no table after"),
    ("tabs", "[times called]\t[Name]", "[calls]\t[Name]", "the columns .* were expected"),
    ("spaces", "0.203 ", "slow ", "at 'QUANTIZE .* it is no row of the operators' table"),
    ("spaces", "[tfl.quantize]:0", "", "it is no row"),
])
def test_an_unknown_table_is_shown(name, old, new, message):
    with pytest.raises(DeviceError, match=message):
        operators(sample(name).replace(old, new))


def printed(values: list[int]) -> Inferences:
    """What the program prints of some inferences: six digits of their average."""
    return Inferences(len(values), values[0], values[-1], min(values), max(values),
                      float(f"{sum(values) / len(values):.6g}"))


@given(st.lists(st.integers(1, 10**8), min_size=3, max_size=3))
def test_three_inferences_can_be_told_apart(values):
    found = printed(values).singles()
    assert found[0] == values[0] and found[2] == values[2]
    # In between the other two, the second is known as well as the average is.
    assert found[1] == pytest.approx(values[1], abs=1 + 2e-5 * sum(values) / 3)
    assert (min(found), max(found)) == (min(values), max(values))


@pytest.mark.parametrize("text", ["count=3 curr=1234(all same)", "count=3 curr=1234(all same) p5=1234 median=1234 "
                                  "p95=1234"])
def test_equal_inferences_are_one_figure(text):
    whole = sample("tabs").replace("count=50 first=2990275 curr=2913402 min=2727568 max=3189954 avg=2.95034e+06 "
                                   "std=109798", text).replace("Inference (avg): 2.95034e+06", "Inference (avg): 1234")
    assert inferences(whole).singles() == [1234, 1234, 1234]


@pytest.mark.parametrize("found", [Inferences(4, 5, 5, 5, 5, 5.0), Inferences(3, 10, 30, 10, 30, 35.0),
                                   Inferences(3, 10, 30, 5, 40, 25.0)])
def test_three_inferences_that_contradict_each_other(found):
    with pytest.raises(DeviceError, match="contradict each other"):
        found.singles()


@pytest.mark.parametrize(("old", "new"), [
    ("curr=15102", "curr=" + "9" * 5000), ("avg=15517.6", "avg=1e999"), ("avg=15517.6", "avg=" + "9" * 5000),
    ("count=64", "count=" + "9" * 5000), ("Inference (avg): 15517.6", "Inference (avg): 1e999")])
def test_a_figure_of_any_length_is_one_sentence(old, new):
    assert old in sample("spaces")
    with pytest.raises(DeviceError, match="unknown format") as caught:
        inferences(sample("spaces").replace(old, new))
    assert len(caught.value.message) < 500


@pytest.mark.parametrize(("old", "new"), [
    ("60.957", "nan"), ("60.957", "inf"), ("60.957", "-1"), ("60.957", "1e300"), ("60.957", "9" * 5000),
    ("CONV_2D\t", "CONV_2D" + " " * 100_000 + "\t")])
def test_a_row_of_an_odd_shape_is_one_sentence(old, new):
    assert old in sample("tabs")
    with pytest.raises(DeviceError, match="unknown format"):
        operators(sample("tabs").replace(old, new))
