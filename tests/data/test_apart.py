"""What parses a stranger's file has a time limit, and takes no more with it than itself when it dies."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from edgenas.data import DataWarning, apart, decoding, load, parquet
from edgenas.data.apart import CrashedError, LateError, messages, value_of
from edgenas.errors import DataError

pytestmark = pytest.mark.skipif(not apart.CAN_FORK, reason="processes are not forked here")


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(apart, "LONGEST_S", 2.0)


def children() -> list[str]:
    with open(f"/proc/self/task/{os.getpid()}/children") as stream:
        return stream.read().split()


def forever():
    while True:
        time.sleep(1)


def test_messages_come_in_order_however_large(short):
    given = [bytes([index]) * size for index, size in enumerate((0, 1, 3 << 20, 70_000, 5))]
    for at_once in (False, True):
        assert list(messages(lambda: given, at_once)) == given
    assert value_of(os.getpid) != os.getpid() and not children()


def test_one_that_hangs_is_ended(short):
    def produce():
        yield b"first"
        forever()

    found = messages(produce, at_once=True)
    assert next(found) == b"first"
    with pytest.raises(LateError):
        next(found)
    assert not children()


def test_one_that_dies_is_told_from_one_that_ends(short):
    with pytest.raises(CrashedError):
        value_of(lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert not children()


def test_errors_keep_their_kind_and_faults_their_traceback(short):
    def refused():
        raise DataError("the rule", "the hint")

    with pytest.raises(DataError, match="the rule") as caught:
        value_of(refused)
    assert caught.value.hint == "the hint"
    with pytest.raises(RuntimeError, match=r"ZeroDivisionError(.|\n)*test_apart.py"):
        value_of(lambda: 1 // 0)


def test_what_is_left_before_its_end_is_ended(short):
    found = messages(lambda: iter(lambda: b"more", b""))
    assert next(found) == b"more" and len(children()) == 1
    found.close()
    assert not children()


@pytest.fixture
def hostile(short, folder, monkeypatch):
    """Photos of which some make Pillow hang or crash, by their names."""
    photos = folder({"a": 6, "b": 6})
    decode = decoding.decode

    def decoded(name, content, size, seen):
        if name in ("a/1.png", "b/2.png"):
            forever()
        if name == "b/4.png":
            os.kill(os.getpid(), signal.SIGKILL)
        return decode(name, content, size, seen)

    monkeypatch.setattr(decoding, "decode", decoded)
    return photos


def test_images_that_hang_or_crash_are_named_and_can_be_left_out(hostile):
    with pytest.raises(DataError, match=r"3 of 12 images cannot be read: .*a/1.png \(it takes longer than"):
        load(str(hostile))
    with pytest.warns(DataWarning, match=r"b/4.png \(the library that decodes it crashed on it\)"):
        assert sorted(load(str(hostile), on_bad_image="skip").skipped) == ["a/1.png", "b/2.png", "b/4.png"]


def test_a_data_set_of_images_that_hang_is_given_up(hostile, monkeypatch):
    monkeypatch.setattr(decoding, "MOST_GIVEN_UP", 1)
    with pytest.raises(DataError, match="2 images cannot be read; of the last, .*.png: ") as caught:
        load(str(hostile), test_share=0.01, validation_share=0.01)
    assert caught.value.hint


def test_a_parquet_file_that_hangs_or_crashes_is_named(short, tmp_path, monkeypatch, rng):
    for part in ("train", "test"):
        pq.write_table(pa.table({"image": [b"x"] * 4, "label": [0, 1] * 2}), tmp_path / f"{part}.parquet")
    labels = parquet._labels
    for what, words in ((forever, "takes longer than"), (lambda: os.kill(os.getpid(), signal.SIGKILL), "crashed")):
        monkeypatch.setattr(parquet, "_labels", lambda shard, column, what=what: (
            what() if "test" in shard.path else labels(shard, column)))
        with pytest.raises(DataError, match=f"test.parquet cannot be read: .*{words}"):
            load(str(tmp_path))


def test_pixels_and_what_was_seen_are_those_of_the_process_itself(tmp_path, rng, monkeypatch):
    for row in range(12):
        (tmp_path / "ab"[row % 2]).mkdir(exist_ok=True)
        deep = rng.integers(0, 65536, (9, 8)).astype(np.uint16)
        image = Image.fromarray(deep if row == 5 else (deep >> 8).astype(np.uint8))
        image.save(tmp_path / "ab"[row % 2] / f"{row}.png")
    here = load(str(tmp_path))
    monkeypatch.setattr(apart, "CAN_FORK", False)
    assert load(str(tmp_path)).fingerprint == here.fingerprint
