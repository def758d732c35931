"""edgenas export --from: options, and what the command does and prints."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgenas.bounds import MOST_EPOCHS, MOST_IMAGES, MOST_SEED
from edgenas.cli.options import F, options
from edgenas.cli.output import emit, say, table
from edgenas.errors import UsageError

if TYPE_CHECKING:
    from edgenas.flow.export import Asked
    from edgenas.flow.records.documents import ForeignExport


def _values(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    try:
        values = tuple(float(part) for part in text.split(",")) if text else None
    except ValueError:
        values = ()
    if values == () or values and not all(abs(value) < sys.float_info.max for value in values) or (
            values and parameter.name == "std" and min(values) <= 0):
        raise UsageError(f"--{parameter.name} {text} is not one figure a channel, divided by commas",
                         "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225")
    return values


def _percent(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value <= 100:
        raise UsageError(f"--min-accuracy {value:g} is no percentage above 0, up to 100", "--min-accuracy 90")
    return value


foreign_options = options(
    click.option("--from", "origin", metavar="MODULE:FUNCTION|FILE.py:FUNCTION",
                 help="Instead of a run: a PyTorch network of your own, returned by that function, e.g. "
                      "--from net.py:build. Runs your code."),
    click.option("--weights", type=click.Path(path_type=Path), metavar="FILE",
                 help="With --from: the network's weights, safetensors or a state dict of torch.save; as it is built "
                      "by default."),
    click.option("--data", metavar="SOURCE",
                 help="With --from: what it classifies, as edgenas run takes it. Its test part measures the files; "
                      "int8 is calibrated on its training part."),
    click.option("--image-size", type=int, metavar="PIXELS", help="With --from: resize images to this side."),
    click.option("--max-images", type=click.IntRange(max=MOST_IMAGES), metavar="N",
                 help="With --from: as edgenas run takes it."),
    click.option("--on-bad-image", type=click.Choice(["error", "skip"]),
                 help="With --from: what to do with images that cannot be read; error by default."),
    click.option("--seed", type=click.IntRange(0, MOST_SEED), metavar="N",
                 help="With --from: divides the data, as edgenas run does by its --seed; 0 by default."),
    click.option("--mean", callback=_values, metavar="M,M,M",
                 help="With --from: what it was trained with, on a scale of 0 to 1; the data's own by default."),
    click.option("--std", callback=_values, metavar="S,S,S", help="With --from: likewise."),
    click.option("--device", default="host", show_default=True, metavar="NAME|FILE.toml",
                 help="With --from: where its files are measured."),
    click.option("--out", metavar="DIR", help="With --from: where the files go."),
)


def _own(name: str, help: str, **rest: Any) -> Callable[[F], F]:
    return click.option(f"--{name}", help=f"With --from: {help}", **rest)


keep_option = _own("keep", "modules that are not cut, by name as named_modules() has them, with * and ?, or re: and a "
                   "regular expression; with all that is in them. May be given several times.", multiple=True,
                   metavar="PATTERN")
shown_options = options(
    click.option("--from", "origin", metavar="MODULE:FUNCTION|FILE.py:FUNCTION",
                 help="Instead of a space's name: a trained PyTorch network of your own. Runs your code."),
    _own("weights", "its weights, safetensors or a state dict of torch.save; as it is built by default.",
         type=click.Path(path_type=Path), metavar="FILE"),
    _own("data", "images like those that it classifies, as edgenas run takes them.", metavar="SOURCE"),
    _own("image-size", "resize images to this side.", type=int, metavar="PIXELS"),
    _own("max-images", "as edgenas run takes it.", type=click.IntRange(max=MOST_IMAGES), metavar="N"),
    _own("mean", "what it was trained with; the data's own by default.", callback=_values, metavar="M,M,M"),
    _own("std", "likewise.", callback=_values, metavar="S,S,S"),
    _own("new-head", "with a classifier of the data's classes.", is_flag=True),
    keep_option,
)


def check_shown(name: str | None, own: Mapping[str, Any]) -> None:
    """Raises: UsageError unless there is either a space's name or a network of the user's with its data."""
    if bool(name) == bool(own["origin"]):
        raise UsageError(f"both a space, {name}, and --from {own['origin']} are given" if name else
                         "there is no space to show", "edgenas spaces show mobile, or edgenas spaces show --from "
                         "net.py:build --data ./photos")
    if own["origin"] and not own["data"]:
        raise UsageError("--from needs --data: what the network classifies", "--data ./photos")


own_options = options(
    click.option("--from", "origin", metavar="FILE.py:FUNCTION|MODULE:FUNCTION|STARTER",
                 help="Make a trained PyTorch network of your own fit, returned by that function, e.g. --from "
                      "net.py:build; its blocks' widths and residual blocks are what is searched. Runs your code. Or a "
                      "trained network that others give away, see edgenas starters."),
    _own("weights", "its weights, safetensors or a state dict of torch.save; as it is built by default.",
         type=click.Path(path_type=Path), metavar="FILE"),
    _own("mean", "what it was trained with, on a scale of 0 to 1; the data's own by default.", callback=_values,
         metavar="M,M,M"),
    _own("std", "likewise.", callback=_values, metavar="S,S,S"),
    _own("new-head", "replace its classifier by one of the data's classes, and teach it first.", is_flag=True),
    _own("teach-epochs", "train the uncut network on the data first; 12 with --new-head, else none by default.",
         type=click.IntRange(0, MOST_EPOCHS), metavar="N"),
    _own("teacher", "an earlier run of the same network, data and recipe, whose uncut network is taken as it was "
         "taught there.", type=click.Path(path_type=Path), metavar="RUN"),
    keep_option,
    _own("min-accuracy", "in place of --latency-ms: the least latency at which the trained network is right on that "
         "share of the validation images.", type=float, metavar="PERCENT", callback=_percent),
)
NAMES = ("origin", "weights", "data", "image_size", "max_images", "on_bad_image", "seed", "mean", "std", "out")


def check_origin(folder: str | None, request: Mapping[str, Any]) -> None:
    """Raises: UsageError unless there is either a run or a network of the user's."""
    if request["origin"] and folder:
        raise UsageError(f"both a run, {folder}, and --from {request['origin']} are given",
                         "leave one of them out")
    if not request["origin"]:
        if not folder:
            raise UsageError("there is neither a run nor a network to export",
                             "edgenas export RUN, or edgenas export --from net.py:build --data SOURCE --out DIR")
        used = next((name for name in NAMES if request[name] is not None), None)
        if used:
            raise UsageError(f"--{used.replace('_', '-')} is for a network of your own, and a run is given",
                             f"edgenas export {folder}")


