"""What a stranger wrote reaches no terminal as it is: escapes through every place where something is printed."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from flow.flows import edgenas, succeed
from onnx import TensorProto, helper

from edgenas.cli import show_device, show_inspection
from edgenas.cli.output import say, table
from edgenas.cli.show_device import print_step
from edgenas.cli.terminal import Terminal
from edgenas.flow.records.documents import DescribedDevice, DescribedProfile, DescribedRuntime
from edgenas.flow.step import Step
from edgenas.measure.device import Device
from edgenas.text import printable

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\b\u202e\udc80\u2028end"
SHOWN = "\\x1b[2J\\x1b]0;owned\\x07"


def is_fit(text: str) -> bool:
    return SHOWN in text.replace("\n", "") and not any(c in text for c in ESCAPES if printable(c) != c)


def progress(method: str) -> Callable[[], None]:
    def tell() -> None:
        with Terminal() as terminal:
            terminal.start(ESCAPES if method == "start" else "work", 1)
            terminal.advance(ESCAPES if method == "advance" else "")
            if method == "say":
                terminal.say(ESCAPES)
    return tell


SPEC = {"name": ESCAPES, "dtype": ESCAPES, "shape": [1]}
INSPECTED = {"kind": "file", "path": ESCAPES, "bytes": 1, "sha256": ESCAPES, "inputs": [SPEC], "outputs": [SPEC],
             "operators": {ESCAPES: 1}, "figures": {ESCAPES: 1.0}, "reads": None, "verified": [ESCAPES], "about": {
                 "input": {"preprocessing": {"channels": ESCAPES, "size": [1, 1], "resize": ESCAPES, "scale": 1.0,
                                             "mean": [0.0], "std": [1.0]}},
                 "edgenas_version": ESCAPES, "space": ESCAPES, "seed": ESCAPES, "architecture": {ESCAPES: ESCAPES},
                 "classes": [ESCAPES], "created": ESCAPES, "command": ESCAPES, "versions": {ESCAPES: ESCAPES}}}
ARTIFACT = {"path": ESCAPES, "format": ESCAPES, "precision": ESCAPES, "target": ESCAPES, "bytes": 1, "inputs": [SPEC],
            "outputs": [SPEC], "max_abs": 0.0, "agreement": 1.0, "in_the_file": ESCAPES, "sha256": ESCAPES,
            "operators": {ESCAPES: 1}, "warnings": [ESCAPES],
            "reads": {"kinds": [ESCAPES], "needs": [ESCAPES]}}
BUNDLE = INSPECTED | {"kind": "bundle", "artifacts": [ARTIFACT], "members": [ESCAPES]}
DEVICE = DescribedDevice.model_construct(
    path=ESCAPES,
    device=Device.model_construct(name="a", description=ESCAPES, transport=ESCAPES, threads=1,
                                  options={ESCAPES: ESCAPES}),
    runtimes=[DescribedRuntime.model_construct(name=ESCAPES, format=ESCAPES, precisions=[ESCAPES], provenance=ESCAPES,
                                               extra=ESCAPES, settings={ESCAPES: ESCAPES})],
    profiles=[DescribedProfile.model_construct(path=ESCAPES, error=ESCAPES)])


@pytest.mark.parametrize("tell", [
    progress("start"), progress("advance"), progress("say"), lambda: say(ESCAPES), lambda: say(ESCAPES, err=True),
    lambda: table(ESCAPES, ["a"], [["b"]]), lambda: table("a", [ESCAPES], [["b"]]),
    lambda: table("a", ["b"], [[ESCAPES]]),
    lambda: print_step(Step("reach", "ok", ESCAPES)), lambda: print_step(Step("reach", "failed", "x", ESCAPES)),
    lambda: show_inspection.show(INSPECTED), lambda: show_inspection.show(BUNDLE),
    lambda: show_device.show_device(DEVICE)])
@pytest.mark.parametrize("terminal", [False, True])
def test_no_escape_is_printed(tell, terminal, monkeypatch):
    screens = [io.StringIO(), io.StringIO()]
    for name, screen in zip(("stdout", "stderr"), screens, strict=True):
        monkeypatch.setattr(screen, "isatty", lambda: terminal)
        monkeypatch.setattr(sys, name, screen)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "2000")
    tell()
    assert is_fit(screens[0].getvalue() + screens[1].getvalue())


def test_names_in_an_onnx_file(tmp_path: Path):
    nasty = ESCAPES.replace("\udc80", "")
    graph = helper.make_graph([helper.make_node("Relu", [nasty], ["y"], name=nasty)], nasty,
                              [helper.make_tensor_value_info(nasty, TensorProto.FLOAT, [1, 3])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])])
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    assert is_fit(succeed("inspect", path).out)
    assert succeed("inspect", path, "--json").out.isascii()


@pytest.mark.parametrize("text", ['description = "{}"\nruntimes = ["mock"]', 'description = "a"\nruntimes = ["{}"]',
                                  'description = "a"\nruntimes = ["mock"]\n"{}" = 1',
                                  'description = "a"\nruntimes = ["mock"]\ntransport = "ssh"\noptions.host = "{}"'])
def test_texts_in_a_devices_file(tmp_path: Path, text: str):
    (tmp_path / "board.toml").write_text('name = "board"\n' + text.format(r"\u001b[2J\u001b]0;owned\u0007"))
    found = edgenas("devices", "check" if "host" in text else "show", tmp_path / "board.toml")
    assert is_fit((found.out + found.err).replace("\\\\", "\\")), found.err
