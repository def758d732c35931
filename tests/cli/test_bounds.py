"""Numbers that nobody means: refused in one sentence that gives the largest allowed, before anything begins."""

from __future__ import annotations

from pathlib import Path

import pytest
from flow.flows import QUICK, edgenas, files

ASKED = (*QUICK, "--budget", "macs=69%")
HUGE = "1" + "0" * 30


@pytest.mark.parametrize(("arguments", "words"), [
    (("--seeds", "1000000000"), ("1<=x<=1000",)), (("--threads", HUGE), ("1<=x<=1024",)),
    (("--search-epochs", HUGE), ("1<=x<=100000",)), (("--train-epochs", "100001"), ("1<=x<=100000",)),
    (("--seed", str(2**63)), ("0<=x<=4294967295",)), (("--max-images", HUGE), ("x<=1000000000",)),
    (("--image-size", "100000"), ("--image-size 100000 is not from 4 to 4096",)),
    (("--max-drop", "1e9"), ("0 to 100",)),
    (("--space", "mobile", "--set", "space.depth=99999999"), ("option depth=99999999", "less than or equal to 100")),
    (("--space", "cell", "--set", "space.cells=1000000"), ("option cells=1000000 of", "less than or equal to 100")),
    (("--set", f"search.epochs={HUGE}"), ("less than or equal to 100000",)),
    (("--set", "search.trials=99999999"), ("less than or equal to 10000",)),
    (("--set", f"train.batch_size={HUGE}"), ("less than or equal to 1000000",)),
    (("--set", "train.lr=1e30"), ("less than or equal to 1000",)), (("--set", "qat.epochs=1000000"), ("to 100000",)),
    (("--set", "train.weight_decay=1e30"), ("should be at most 1e+09",)),
    (("--budget", "params=1e30"), ("budget params=1e30 is above 1e+15",)),
])
def test_options_have_a_largest_value(tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    edgenas("search", *ASKED, *arguments, "--out", tmp_path / "run").refused(2, *words)
    assert files(tmp_path) == {}


@pytest.mark.parametrize("arguments", [
    ("--seeds", "9" * 6000), ("--set", f"search.epochs={'9' * 6000}"), ("--budget", f"macs={'9' * 6000}x"),
    ("--strategy", "s" * 6000), ("--set", "s" * 6000), ("--data", "s" * 6000), ("--device", "s" * 6000),
    ("--space", "s" * 6000), ("--space", f"{'s' * 6000}:f"), ("--budget", f"latency_ms@{'s' * 6000}=3"),
    ("--out", "s" * 6000),
])
def test_what_was_typed_is_repeated_in_short(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert len(edgenas("search", *ASKED, "--out", tmp_path / "run", *arguments).refused(2).splitlines()[0]) < 500


def test_other_commands_have_bounds_too() -> None:
    edgenas("profile", "--budget-minutes", "1e30", "--device", "mock", "--data", "digits").refused(2, "at most 100000")
    edgenas("profile", "--operators", HUGE).refused(2, "1<=x<=100000")
    edgenas("spaces", "--classes", HUGE).refused(2, "2<=x<=100000")
    edgenas("spaces", "--input-shape", "3x99999x99999").refused(2, "a side has 4 to 4096 pixels")