def export_own(request: Mapping[str, Any], formats: Sequence[str], asked: Asked, bundle: Path | None,
               as_json: bool) -> int:
    from edgenas.cli.terminal import Terminal
    from edgenas.export.package.bundle import write_bundle
    from edgenas.flow.export import default_formats
    from edgenas.flow.foreign import export_foreign, open_foreign
    from edgenas.flow.tuning import check_tune

    typed = ("edgenas", *click.get_current_context().find_root().obj)
    product = open_foreign({**request, "from": request["origin"]}, typed)
    wanted = formats or default_formats(product.run)
    check_tune(asked.tune, wanted, asked.target, asked.precision)
    with Terminal() as terminal:
        found = export_foreign(product, wanted, terminal, asked)
    if bundle:
        write_bundle(product.run.artifacts, bundle)
    emit(as_json, {**found.to_json(), **({"bundle": str(bundle)} if bundle else {})}, lambda: _show(found, bundle))
    return 4 if found.refused else 0


def _show(found: ForeignExport, bundle: Path | None) -> None:
    from edgenas.export.check.findings import described

    gates = {artifact.path: artifact.gates for artifact in found.manifest.artifacts}
    table(f"{found.manifest.space} in {found.out}", [
        "format", "precision", "file", "KiB", "max abs", "agreement", "accuracy", "in PyTorch", "latency_ms",
        "in the file"], [[
            row.format, row.precision, Path(row.path).name, row.bytes / 1024, row.max_abs, f"{row.agreement:.2%}",
            f"{row.test_accuracy:.2%}", f"{row.test_accuracy_pytorch:.2%}",
            "not on this device" if row.measured_latency_ms is None else row.measured_latency_ms,
            described(gates[Path(row.path).name])] for row in found.verified])
    for format, message in found.refused.items():
        say(f"NOT as {format}: {message}")
    if bundle:
        say(f"wrote {bundle}")
