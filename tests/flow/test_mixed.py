"""A run in which the precision of every block is searched, with its weights kept, resumed and exported."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path

import onnx
import pytest
import torch
from safetensors.torch import load_file

from edgenas.export.package import manifest
from edgenas.flow.run import Run
from edgenas.flow.train import initial_network, supernet_of
from edgenas.flow.work import Work
from edgenas.space.int8 import Int8
from edgenas.space.precision import int8_choices

from .flows import DIGITS, EPOCHS, MOCK, OWN_SPACE, Finished, copied, edgenas, succeed

ASKED = ("run", *DIGITS, *MOCK, *OWN_SPACE, *EPOCHS, "--precision", "mixed", "--latency-ms", "50%", "--max-drop", "20")


@functools.cache
def _base() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="edgenas-tests-")


@functools.cache
def finished() -> Finished:
    folder = Path(_base().name)
    result = succeed(*ASKED, "--profiles", folder / "profiles", "--out", folder / "run")
    return Finished(folder / "run", folder / "profiles", result)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.open(copied(finished(), tmp_path / "run"))


def test_the_file_the_manifest_and_the_report_tell_each_block_s_precision(run: Run):
    (artifact,) = manifest.read(run.artifacts).artifacts
    assert (artifact.path, artifact.precision) == ("model.mixed.onnx", "mixed")
    assert artifact.int8 == int8_choices(run.architecture) and artifact.int8
    assert artifact.quantisation is not None and artifact.quantisation.drop_points <= 20
    quantised = [n for n in onnx.load(run.artifacts / artifact.path).graph.node if n.op_type == "QuantizeLinear"]
    assert bool(quantised) == bool(artifact.int8)
    verdict = json.loads((run.folder / "verify.json").read_text())
    assert verdict["within"] and verdict["precision"] == "mixed"
    layers = json.loads((run.folder / "decoding.json").read_text())["layers"]
    assert {layer["place"]: layer["candidate"] for layer in layers if layer["candidate"]} == dict(run.architecture)
    page = (run.folder / "report.html").read_text()
    assert all(candidate in page for candidate in run.architecture.values())


def test_weights_that_two_precisions_share_are_kept_once_and_inherited(run: Run):
    names = set(load_file(run.folder / "supernet.safetensors"))
    assert names and not any("@int8" in name for name in names)
    work = Work(run)
    supernet, network = supernet_of(work), initial_network(work, run.architecture)
    assert not any(part.simulated for part in network.modules() if isinstance(part, Int8))
    known = list(supernet.state_dict().values())
    for value in network.state_dict().values():
        assert any(value.shape == other.shape and torch.equal(value, other) for other in known)
    assert len(network.state_dict()) == len(work.network().state_dict())


def test_it_goes_on_and_is_the_same(run: Run):
    before = (run.folder / "architecture.json").read_bytes(), (run.artifacts / "model.mixed.onnx").read_bytes()
    for name in ("architecture.json", "weights.safetensors", "train.json", "verify.json"):
        (run.folder / name).unlink()
    (run.artifacts / "model.mixed.onnx").unlink()
    succeed(*ASKED, "--profiles", finished().profiles, "--out", run.folder, "--resume")
    assert before == ((run.folder / "architecture.json").read_bytes(),
                      (run.artifacts / "model.mixed.onnx").read_bytes())


def test_the_same_network_can_be_had_in_one_precision(run: Run):
    succeed("export", run.folder, "--format", "onnx", "--precision", "fp32")
    succeed("export", run.folder, "--format", "onnx", "--precision", "int8", "--max-drop", "20")
    found = {a.precision: a for a in manifest.read(run.artifacts).artifacts}
    assert set(found) == {"fp32", "int8", "mixed"} and found["fp32"].int8 == ()


@pytest.mark.parametrize(("arguments", "words"), [
    (("--device", "mock", "--budget-minutes", "1"), ("--budget-minutes does not go with --precision mixed",)),
    (("--device", "host", "--runtime", "litert"), ("runtime 'litert' runs no mixed files", "--precision fp32 or int8")),
])
def test_what_mixed_precision_lacks_is_refused(arguments: tuple[str, ...], words: tuple[str, ...]):
    edgenas("profile", "--data", "digits", *OWN_SPACE, "--precision", "mixed", *arguments).refused(2, *words)


def test_a_run_of_one_precision_has_no_mixed_file(counted: Finished, tmp_path: Path):
    folder = copied(counted, tmp_path / "run")
    edgenas("export", folder, "--precision", "mixed").refused(
        2, "was searched in fp32: none of its blocks says", "edgenas run --precision mixed")
