"""A user's own network on images of several sizes: edgenas run --from … --try image_size=8,6."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgenas.api.run import specialise
from edgenas.errors import UsageError
from edgenas.flow.image_sizes import sizes_of
from edgenas.flow.records import Sizes
from edgenas.flow.run import Run

from .flows import Result, edgenas, files, succeed
from .test_own_network import FILE, asked, base, read


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("sizes") / "run"
    return out, succeed("run", *asked("--weights", base() / "w.safetensors", "--try", "image_size=8,6"), "--profiles",
                        base() / "profiles", "--out", out, "--json")


def test_the_size_that_is_right_on_most_validation_images_is_exported(tried: tuple[Path, Result]) -> None:
    out, done = tried
    known = Sizes.read(out)
    assert known is not None and [row.image_size for row in known.sizes] == [8, 6]
    shares = {row.image_size: row.accuracy.validation for row in known.sizes if row.accuracy}
    assert known.chosen == max(shares, key=lambda size: shares[size])
    assert done.document["run"] == str(out / f"image_size={known.chosen}")
    assert done.document["budgets"][0]["within"] and f"image size taken: {known.chosen}" in done.err
    other = out / f"image_size={14 - known.chosen}"
    assert not (other / "artifacts").exists() and (out / f"image_size={known.chosen}" / "artifacts").exists()


def test_a_share_is_of_the_uncut_network_at_the_first_size(tried: tuple[Path, Result]) -> None:
    out, _ = tried
    first = read(out / "image_size=8", "own.json")["before"]["latency_ms"]
    for size in (8, 6):
        run = Run.open(out / f"image_size={size}")
        assert run.config.image_size == size
        assert read(run.folder, "decoding.json")["budgets"] == [
            {"metric": "latency_ms", "limit": pytest.approx(0.7 * first)}]
    assert read(out / "image_size=6", "own.json")["before"]["latency_ms"] < first


def test_what_is_done_is_not_done_again(tried: tuple[Path, Result]) -> None:
    out, done = tried
    before = files(out)
    again = succeed("run", *asked("--weights", base() / "w.safetensors", "--try", "image_size=8,6"), "--profiles",
                    base() / "profiles", "--out", out, "--resume", "--json")
    assert again.document["budgets"] == done.document["budgets"] and "train: " not in again.err
    assert files(out) == before


def test_a_size_that_no_network_holds_is_a_row_and_the_other_is_taken(tmp_path: Path) -> None:
    budget = ("--budget", "macs=600")
    succeed("search", *asked("--weights", base() / "w.safetensors", "--try", "image_size=8,4"), *budget, "--profiles",
            base() / "profiles", "--out", tmp_path / "run")
    known = Sizes.read(tmp_path / "run")
    assert known is not None and known.chosen == 4
    assert known.sizes[0].refused is not None and "macs" in known.sizes[0].refused and known.sizes[1].refused is None


@pytest.mark.parametrize(("tries", "words"), [
    (("image_size=64",), "does not give two or more different sizes"),
    (("image_size=64,64",), "does not give two or more different sizes"),
    (("image_size=64,big",), "does not give two or more different sizes"),
    (("image_size=64,48", "space.width=1,2"), "goes with no other --try"),
])
def test_sizes_that_are_none(tries: tuple[str, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        sizes_of(tries)


def test_it_is_for_a_network_of_one_s_own_and_a_folder_of_its_own(tmp_path: Path) -> None:
    edgenas("search", "--data", "digits", "--device", "mock", "--latency-ms", "0.1", "--try", "image_size=8,6", "--out",
            tmp_path / "run").refused(2, "is for a network of your own")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    edgenas("search", *asked("--try", "image_size=8,6"), "--out", tmp_path / "other").refused(2, "notes.txt")


def test_from_python(tried: tuple[Path, Result]) -> None:
    out, done = tried
    run = specialise(data="digits", max_images=200, device="mock", latency_ms="70%", train_epochs=1, out=out,
                     options={"search.trials": 2}, tries=["image_size=8,6"], profiles=str(base() / "profiles"),
                     origin=f"{FILE}:build", weights=base() / "w.safetensors")
    assert str(run.folder) == done.document["run"] and run.verdict.within
    with pytest.raises(UsageError, match="--try does not go with --min-accuracy"):
        specialise(data="digits", device="mock", out=out, tries=["image_size=8,6"], min_accuracy=50,
                   origin=f"{FILE}:build")
