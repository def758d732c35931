from __future__ import annotations

import logging
import os
import warnings

import pytest

from edgenas.export.quiet import LOGGERS, muted, quiet


def test_muted_hides_what_native_code_writes_and_only_within(capfd) -> None:
    os.write(2, b"before ")
    with muted():
        os.write(2, b"native ")
        print("kept")
    os.write(2, b"after")
    assert capfd.readouterr() == ("kept\n", "before after")


def test_muted_ends_with_an_error(capfd) -> None:
    with pytest.raises(ValueError), muted():
        raise ValueError
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_quiet_silences_only_what_is_known_to_be_harmless(caplog) -> None:
    with quiet():
        for name in LOGGERS:
            logging.getLogger(name).warning("harmless")
        warnings.warn("`isinstance(treespec, LeafSpec)` is deprecated", FutureWarning, stacklevel=1)
        with pytest.raises(UserWarning, match="real"):
            warnings.warn("real", UserWarning, stacklevel=1)
        logging.getLogger("another").warning("real")
    assert caplog.messages == ["real"]
    assert all(logging.getLogger(name).level == logging.NOTSET for name in LOGGERS[:2])
