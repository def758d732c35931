"""What an image becomes before it is a network's input, as manifests have it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Preprocessing(Record):
    """From an image file to the network's input, in this order.

    The image is turned upright as its EXIF says, laid on white where it is transparent, converted to `channels`
    and resized to `size` (height, width); then each channel's values 0 to 255 become (value * scale - mean) / std.
    resize "fit bilinear": Pillow's ImageOps.fit, which cuts the centre part of the target's proportions and
    resizes it bilinearly.
    """

    channels: Literal["grey", "RGB"]
    size: tuple[int, int]
    resize: Literal["fit bilinear"] = "fit bilinear"
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
