"""Trained networks that others give away, for who has none: found by the name that `--from` takes.

A supplier is a file beside this one, or an installed package's entry point `edgenas.starters`, that
defines STARTER. `--from efficientnet-lite0` names one that gives a single network, `--from timm:NAME` one of many.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from edgenas import plugins
from edgenas.errors import EdgenasError, MissingExtra, UsageError, UserCodeError
from edgenas.text import one_line

if TYPE_CHECKING:
    from torch import nn

FAMILY = __name__
COLOURS = 3
FEW = 10_000  # images from which on a network that starts from nothing may do as well


@dataclass(frozen=True)
class Preprocessing:
    """What a network was trained with. mean, std: of each channel, on a scale of 0 to 1. image_size: its side."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    image_size: int


@dataclass(frozen=True)
class Origin:
    """Where a network is from, for who ships what is cut from it. weights: the file or address that they are of."""

    name: str
    packages: dict[str, str]
    licence: str
    source: str
    weights: str


class Starter(ABC):
    """A supplier of trained networks.

    packages: distribution -> the module that it brings. install: what one types to have them. many: whether it gives
    networks by name.
    """

    summary: ClassVar[str]
    packages: ClassVar[Mapping[str, str]]
    install: ClassVar[str]
    licence: ClassVar[str]
    source: ClassVar[str]
    many: ClassVar[bool] = False
    example: ClassVar[str]

    @abstractmethod
    def build(self, name: str, image_size: int) -> nn.Module:
        """The network with its weights, for images of that side. name: what comes after the colon."""

    @abstractmethod
    def preprocessing(self, name: str) -> Preprocessing: ...

    def weights(self, name: str) -> str:
        return self.source

    def missing(self) -> list[str]:
        """The distributions that are not installed."""
        return [package for package, module in self.packages.items() if importlib.util.find_spec(module) is None]

    def origin(self, name: str, full: str) -> Origin:
        """Raises: MissingExtra when it is not installed."""
        found = {package: importlib.metadata.version(package) for package in self.packages}
        return Origin(full, found, self.licence, self.source, self.weights(name))


@dataclass(frozen=True)
class Named:
    """A starter as `--from` names it. name: of one of many."""

    starter: Starter
    full: str
    name: str

    def build(self, image_size: int | None) -> nn.Module:
        """Raises: MissingExtra; UserCodeError when the packages, which are not edgenas', fail."""
        with_packages(self.starter, self.full)
        try:
            return self.starter.build(self.name, image_size or self.preprocessing().image_size)
        except EdgenasError:
            raise
        except Exception as error:  # others' code, and their downloads
            raise self._failure(error) from error

    def preprocessing(self) -> Preprocessing:
        """Raises: as build()."""
        with_packages(self.starter, self.full)
        try:
            return self.starter.preprocessing(self.name)
        except EdgenasError:
            raise
        except Exception as error:
            raise self._failure(error) from error

    def origin(self) -> dict[str, Any]:
        """As records and manifests have it."""
        return asdict(self.starter.origin(self.name, self.full))

    def _failure(self, error: Exception) -> EdgenasError:
        return UserCodeError(f"{', '.join(self.starter.packages)} cannot give {one_line(self.full, 80)}: "
                             f"{type(error).__name__}: {one_line(str(error), 200)}", "edgenas starters")


def starter_names() -> list[str]:
    """As `--from` has them."""
    return [name.replace("_", "-") for name in plugins.names(FAMILY)]


def load_starter(name: str) -> Starter:
    module = plugins.load(FAMILY, name.replace("-", "_"), "starter")
    found: Starter = module.STARTER()
    return found


def starter_of(origin: str) -> Named | None:
    """The starter that `--from` names, None where it names a function of the user's.

    Raises: UsageError for one of many without its name.
    """
    head, colon, name = origin.partition(":")
    if head not in starter_names():
        return None
    starter = load_starter(head)
    if starter.many and not name:
        raise UsageError(f"--from {origin} does not say which of its networks", f"--from {starter.example}")
    return Named(starter, origin, name) if starter.many or not colon else None


def with_packages(starter: Starter, full: str) -> None:
    """Raises: MissingExtra when what gives the starter is not installed."""
    if missing := starter.missing():
        raise MissingExtra(f"--from {one_line(full, 80)} needs {' and '.join(missing)}, which "
                           f"{'is' if len(missing) == 1 else 'are'} not installed", starter.install)


def completed(origin: str | None, request: Mapping[str, Any]) -> dict[str, Any]:
    """What a starter says of a request where the user says nothing: mean, std, image_size, and a new head, as its
    classes are another data set's."""
    named = starter_of(origin) if origin else None
    if named is None:
        return {}
    usual = asdict(named.preprocessing())
    return {name: value for name, value in usual.items() if request.get(name) is None} | {"new_head": True}


def check_colour(origin: str, channels: int) -> None:
    """Raises: UsageError for a starter, which takes colour images, where the data has others."""
    if channels != COLOURS and starter_of(origin):
        raise UsageError(f"{origin} takes colour images, and the data's have {channels} "
                         f"channel{'' if channels == 1 else 's'}",
                         "give colour images, or a network of your own: --from net.py:build")


def listing() -> list[dict[str, Any]]:
    """Every starter, whether it is installed, and what would have to be."""
    rows = []
    for name in starter_names():
        starter = load_starter(name)
        missing = starter.missing()
        row: dict[str, Any] = {"from": starter.example, "summary": starter.summary, "installed": not missing,
                               "missing": missing, "install": starter.install, "licence": starter.licence,
                               "source": starter.source}
        if not starter.many and not missing:
            row |= asdict(starter.preprocessing(""))
        rows.append(row)
    return rows


def worth_saying(images: int, channels: int) -> str:
    """What it costs to begin from nothing with so many images, where a starter is installed; empty where that is not
    known to cost anything."""
    found = [row["from"] for row in listing() if row["installed"]]
    if images >= FEW or channels != COLOURS or not found:
        return ""
    return (f"{images} colour images, and a network that starts from nothing: in a trial with 2,550 images of "
            "CIFAR-10, one cut from efficientnet-lite0 was right on 69.8% of the test images at 0.073 ms, the best "
            f"from nothing on 51.1% at 0.079 ms; --from {found[0]} begins with trained weights")
