from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgenas.cost.model import networks
from edgenas.cost.profile import Profile, packaged_folder, profile_path
from edgenas.cost.published import Published
from edgenas.errors import UsageError
from edgenas.profiles.convert_published import block, converted, main, read, together
from edgenas.space import load_space

PROXYLESS = """
Conv-input:32x32x3-output:16x16x8:
  count: 10
  mean: 4.0
  var: 0.25
expanded_conv-input:16x16x8-output:16x16x8-expand:3-kernel:5-stride:1-idskip:1:
  count: 30
  mean: 1.5
  var: 0.04
"""
OFA = """
Logits-input:1x1x1536-output:1000:
  count: 10
  mean: 1.0
  std: 0.0
expanded_conv-input:8x8x16-output:4x4x24-expand:64-kernel:7-stride:2-idskip:0-se:1-hs:1:
  count: 20
  mean: 2.0
  std: 0.5
"""


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "proxyless.yaml", tmp_path / "ofa.yaml"
    for path, text in zip(paths, (PROXYLESS, OFA), strict=True):
        path.write_text(text)
    return paths


def test_a_table_becomes_a_profile_that_is_found_by_the_blocks_of_a_space(tables: tuple[Path, Path], tmp_path: Path):
    done = CliRunner().invoke(main, ["--device", "pixel1", "--folder", str(tmp_path), str(tables[0])])
    assert done.exit_code == 0 and done.output.endswith("litert-fp32-1t.jsonl: 2 blocks\n")
    profile = Profile.load(tmp_path / "pixel1" / "litert-fp32-1t.jsonl")
    assert (profile.header.provenance, profile.header.device) == ("published", "pixel1")
    assert "proxylessnas" in profile.header.machine["source"] and "MIT" in profile.header.machine["licence"]
    stem, mbconv = sorted(profile.blocks.values(), key=lambda b: b.latency_ms(), reverse=True)
    assert isinstance(stem, Published) and (stem.mean_ms, stem.std_ms, stem.count) == (4.0, 0.5, 10)
    assert mbconv.latency_ms("min") == 1.5
    assert set(profile.blocks) == set(profile.structures) == {
        "3x32x32: conv2d(-1; 3->8 k3x3 s2 p1 g1 bias relu6)",
        "8x16x16: conv2d(-1; 8->24 k1x1 s1 p0 g1 bias relu6) conv2d(0; 24->24 k5x5 s1 p2 g24 bias relu6) "
        "conv2d(1; 24->8 k1x1 s1 p0 g1 bias) add(-1,2)"}


def test_once_for_all_names_hidden_channels_squeeze_excite_and_activation(tables: tuple[Path, Path]):
    signatures = {network.signature: latency for network, latency in converted([read(tables[1])])}
    mbconv, logits = sorted(signatures, key=lambda s: signatures[s].mean_ms, reverse=True)
    assert logits == "1536x1x1: linear(-1; 1536->1000 bias)"
    assert mbconv.startswith("16x8x8: conv2d(-1; 16->64 k1x1 s1 p0 g1 bias hardswish) conv2d(0; 64->64 k7x7 s2 p3 g64")
    assert "64->16 k1x1 s1 p0 g1 bias relu)" in mbconv and "hardsigmoid" in mbconv


def test_a_block_of_two_tables_has_the_figures_of_all_its_measurements():
    values = [1.0, 3.0], [5.0, 5.0, 8.0]
    parts = [Published("x", sum(v) / len(v), (sum(x * x for x in v) / len(v) - (sum(v) / len(v)) ** 2) ** 0.5, len(v))
             for v in values]
    both = together(*parts)
    every = [x for v in values for x in v]
    mean = sum(every) / len(every)
    assert both.count == 5 and both.mean_ms == pytest.approx(mean)
    assert both.std_ms == pytest.approx((sum((x - mean) ** 2 for x in every) / len(every)) ** 0.5)


@pytest.mark.parametrize("name", [
    "Pool-input:8x8x8-output:4x4x8", "Conv", "Conv-input:8x8-output:4x4x8", "expanded_conv-input:8x8x8-output:8x8x8",
    "expanded_conv-input:8x8x8-output:8x8x8-expand:3-kernel:3-stride:1-idskip:0",
])
def test_a_name_that_is_no_block_is_refused(name: str):
    with pytest.raises(UsageError, match="is no block of ProxylessNAS or Once-for-All"):
        block(name, of_ofa=False)


@pytest.mark.parametrize("text", ["- 1", "a: 1", "a: {count: 0, mean: 1.0, std: 0.0}",
                                  "a: {count: 1, mean: -1, std: 0}"])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str):
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(UsageError, match="is no table of block latencies"):
        read(tmp_path / "t.yaml")


@pytest.mark.parametrize(("device", "count", "known"), [
    ("pixel1", 72, {"Conv-input:224x224x3-output:112x112x32": (4.083755600814664, 982),
                    "expanded_conv-input:112x112x16-output:56x56x24-expand:3-kernel:3-stride:2-idskip:0":
                        (6.240567073170731, 164)}),
    ("note10", 190, {"AvgPool2D-input:7x7x1152-output:1x1x1152": (0.015270707070707077, 495),
                     "expanded_conv-input:10x10x136-output:10x10x136-expand:408-kernel:3-stride:1-idskip:1-se:1-hs:1":
                         (0.86918, 100)}),
])
def test_the_committed_profiles_have_the_published_rows(device: str, count: int, known: dict[str, tuple[float, int]]):
    path = profile_path(device, "litert", 1)
    assert path.is_relative_to(packaged_folder())
    rows = {block.name: block for block in Profile.load(path).blocks.values() if isinstance(block, Published)}
    assert len(rows) == count
    assert {name: (rows[name].mean_ms, rows[name].count) for name in known} == known
    header = json.loads(path.read_text().splitlines()[0])
    assert header["provenance"] == "published" and "MIT License" in (packaged_folder() / "LICENSES").read_text()


@pytest.mark.parametrize(("device", "space", "side"), [("pixel1", "proxyless", 224), ("note10", "ofa", 224),
                                                       ("note10", "ofa", 160)])
def test_every_block_of_the_authors_space_is_published(device: str, space: str, side: int):
    profile = Profile.load(profile_path(device, "litert", 1))
    wanted = {n.signature for n in networks(load_space(space, (3, side, side), 1000)).values() if n is not None}
    assert wanted <= set(profile.blocks)
