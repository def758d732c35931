"""A profile of the mock device, measured, interrupted and continued."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from edgenas.cost.profile import Profile
from edgenas.cost.profiling import open_profile, profile_space
from edgenas.errors import DeviceError
from edgenas.measure import measure as measuring
from edgenas.measure.device import load_device
from edgenas.measure.measurement import Measurement
from edgenas.space import Space

from .nets import twins

DEVICE = load_device("mock")
REAL = measuring.measure


@dataclass
class Session:
    """A profile that was measured, interrupted and continued."""

    space: Space
    profile: Profile
    done: list[str]
    at_interruption: tuple[int, int]
    remeasured: int
    bytes_of_networks: list[int]


def failing_after(count: int) -> Any:
    """`measure`, but the device fails when it has given `count` measurements."""
    def measure(*args: Any, **options: Any) -> Iterator[Measurement]:
        nonlocal count
        for result in REAL(*args, **options):
            if count == 0:
                raise DeviceError("unplugged")
            count -= 1
            yield result
    return measure


REAL = measuring.measure


@pytest.fixture(scope="package")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    space, folder = twins(), tmp_path_factory.mktemp("profiles")
    done: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "measure", failing_after(2))
        with pytest.raises(DeviceError, match="unplugged"):
            profile_space(space, DEVICE, open_profile(DEVICE, "mock", folder=folder), on_done=done.append)
    kept = open_profile(DEVICE, "mock", folder=folder)
    at_interruption = len(kept.blocks), len(kept.networks)
    sizes: list[list[int]] = []

    def counting(device: Any, runtime: str, items: Sequence[measuring.Artifact], **options: Any) -> Any:
        sizes.append([item.path.stat().st_size for item in items])
        return REAL(device, runtime, items, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "measure", counting)
        profile_space(space, DEVICE, kept, on_done=done.append)
    return Session(space, kept, done, at_interruption, sum(map(len, sizes)), sizes[-1][:-1])
