"""Programs that a hostile or broken device could put in place of a worker: each is Python code, run by `command`."""

from __future__ import annotations

import sys

ENDLESS_OUTPUT = "while True: os.write(1, b'y\\n' * 4096)"
ENDLESS_ERRORS = "while True: os.write(2, b'e' * 65536)"
ENDLESS_LINE = "while True: os.write(1, b'x' * 65536)"
DRIP = "while True: os.write(1, b'drip\\n'); time.sleep(0.02)"
DEAF = "os.close(1); os.close(2); time.sleep(60)"
HOLDER = """
if os.fork() == 0:
    time.sleep(60)
    os._exit(0)
os.write(1, f'valid\\n'.encode())
"""
RUNAWAY = """
print(os.getpid(), flush=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open('runaway', 'w').write(str(os.getpid()))
        time.sleep(60)
    os._exit(0)
while not os.path.exists('runaway') or not os.path.getsize('runaway'): time.sleep(0.01)
"""
GARBAGE = "os.write(1, b'{\"worker\": 1}\\n\\x00\\xff\\xfe garbage \\x1b]0;owned\\x07\\n'); sys.exit(1)"
ESCAPES = "os.write(2, b'\\x1b[2J\\x1b]0;owned\\x07\\x9b31m'); sys.exit(1)"


def command(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", f"import os, sys, time\n{code}"]
