"""The quick form of the fuzz: its first calls end as they should. `make fuzz` has two thousand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.judgement import faults
from fuzz.sandbox import Outcome

CALLS = 80
GOOD = Outcome(2, "", "error: no\n  try: yes\n", 1.0, 0, ())


def test_the_first_calls_end_as_they_should() -> None:
    done = subprocess.run([sys.executable, "-m", "fuzz", "--calls", str(CALLS)], cwd=Path(__file__).parents[1],
                          env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0 and f"{CALLS} calls, 0 failed" in done.stdout, done.stdout + done.stderr[-2000:]


@pytest.mark.parametrize(("outcome", "word"), [
    (Outcome(1, "", "", 1.0, 0, ()), "ended with 1"), (Outcome(-9, "", "", 1.0, 0, ()), "ended with -9"),
    (Outcome(2, "", "", 1.0, 0, ()), "0 sentences"), (Outcome(0, "", "error: no\n", 1.0, 0, ()), "exit 0 with"),
    (Outcome(0, "", "Traceback (most recent call last)\n", 1.0, 0, ()), "a traceback"),
    (Outcome(0, "\x1b[2J", "", 1.0, 0, ()), "stdout has"), (Outcome(0, "", "", 1e3, 0, ()), "of processor time"),
    (Outcome(0, "", "", 1.0, 8 << 30, ()), "grew by 8192 MiB"), (Outcome(0, "", "", 1.0, 0, ("tmp/a",)), "left behind"),
])
def test_what_is_wrong_is_seen(outcome: Outcome, word: str) -> None:
    assert any(word in fault for fault in faults([], outcome))
    assert faults([], GOOD) == []


LEAVING = """
import os
from pathlib import Path
from fuzz.sandbox import forked, new_folder, removed

def work():
    Path("tmp/left").write_text("")
    os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "60")
    raise RuntimeError("out")

folder = new_folder()
found = forked(work, folder)
removed(folder)
print(found.status, *found.left, "RuntimeError" in found.err)
"""


def test_a_call_cannot_leave_its_bounds() -> None:
    """In a process of its own: one that is forked must have one thread, and this one may have imported more."""
    done = subprocess.run([sys.executable, "-c", LEAVING], cwd=Path(__file__).parents[1], capture_output=True,
                          text=True)
    assert done.stdout == "98 process sleep tmp/left True\n", done.stdout + done.stderr
