"""Which layer is to blame for a file that does not compute what PyTorch computes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgenas.errors import EdgenasError, StorageError
from edgenas.export import exporter
from edgenas.export.base import Export, Exporter
from edgenas.export.check.layers import TOLERANCES, can_probe, first_divergence
from edgenas.export.check.prefixes import first_wrong_beginning
from edgenas.export.check.session import open_session
from edgenas.files import is_full

IMAGES = 16  # among which the worst is looked for


def blamed(network: nn.Module, images: Tensor, file: Path, export: Exporter, runtime: str,
           precision: str = "fp32") -> str:
    """A sentence that names the first layer of `network` whose value the file gets wrong, for the worst of `images`.

    file: of the exporter's format, or of the one that proves it. What fails while it is looked for takes no figure
    away, and is told instead. Raises: StorageError or OSError for a disk that is full.
    """
    format = export.proof or export.format
    try:
        image = worst(network, images[:IMAGES], file, runtime)
        if can_probe(format):
            layer = first_divergence(network, image, file, format, precision)
        else:
            layer = first_wrong_beginning(network, image, lambda part: _run(part, image, export, runtime), precision)
    except (StorageError, MemoryError):
        raise
    except EdgenasError as error:
        return f"which layer is to blame cannot be told: {error.message}"
    except Exception as error:  # PyTorch's tracing and three runtimes: whatever they raise, the figures come first
        if isinstance(error, OSError) and is_full(error):
            raise
        return f"which layer is to blame cannot be told: {next(iter(str(error).splitlines()), type(error).__name__)}"
    if precision == "int8":
        off = f"off by more than {TOLERANCES[precision]:.0%}"
        return f"no layer alone is {off}" if layer is None else f"the first layer that is {off} is {layer}"
    if layer is None:
        return f"each of its layers is right when looked at alone, so what {runtime} makes of the whole is not"
    return f"the first layer that differs is {layer}"


def worst(network: nn.Module, images: Tensor, file: Path, runtime: str) -> Tensor:
    """The image (1, ...) for which the file is farthest from PyTorch."""
    with torch.no_grad():
        expected = network(images).numpy()
    found = open_session(file, runtime).predict(images.numpy())
    apart = np.abs(found - expected).reshape(len(images), -1).max(1)
    index = int(np.argmax(np.where(np.isfinite(apart), apart, np.inf)))
    return images[index:index + 1]


def _run(part: nn.Module, image: Tensor, export: Exporter, runtime: str) -> NDArray[Any]:
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        path = Path(folder) / f"part{export.suffix}"
        exporter(export.format).export([Export(part, image, path)])
        return open_session(path, runtime).predict(image.numpy())
