"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from edgenas.bounds import MOST_IMAGES, MOST_MINUTES, MOST_THREADS
from edgenas.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])


def options(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, listed in the order given."""
    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function
    return apply


data_options = options(
    click.option("--data", default="mnist", show_default=True, metavar="SOURCE",
                 help="mnist, digits, a folder of images by class, a folder of parquet files, a data set of the "
                      "Hugging Face hub, an .npz file, MODULE:FUNCTION or FILE.py:FUNCTION."),
    click.option("--image-size", type=int, metavar="PIXELS", help="Resize images to this side."),
    click.option("--max-images", type=click.IntRange(max=MOST_IMAGES), metavar="N", help="Train on at most N images."),
    click.option("--on-bad-image", type=click.Choice(["error", "skip"]), default="error", show_default=True,
                 help="What to do with images that cannot be read."),
)

runtime_options = options(
    click.option("--runtime", metavar="NAME", help="What will run it there; the device's first one by default."),
    click.option("--precision", type=click.Choice(["fp32", "int8", "mixed"]),
                 help="What the exported network computes in; the runtime's own by default. mixed: each block in what "
                      "the search finds for it."),
    click.option("--threads", type=click.IntRange(1, MOST_THREADS),
                 help="Threads of the runtime; the device's own by default."),
    click.option("--profiles", metavar="DIR", envvar="EDGENAS_PROFILES",
                 help="Where profiles are kept; your data folder by default."),
)

device_options = options(
    click.option("--device", default="host", show_default=True, metavar="NAME|FILE.toml", help="Where it will run."),
    runtime_options,
)

space_options = options(
    click.option("--space", default="mobile", show_default=True, metavar="NAME|FILE.py:FUNCTION",
                 help="The networks to choose from."),
    click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE",
                 help="Set an option, e.g. space.width=0.5, search.epochs=10, train.lr=0.1, or one of the "
                      "strategy's such as temperature.start=5. May be given several times."),
)



def _points(context: click.Context, parameter: click.Parameter, value: float) -> float:
    if not 0 <= value <= 100:
        raise UsageError(f"--max-drop {value:g} is no number of points of accuracy from 0 to 100", "--max-drop 0.5")
    return value


def _minutes(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 <= value <= MOST_MINUTES:
        raise UsageError(f"--tune {value:g} is no number of minutes from 0 to {MOST_MINUTES}", "--tune 10")
    return value


tune_options = options(
    click.option("--tune", type=float, metavar="MINUTES", callback=_minutes,
                 help="For tvm, on this machine: try other schedules of each kernel for so long, e.g. --tune 10, and "
                      "take those that are measured to be faster than the rule's. The same command goes on where it "
                      "ended; 0 tries none, and takes of those that were tried before."),
    click.option("--tune-database", type=click.Path(path_type=Path), metavar="DIR", envvar="EDGENAS_TUNING",
                 help="With --tune: where trials are kept, for equal blocks of any network; by default your data "
                      "folder."),
)
max_drop_option = click.option(
    "--max-drop", type=float, default=0.5, show_default=True, metavar="POINTS", callback=_points,
    help="Points of accuracy that an int8 file may lose on validation images, measured on the file in its runtime. If "
         "it loses more, it is trained further as it will be rounded, and refused if that is not enough.")
run_folder = click.argument("folder", metavar="RUN", type=click.Path())
trust_option = click.option(
    "--trust", is_flag=True,
    help="Import the code that the run names (a space, data or teacher of somebody's own), though no command on this "
         "machine named it.")
formats_option = click.option("--format", "formats", multiple=True, metavar="NAME",
                              help="onnx, tflite, tvm, binary, library, ethosu, c-array; may be given several times. "
                                   "Default: what the run's runtime takes, and what is deployed where it runs.")
