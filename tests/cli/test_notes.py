from __future__ import annotations

import warnings

import pytest

from edgenas.cli.notes import notes
from edgenas.errors import DataWarning


def test_each_note_is_one_printable_line_and_said_once(capsys):
    with notes():
        for _ in range(2):
            warnings.warn("1 image\nleft\x1b[31m out", DataWarning, stacklevel=1)
        warnings.warn("another", DataWarning, stacklevel=1)
    assert capsys.readouterr().err == "note: 1 image left\\x1b[31m out\nnote: another\n"


def test_other_warnings_are_as_they_were():
    with pytest.raises(UserWarning, match="mine"), notes():
        warnings.warn("mine", UserWarning, stacklevel=1)
