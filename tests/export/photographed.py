"""Small networks with what their images become, and real images for them: handwritten digits."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

from edgenas.export import exporter
from edgenas.export.base import Export, Images
from edgenas.export.package.preprocessing import Preprocessing

from .image_files import prepared
from .nets import MiniNet, decided, settled

CLASSES = ("nought", 'the "one"', "two??/", "drei\n", "vier ü")
SIZE = 24, 28


@dataclass(frozen=True)
class Photographed:
    net: nn.Sequential
    images: Images

    def export(self, format: str, path: Path, target: str = "host") -> Path:
        height, width = SIZE
        channels = len(self.images.preprocessing.mean)
        item = Export(self.net, torch.zeros(1, channels, height, width), path, images=self.images)
        exporter(format).export([item], target=target)
        return path

    def input(self, content: bytes) -> NDArray[np.float32]:
        """(C, H, W) of an image file, as training has it."""
        how = self.images.preprocessing
        pixels = torch.from_numpy(prepared(content, how.channels, how.size).copy()).reshape(*SIZE, -1)
        values = (pixels.float() / 255 - torch.tensor(how.mean)) / torch.tensor(how.std)
        return values.permute(2, 0, 1).contiguous().numpy()

    @torch.no_grad()
    def logits(self, contents: list[bytes]) -> NDArray[np.float32]:
        return self.net(torch.from_numpy(np.stack([self.input(content) for content in contents]))).numpy()


@functools.cache
def _pixels() -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = (load_digits().images * 15.9375).astype(np.uint8)
    return pixels


def digits(count: int) -> list[Image.Image]:
    return [Image.fromarray(image).resize((28, 28)) for image in _pixels()[::len(_pixels()) // count][:count]]


def tinted(image: Image.Image, index: int) -> Image.Image:
    """In colour: ink and paper change from image to image."""
    light = np.asarray(image, np.float32)[:, :, None] / 255
    ink, paper = np.random.default_rng(index).uniform(0, 255, (2, 3))
    return Image.fromarray((light * ink + (1 - light) * paper).astype(np.uint8))


def file(image: Image.Image, kind: str = "PPM") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def files(colour: bool, count: int = 100) -> list[bytes]:
    """PGM or PPM files."""
    return [file(tinted(image, index) if colour else image) for index, image in enumerate(digits(count))]


def described(colour: bool) -> Images:
    channels = 3 if colour else 1
    return Images(Preprocessing(channels="RGB" if colour else "grey", size=SIZE, scale=1 / 255,
                                mean=(0.45, 0.4, 0.5)[:channels], std=(0.2, 0.3, 0.25)[:channels]), CLASSES)


@functools.cache
def photographed(colour: bool) -> Photographed:
    torch.manual_seed(0)
    made = Photographed(settled(MiniNet(3 if colour else 1)), described(colour))
    given = torch.from_numpy(np.stack([made.input(content) for content in files(colour)]))
    return Photographed(decided(made.net, given), made.images)


def small() -> Photographed:
    """Of one layer, for grey images: quick to compile."""
    torch.manual_seed(0)
    height, width = SIZE
    return Photographed(nn.Sequential(nn.Flatten(), nn.Linear(height * width, len(CLASSES))), described(False))
