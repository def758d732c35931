"""Shared fixtures. A test gets one thread, so that results do not depend on the machine's load."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import torch
from disks import Disk, mounted

# Started in the background (`make test &`), a process and its children ignore SIGINT; Ctrl-C could not be tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(autouse=True, scope="session")
def single_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def own_records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Which runs were made here is noted in a folder of the tests', for runs that several of them share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGENAS_RUNS", str(tmp_path_factory.mktemp("runs")))
        patch.setenv("EDGENAS_FAULTS", str(tmp_path_factory.mktemp("faults")))
        yield


@pytest.fixture(autouse=True)
def own_profiles(tmp_path, monkeypatch):
    """What a test measures goes to its own folder, never to the user's."""
    monkeypatch.setenv("EDGENAS_PROFILES", str(tmp_path / "profiles"))


@pytest.fixture
def disk(tmp_path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk") as found:
        yield found
