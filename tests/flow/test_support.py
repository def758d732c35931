from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from edgenas.errors import UsageError
from edgenas.flow.run import Run
from edgenas.flow.support import describe_dropped, supported, unsupported
from edgenas.flow.survey import describe_space
from edgenas.flow.work import Work
from edgenas.measure.device import load_device
from edgenas.space import Space, load_space

from .flows import DIGITS, edgenas, succeed

FILE = Path(__file__).with_name("npu_space.py")
STRIDE = r"DEPTHWISE_CONV_2D '.*' \(Unsupported kernel stride: 4, 4\)"


def space(name: str = "network") -> Space:
    return load_space(f"{FILE}:{name}", (1, 8, 8), 10)


def left_out(device: str, name: str = "network") -> dict[str, dict[str, str]]:
    target = load_device(device)
    return unsupported(space(name), target, target.runtimes[0], "int8")


def test_what_the_compiler_leaves_to_the_processor_is_named_with_its_reason():
    found = left_out("ethos-u55-128")
    assert list(found) == ["1"] and list(found["1"]) == ["strided"]
    assert re.fullmatch(STRIDE, found["1"]["strided"])


def test_an_operator_without_a_kernel_is_named():
    found = left_out("cortex-m7")
    assert list(found["1"]) == ["gelu"] and "'GELU'" in found["1"]["gelu"]


def test_where_only_measuring_tells_nothing_is_left_out():
    narrow, dropped = supported(space(), load_device("host"), "onnxruntime", "fp32")
    assert dropped == {} and "gelu" in narrow.choices["1"]


def test_a_choice_without_a_candidate_and_a_fixed_part_are_refused():
    with pytest.raises(UsageError, match="ethos-u55-128 can run no candidate of '1': DEPTHWISE_CONV_2D"):
        left_out("ethos-u55-128", "hopeless")
    with pytest.raises(UsageError, match="cortex-m7 cannot run '1', which every network of space .* has: .*'GELU'"):
        left_out("cortex-m7", "fixed")


def test_a_runtime_that_is_not_installed_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "ethosu.vela", None)
    with pytest.raises(UsageError, match="which is not installed") as caught:
        left_out("ethos-u55-128")
    assert "edgenas[ethosu]" in caught.value.hint


def test_the_sentence_names_the_first_ones():
    row = {f"op{i}": "no kernel" for i in range(5)}
    said = describe_dropped({"a": row}, "npu")
    assert said.startswith("left out of the space: 5 candidates that npu cannot run: a op0: no kernel; a op1: ")
    assert said.endswith("; and 2 more, see edgenas spaces show")


def test_a_space_is_shown_with_what_a_target_cannot_run():
    found = describe_space(f"{FILE}:network", "1x8x8", 10, (), "ethos-u55-128", None, None).to_json()
    assert found["size"] == 12 and found["target"]["known"] and found["target"]["runtime"] == "vela"
    assert found["choices"][0] == {"name": "1", "input_shapes": [[8, 8, 8]],
                                   "candidates": ["plain", "strided", "wide", "gelu"]}
    assert list(found["target"]["unsupported"]) == ["1"]
    assert describe_space("mobile", "1x8x8", 10, ("space.depth=1",), None, None, None).target is None
    with pytest.raises(UsageError, match="'search.epochs' is no option of a space"):
        describe_space("mobile", "1x8x8", 10, ("search.epochs=1",), None, None, None)


def test_a_search_leaves_them_out_and_says_so(tmp_path):
    found = succeed("search", *DIGITS, "--space", f"{FILE}:network", "--strategy", "random", "--device",
                    "ethos-u55-128", "--latency-ms", "100%", "--json", "--out", tmp_path / "run")
    assert "left out of the space: 1 candidate that ethos-u55-128 cannot run: 1 strided: DEPTHWISE_CONV_2D" in found.err
    assert found.document["architecture"]["1"] in ("plain", "wide", "gelu")
    work = Work(Run.open(tmp_path / "run"))
    assert work.space.choices["1"] == ("plain", "wide", "gelu")
    assert list(json.loads((tmp_path / "run" / "run.json").read_text())["unsupported"]["1"]) == ["strided"]


def test_a_profile_leaves_them_out_too(tmp_path):
    found = succeed("profile", *DIGITS, "--space", f"{FILE}:network", "--device", "cortex-m7", "--profiles", tmp_path,
                    "--json")
    assert "1 candidate that cortex-m7 cannot run: 1 gelu" in found.err


def test_a_space_on_the_command_line():
    shown = succeed("spaces", "show", f"{FILE}:network", "--input-shape", "1x8x8", "--target", "ethos-u55-128").out
    assert "strided" in shown and "leaves out" in shown
    assert "runs every candidate" in succeed("spaces", "show", "mobile", "--input-shape", "1x8x8", "--set",
                                             "space.depth=1", "--target", "cortex-m7").out
    assert "only known once it is measured" in succeed("spaces", "show", "mobile", "--target", "mock").out
    edgenas("spaces", "show", "mobil").refused(2, "'mobil' is no known space", "did you mean 'mobile'?")
    edgenas("spaces", "--classes", "3", "show", "mobile").refused(2, "--classes stands before 'show'")
