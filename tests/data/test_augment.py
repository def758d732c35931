from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgenas.data import Split, Task
from edgenas.data.augment import Augment
from edgenas.errors import UsageError


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int) -> torch.Tensor:
    """Pixels from 1, so that 0 is what was cut out."""
    return torch.randint(1, 256, shape, generator=seeded(1)).to(torch.uint8)


def task(*shape: int) -> Task:
    split = Split(noise(2, *shape), torch.tensor([0, 1]))
    channels = (0.5,) * shape[0]
    return Task("n", "n", ("a", "b"), split, split, split, channels, channels, 0, (), "")


def shifted(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """The slow reference: pixel by pixel, mirrored at the edges."""
    height, width = image.shape[1:]

    def mirrored(place: int, side: int) -> int:
        if place < 0:
            return -place
        return 2 * (side - 1) - place if place >= side else place

    out = torch.empty_like(image)
    for row in range(height):
        for column in range(width):
            out[:, row, column] = image[:, mirrored(row - down, height), mirrored(column - right, width)]
    return out


@settings(deadline=None, max_examples=25)
@given(shift=st.integers(0, 3), flip=st.booleans(), seed=st.integers(0, 2**32), height=st.integers(4, 7),
       width=st.integers(4, 7), channels=st.sampled_from([1, 3]))
def test_each_image_is_one_of_the_references_shifts(shift, flip, seed, height, width, channels):
    images = noise(6, channels, height, width)
    found = Augment(shift, flip)(images, seeded(seed))
    for image, changed in zip(images, found, strict=True):
        moved = [shifted(image, down, right) for down in range(-shift, shift + 1)
                 for right in range(-shift, shift + 1)]
        allowed = moved + [reference.flip(2) for reference in moved if flip]
        assert any(torch.equal(changed, reference) for reference in allowed)


def test_every_shift_is_drawn_about_equally_often():
    image = noise(1, 1, 6, 6)
    found = Augment(1)(image.expand(1800, -1, -1, -1), seeded())
    counts = [int((found == shifted(image[0], down, right)).flatten(1).all(1).sum())
              for down in (-1, 0, 1) for right in (-1, 0, 1)]
    assert sum(counts) == 1800
    assert min(counts) > 140


def test_half_of_the_images_are_flipped():
    images = noise(1000, 1, 5, 5)
    found = Augment(0, flip=True)(images, seeded())
    flipped = (found == images.flip(3)).flatten(1).all(1)
    kept = (found == images).flatten(1).all(1)
    assert (flipped ^ kept).all()
    assert 400 < int(flipped.sum()) < 600


@pytest.mark.parametrize("cutout", [1, 2, 3, 4])
def test_cutout_is_one_square_with_its_centre_inside(cutout):
    images = noise(2000, 3, 9, 8)
    found = Augment(0, cutout=cutout)(images, seeded())
    assert ((found == images) | (found == 0)).all()
    sizes = set()
    for hole in (found == 0).all(1):
        assert torch.equal(hole, hole.any(1)[:, None] & hole.any(0)[None, :])
        sizes.add((int(hole.any(1).sum()), int(hole.any(0).sum())))
    assert max(sizes) == (cutout, cutout)
    assert min(min(size) for size in sizes) >= max(1, cutout // 2)
    assert (found == 0).any(0).all(), "the square can be anywhere"


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("augment", [Augment(2, True, 3), Augment(0), Augment(2), Augment(0, cutout=2)])
def test_shape_type_layout_and_input_are_kept(dtype, layout, augment):
    images = noise(4, 3, 9, 7).to(dtype).contiguous(memory_format=layout)
    before = images.clone()
    found = augment(images, seeded())
    assert (found.shape, found.dtype) == (images.shape, dtype)
    assert found.stride() == images.stride()
    assert torch.equal(images, before)


def test_the_generator_alone_decides():
    images, augment = noise(8, 3, 8, 8), Augment(2, True, 2)
    torch.manual_seed(1)
    first = augment(images, seeded(3))
    torch.manual_seed(2)
    assert torch.equal(augment(images, seeded(3)), first)
    assert not torch.equal(augment(images, seeded(4)), first)


def test_uint8_and_float_images_are_changed_alike():
    images = noise(8, 3, 8, 8)
    augment = Augment(2, True, 2)
    assert torch.equal(augment(images, seeded()).float(), augment(images.float(), seeded()))


@pytest.mark.parametrize(("shape", "expected"), [
    ((1, 8, 8), Augment(1)), ((1, 28, 28), Augment(3)), ((3, 32, 32), Augment(4, True, 8)),
    ((3, 24, 40), Augment(3, True)), ((1, 4, 4), Augment(1)), ((3, 224, 224), Augment(28, True, 56)),
])
def test_defaults_for_a_task(shape, expected):
    given = task(*shape)
    assert Augment.for_task(given) == expected
    expected(given.train.images, seeded())


def test_refused():
    with pytest.raises(UsageError, match="neither may be negative"):
        Augment(-1)
    with pytest.raises(UsageError, match="neither may be negative"):
        Augment(cutout=-2)
    with pytest.raises(UsageError, match=r"a shift of 5 pixels is too large for images of \(9, 5\)"):
        Augment(5)(noise(1, 1, 9, 5), seeded())
