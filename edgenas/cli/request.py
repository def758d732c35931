"""The options that say what a run is to do."""

from __future__ import annotations

import click

from edgenas.bounds import MOST_EPOCHS, MOST_SEED, MOST_SEEDS
from edgenas.cli.foreign import own_options
from edgenas.cli.options import data_options, device_options, max_drop_option, options, space_options

request_options = options(
    data_options,
    device_options,
    click.option("--latency-ms", metavar="MS|PERCENT", help="Latency budget: a figure, or a share such as 50% of the "
                                                            "largest network's. With --from also several, "
                                                            "75%,50%,25%: a run each, in RUN/latency_ms=75%, …, which "
                                                            "share what is profiled and taught."),
    click.option("--budget", "budgets", multiple=True, metavar="METRIC=VALUE",
                 help="A further budget: latency_ms, macs, params, peak_memory_kib, flash_kib or, on an NPU, sram_kib, "
                      "e.g. macs=5e6. May be given several times; all hold at once. METRIC@DEVICE[/RUNTIME]=VALUE is "
                      "one on a further device, e.g. latency_ms@pixel1=80."),
    click.option("--statistic", type=click.Choice(["median_of_minima", "min", "p50", "p90"]),
                 default="median_of_minima", show_default=True,
                 help="Which statistic of a measurement the latency budget binds."),
    space_options,
    own_options,
    click.option("--strategy", show_default="snas, or importance with --from", metavar="NAME|FILE.py:NAME",
                 help="How it is searched: see edgenas strategies."),
    click.option("--search-epochs", type=click.IntRange(1, MOST_EPOCHS), help="Same as --set search.epochs=N."),
    click.option("--train-epochs", type=click.IntRange(1, MOST_EPOCHS), help="Same as --set train.epochs=N."),
    click.option("--from-scratch", is_flag=True, help="Train from random weights, not the supernet's."),
    click.option("--distill", metavar="supernet|uncut|none|MODULE:FUNCTION",
                 help="Also learn from a teacher's outputs: with --from from the uncut network's, unless it is none."),
    click.option("--seed", type=click.IntRange(0, MOST_SEED), default=0, show_default=True,
                 help="Of the split, the initial weights and every random draw."),
    click.option("--accelerator", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto",
                 show_default=True, help="What PyTorch trains on."),
    click.option("--training-precision", type=click.Choice(["32-true", "16-mixed", "bf16-mixed"]), default="32-true",
                 show_default=True, help="What PyTorch computes in while it trains."),
    max_drop_option,
)

out_option = options(
    click.option("--out", required=True, type=click.Path(), metavar="RUN", help="Folder of the run."),
    click.option("--resume", is_flag=True, help="Go on with the same run in that folder."),
    click.option("--seeds", type=click.IntRange(1, MOST_SEEDS), metavar="N",
                 help="The same for N seeds, --seed and those after it, in RUN/seed0, RUN/seed1, …; then each one's "
                      "figures, their spread, and the best by validation."),
    click.option("--try", "tries", multiple=True, metavar="NAME=V1,V2,…",
                 help="Values of an option of the space, e.g. space.width=1,1.5,2, each a run in RUN/width=1, …: "
                      "random networks of each within the budgets are trained a little, and the space whose networks "
                      "learn fastest is searched. May be given several times: all combinations are tried. With --from, "
                      "image_size=64,48: the network is cut and trained at each size, and the one right on most "
                      "validation images is taken; a share as budget is of the first size."),
)
