from __future__ import annotations

import os
import signal

import pytest

from edgenas.export.deferred import deferred


def test_an_interrupt_waits_for_the_end() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), deferred():
        os.kill(os.getpid(), signal.SIGINT)
        done.append(True)
    assert done == [True]
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_it_stands_for_what_it_caused() -> None:
    with pytest.raises(KeyboardInterrupt), deferred():
        os.kill(os.getpid(), signal.SIGINT)
        raise RuntimeError


def test_other_errors_stay() -> None:
    with pytest.raises(RuntimeError, match="own"), deferred():
        raise RuntimeError("own")


def test_who_ignores_it_still_does() -> None:
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with deferred():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, previous)
