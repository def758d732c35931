"""Draw wrong calls, run each in a process of its own, and say which did not end as they should.

    python -m fuzz --calls 2000                 # in the folder tests; what failed is said with how to try it again
    python -m fuzz --first 417 --calls 1 --show # one of them, with what it printed
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections import Counter
from pathlib import Path

import torch

from fuzz import corpus
from fuzz.calls import Call, drawn
from fuzz.judgement import faults
from fuzz.sandbox import Outcome, called, forked, new_folder, removed

HEAVY = ("onnx", "onnxruntime", "safetensors.torch", "pydantic", "rich.console", "datasets", "sklearn.datasets",
         "scipy.stats", "lightning_fabric", "edgenas.flow.specialise", "edgenas.report.page", "edgenas.export",
         "edgenas.data")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000, help="how many [2000]")
    parser.add_argument("--first", type=int, default=0, help="number of the first [0]")
    parser.add_argument("--show", action="store_true", help="print what every call printed")
    given = parser.parse_args()
    files = prepared()
    try:
        return fuzzed(range(given.first, given.first + given.calls), files, given.show)
    finally:
        removed(files)


def prepared() -> Path:
    """Import what calls need, once, and make the corpus. Raises: RuntimeError when that fails."""
    import importlib

    torch.set_num_threads(1)
    for name in HEAVY:
        importlib.import_module(name)
    files = new_folder()
    made = forked(lambda: corpus.make(files), files)
    if made.status:
        raise RuntimeError(f"the corpus could not be made: {made.err[-2000:]}")
    return files


def tried(number: int, files: Path) -> tuple[Call, Outcome, list[str]]:
    """Call `number`: what it was, what came of it, and what is wrong with that."""
    folder = new_folder()
    try:
        call = drawn(number, folder, files)
        outcome = called(call.arguments, folder)
        return call, outcome, faults(call.arguments, outcome)
    finally:
        removed(folder)


def fuzzed(numbers: range, files: Path, show: bool = False) -> int:
    """Print every call that did not end well, and a table of what was tried; 1 if there was one, else 0."""
    began, ended, failed = time.monotonic(), Counter[tuple[str, int]](), 0
    for number in numbers:
        call, outcome, wrong = tried(number, files)
        ended[call.done[0], outcome.status] += 1
        failed += bool(wrong)
        if wrong or show:
            print(f"--- {number}: edgenas {shlex.join(a[:80] for a in call.arguments)!r}\n    {call.done!r}\n"
                  f"    {'; '.join(wrong) or 'ok'}\n{_tail(outcome) if wrong or show else ''}", flush=True)
        done = number - numbers.start + 1
        if done % 100 == 0:
            print(f"{done}/{len(numbers)}, {failed} failed, {time.monotonic() - began:.0f} s", file=sys.stderr,
                  flush=True)
    for (kind, status), count in sorted(ended.items()):
        print(f"{kind:12} exit {status:4}: {count}")
    print(f"{len(numbers)} calls, {failed} failed, {time.monotonic() - began:.0f} s")
    return int(failed > 0)


def _tail(outcome: Outcome) -> str:
    text = f"{outcome.out[-300:]}{outcome.err[-1500:]}"
    return "\n".join("    | " + line.encode("unicode_escape").decode()[:300] for line in text.splitlines())


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[1])
    sys.exit(main())
