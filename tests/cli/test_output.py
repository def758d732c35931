from __future__ import annotations

import json

import pytest

from edgenas.cli.output import emit, table


def test_a_document_or_tables(capsys):
    emit(True, {"a": [1, 2.5]}, lambda: pytest.fail("shown"))
    assert json.loads(capsys.readouterr().out) == {"a": [1, 2.5]}
    emit(False, {"a": 1}, lambda: print("a table"))
    assert capsys.readouterr().out == "a table\n"


def test_a_figure_that_is_none_is_never_printed_as_json():
    with pytest.raises(ValueError, match="not JSON compliant"):
        emit(True, {"a": float("nan")}, lambda: None)


def test_a_table_in_a_pipe_folds_nothing(capsys):
    table("files", ["name", "ms"], [["x" * 90, 0.123456], ["y", 12]])
    out = capsys.readouterr().out
    assert "x" * 90 in out and "0.1235" in out and " 12 " in out and out.startswith("files")


def test_what_looks_like_markup_is_shown_as_it_is(capsys):
    table("files", ["name"], [["edgenas[onnx]"], ["[/red] x"]])
    out = capsys.readouterr().out
    assert "edgenas[onnx]" in out and "[/red] x" in out


def test_an_empty_table_is_drawn(capsys):
    table("nothing", ["name"], [])
    assert "nothing" in capsys.readouterr().out
