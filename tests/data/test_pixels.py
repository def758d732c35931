from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from edgenas.data.pixels import in_memory
from edgenas.data.raw import Encoded, Part
from edgenas.errors import DataError


def png(value, size=(6, 5), mode="L") -> bytes:
    stream = BytesIO()
    Image.new(mode, size, value).save(stream, "PNG")
    return stream.getvalue()


def part(*contents: bytes) -> Part:
    numbers = np.arange(len(contents))
    return Part(Encoded(numbers, lambda rows: ((f"image {row}", contents[row]) for row in rows)), numbers % 2)


BAD = b"text"


def test_only_the_chosen_rows_are_read_in_order():
    whole = part(png(1), BAD, png(3), png(4))
    loaded = in_memory({"train": whole.take(np.array([3, 0]))}, None, "error")
    assert loaded.splits["train"].images[:, 0, 0, 0].tolist() == [4, 1]
    assert loaded.splits["train"].images.shape == (2, 1, 5, 6)
    assert loaded.splits["train"].labels.tolist() == [1, 0]
    assert loaded.skipped == ()


def test_one_colour_image_anywhere_makes_all_colour():
    parts = {"train": part(png(1)), "test": part(png(2), png((7, 8, 9), mode="RGB"))}
    loaded = in_memory(parts, None, "error")
    assert loaded.splits["train"].images[0, :, 0, 0].tolist() == [1, 1, 1]
    assert loaded.splits["test"].images[:, :, 0, 0].tolist() == [[2, 2, 2], [7, 8, 9]]
    assert loaded.splits["train"].images.is_contiguous()


def test_unreadable_images_are_counted_and_named():
    parts = {"train": part(png(1), BAD, BAD), "test": part(BAD, png(1), BAD)}
    message = r"4 of 6 images cannot be read: image 1 \(text, no image\), image 2 \(text, .*, image 0 \(.* and 1 more$"
    with pytest.raises(DataError, match=message) as caught:
        in_memory(parts, None, "error")
    assert "--on-bad-image skip" in caught.value.hint


def test_unreadable_images_are_skipped_with_their_labels():
    parts = {"train": part(BAD, png(1), png(2)), "test": part(png(3), BAD)}
    loaded = in_memory(parts, None, "skip")
    assert loaded.skipped == ("image 0", "image 1")
    assert loaded.splits["train"].images[:, 0, 0, 0].tolist() == [1, 2]
    assert loaded.splits["train"].labels.tolist() == [1, 0]
    assert len(loaded.splits["test"]) == 1


def test_a_part_without_any_readable_image_cannot_be_skipped():
    with pytest.raises(DataError, match="no image of a whole part could be read"):
        in_memory({"train": part(png(1), png(2)), "test": part(BAD)}, None, "skip")


def test_sizes_that_differ_need_an_image_size():
    with pytest.raises(DataError, match="differ in size: image 0 is 16×12, image 1 is 20×30") as caught:
        in_memory({"train": part(png(1, (16, 12)), png(2, (20, 30)))}, None, "error")
    assert "--image-size 12" in caught.value.hint
    with pytest.raises(DataError, match="differ in size: train is 16×12, test is 20×30"):
        in_memory({"train": part(png(1, (16, 12))), "test": part(png(2, (20, 30)))}, None, "error")
    loaded = in_memory({"train": part(png(1, (16, 12))), "test": part(png(2, (20, 30)))}, 8, "error")
    assert loaded.splits["train"].images.shape == loaded.splits["test"].images.shape == (1, 1, 8, 8)


def test_arrays_are_resized_too():
    images = torch.full((2, 1, 6, 10), 9, dtype=torch.uint8)
    loaded = in_memory({"train": Part(images, np.array([0, 1]))}, 4, "error")
    assert loaded.splits["train"].images.shape == (2, 1, 4, 4)
    assert (loaded.splits["train"].images == 9).all()
