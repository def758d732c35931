from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgenas.files import replacing
from edgenas.measure.runtimes.run_library import Session

SOURCE = """int edgenas_run(const float *from, float *to) { *to = FACTOR * *from; return 0; }
            const char *edgenas_error(void) { return ""; }"""


def test_more_threads_than_one_are_refused(library_file) -> None:
    with pytest.raises(ValueError, match="one thread, not on 2"):
        Session(str(library_file), 2)


def test_another_shape_is_refused_before_it_is_read(library_file) -> None:
    with pytest.raises(ValueError, match=r"has the shape \(1, 3, 8\); it must be \[1, 3, 8, 8\]"):
        Session(str(library_file), 1).run([np.zeros((1, 3, 8), np.float32)])


def test_a_library_in_the_place_of_another_is_the_one_that_runs(tmp_path) -> None:
    """As when one process exports a network twice."""
    path, spec = tmp_path / "net_c.so", {"name": "a", "shape": [1, 1], "dtype": "float32"}
    Path(f"{path}.json").write_text(json.dumps({"inputs": [spec], "outputs": [spec]}))
    for factor in (2, 3):
        with replacing(path) as scratch:
            subprocess.run(["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", scratch], check=True, text=True,
                           input=SOURCE.replace("FACTOR", str(factor)))
        assert Session(str(path), 1).run([np.ones((1, 1), np.float32)]) == [[factor]]


def test_a_library_without_its_signature_is_refused(library_file, tmp_path) -> None:
    path = shutil.copy(library_file, tmp_path)
    with pytest.raises(ValueError, match="the signature 'net_c.so.json' is missing beside the library"):
        Session(path, 1)
    Path(f"{path}.json").write_text("{}")
    with pytest.raises(ValueError, match="'net_c.so.json' is no signature"):
        Session(path, 1)


def test_outputs_of_two_runs_are_two_arrays(library_file) -> None:
    session = Session(str(library_file), 1)
    [first] = session.run([np.ones((1, 3, 8, 8), np.float32)])
    kept = first.copy()
    session.run([np.zeros((1, 3, 8, 8), np.float32)])
    np.testing.assert_array_equal(first, kept)
