"""Peak memory and step time of search strategies against the number of candidates, beside a single network's.

Each case runs in a process of its own (search_cost_case.py says what is measured): same blocks, same batch, CPU,
channels_last. A strategy's step is all it does for one batch of training data: a weight step and, where the two take
turns, an architecture step on a second batch. The single network's is one training step.

    python benchmarks/search_cost.py
    python benchmarks/search_cost.py --strategies proxyless --candidates 2,8 --steps 3     # quick
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import click

CASE = Path(__file__).with_name("search_cost_case.py")
# glibc gives freed memory back to the system after every training step unless told not to.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "8589934592"}


def measured(name: str, candidates: int, options: list[str], repeats: int) -> dict[str, float]:
    """Medians over processes."""
    rows = []
    for _ in range(repeats):
        done = subprocess.run([sys.executable, str(CASE), name, str(candidates), *options], capture_output=True,
                              text=True, env={**os.environ, **MALLOC})
        if done.returncode:
            raise click.ClickException(f"{name} with {candidates} candidates failed:\n{done.stderr[-2000:]}")
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    return {key: statistics.median(row[key] for row in rows) for key in rows[0]}


@click.command()
@click.option("--strategies", default="darts,snas,pc_darts,gdas,proxyless,proxyless_r", show_default=True)
@click.option("--candidates", default="2,4,6,8", show_default=True, help="Of each choice.")
@click.option("--batch", default=64, show_default=True)
@click.option("--side", default=32, show_default=True, help="Of the images, in pixels.")
@click.option("--channels", default=16, show_default=True)
@click.option("--blocks", default=6, show_default=True)
@click.option("--steps", default=5, show_default=True, help="Timed steps of a process, after two that are not.")
@click.option("--repeats", default=3, show_default=True, help="Processes of a case.")
@click.option("--threads", default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row.")
def main(strategies: str, candidates: str, batch: int, side: int, channels: int, blocks: int, steps: int,
         repeats: int, threads: int, as_json: bool) -> None:
    options = [f"--batch={batch}", f"--side={side}", f"--channels={channels}", f"--blocks={blocks}",
               f"--steps={steps}", f"--threads={threads}"]
    single = measured("single", 1, options, repeats)
    cases = [("single", 1, single)]
    if not as_json:
        print(f"{'strategy':<14}{'candidates':>11}{'MiB':>9}{'x single':>10}{'ms a step':>11}{'x single':>10}")
    for name in ["", *strategies.split(",")]:
        for count in map(int, candidates.split(",")) if name else ():
            cases.append((name, count, measured(name, count, options, repeats)))
        for strategy, count, row in cases:
            ratios = {key: row[key] / single[key] for key in row}
            if as_json:
                print(json.dumps({"strategy": strategy, "candidates": count, **row,
                                  **{f"{key}_ratio": ratio for key, ratio in ratios.items()}}), flush=True)
            else:
                print(f"{strategy:<14}{count:>11}{row['memory_mib']:>9.1f}{ratios['memory_mib']:>10.2f}"
                      f"{row['step_ms']:>11.1f}{ratios['step_ms']:>10.2f}", flush=True)
        cases = []


if __name__ == "__main__":
    main()
