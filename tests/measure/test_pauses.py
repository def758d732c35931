"""A machine that sleeps, or a process that is stopped: that is no silence of the device."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil

WAITING = """
import sys
from edgenas.errors import DeviceError
from edgenas.measure.process import stream_lines
code = "import time; print('began', flush=True); [time.sleep(0.1) for _ in range(8)]; print('done')"
try:
    for line in stream_lines([sys.executable, "-c", code], b"", 1.5):
        print(line, flush=True)
except DeviceError as error:
    print(error.message)
"""


def test_a_pause_that_is_longer_than_the_limit_is_no_silence():
    waiting = subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True)
    assert waiting.stdout is not None and waiting.stdout.readline() == "began\n"
    stopped = [waiting.pid, *(child.pid for child in psutil.Process(waiting.pid).children(recursive=True))]
    assert len(stopped) == 2
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(1.7)
    for pid in stopped:  # the one that waits comes first, and finds nothing
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.1)
    assert waiting.communicate(timeout=30)[0] == "done\n"
