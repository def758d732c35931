"""What a user should know of a file that was accepted."""

from __future__ import annotations

import math

from edgenas.export.check import findings
from edgenas.export.package.manifest import Artifact
from edgenas.text import one_line

AGREEMENT = 0.9
"""Share of images on which a rounded file and PyTorch agree, below which the file is suspect, whatever its accuracy."""
SIGMAS = 3


def doubts(artifact: Artifact) -> list[str]:
    """What costs time in the file, what of it is not int8, and where it is too unlike the network it was made of."""
    return [one_line(text) for text in (*findings.warnings(artifact.gates), *_uncovered(artifact), *_unlike(artifact))]


def _uncovered(artifact: Artifact) -> list[str]:
    found = artifact.quantisation and artifact.quantisation.coverage
    return [str(found)] if found and not found.whole and artifact.precision == "int8" else []


def _unlike(artifact: Artifact) -> list[str]:
    """Rounding changes few predictions, and as many to the worse as to the better."""
    if artifact.quantisation is None:
        return []
    said = []
    if artifact.agreement < AGREEMENT:
        said.append(f"it agrees with PyTorch on only {artifact.agreement:.1%} of {artifact.parity_images} validation "
                    "images: its accuracy says little, and its predictions are not those of the network")
    gained = -artifact.quantisation.drop_points
    changed = (1 - artifact.agreement) * artifact.parity_images
    if artifact.quantisation.method == "ptq" and gained * artifact.parity_images / 100 > SIGMAS * math.sqrt(changed):
        said.append(f"it gains {gained:.1f} points of accuracy, more than rounding does by chance: the network has "
                    "hardly learned, or what was rounded is not what it is compared with")
    return said
