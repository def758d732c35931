"""The C source of what a network's images become, and of its classes' names."""

from __future__ import annotations

import numpy as np

from edgenas.errors import ExportError
from edgenas.export.base import Export, Images
from edgenas.export.package.contents import Sidecar

VALUES = 256  # of a channel


def image_source(item: Export, images: Images, beside: Sidecar) -> str:
    """The part of net.c that native/image/*.c needs.

    Raises: ExportError when the network takes no such image, or has other outputs than the classes.
    """
    how = images.preprocessing
    channels = {"grey": 1, "RGB": 3}[how.channels]
    wanted = (1, channels, *how.size), (1, len(images.classes))
    if (beside.inputs[0].shape, beside.outputs[0].shape) != wanted:
        raise ExportError(f"{item.path.name}: the network's input and output have the shapes {beside.inputs[0].shape} "
                          f"and {beside.outputs[0].shape}; its images and their classes need {wanted[0]} "
                          f"and {wanted[1]}")
    pixels = np.arange(VALUES, dtype=np.float32) * np.float32(how.scale)
    values = [(pixels - np.float32(mean)) / np.float32(std) for mean, std in zip(how.mean, how.std, strict=True)]
    numbers = ", ".join(f"{value.hex()}f" for value in np.concatenate(values).tolist())
    labels = ", ".join(c_string(name) for name in images.classes)
    return "\n".join([
        '#include "image/image.h"',
        f"static const float values[] = {{ {numbers} }};",
        f"const struct preprocessing net_preprocessing = {{ {channels}, {how.size[0]}, {how.size[1]}, values }};",
        f"const char *const net_labels[] = {{ {labels} }};",
    ]) + "\n"


def c_string(text: str) -> str:
    """Text as a C literal of its UTF-8."""
    return '"' + "".join(chr(byte) if chr(byte).isalnum() and byte < 128 or byte == 32 else f"\\{byte:03o}"
                         for byte in text.encode(errors="replace")) + '"'
