"""edgenas profile"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgenas.bounds import MOST_OPERATORS, MOST_PROBES, MOST_SEED
from edgenas.cli.options import data_options, runtime_options, space_options
from edgenas.cli.output import emit, json_option, say, table

if TYPE_CHECKING:
    from edgenas.flow.records.documents import Profiled
    from edgenas.flow.side_by_side import Outcome


@click.command(epilog="Example: edgenas profile --device host --data mnist --runtime onnxruntime")
@data_options
@click.option("--device", multiple=True, default=["host"], show_default=True, metavar="NAME|FILE.toml",
              help="Where it will run. May be given several times: side by side, one's failure stops no other.")
@runtime_options
@space_options
@click.option("--renew", is_flag=True, help="Forget what was measured and begin anew.")
@click.option("--budget-minutes", type=float, metavar="M",
              help="Measure what tells most in so many minutes, and predict the rest.")
@click.option("--transfer-from", metavar="DEVICE|FILE.jsonl",
              help="Adapt another device's profile of the same space instead of measuring every block.")
@click.option("--probes", type=click.IntRange(1, MOST_PROBES), default=10, show_default=True, metavar="N",
              help="Networks to measure for --transfer-from.")
@click.option("--operators", type=click.IntRange(1, MOST_OPERATORS), metavar="N",
              help="Measure also N single operators, from which edgenas predict tells any network's latency.")
@click.option("--like", type=click.Path(path_type=Path), metavar="MODEL.onnx",
              help="Measure operators and networks like this one's, of no space, so that edgenas predict knows it.")
@click.option("--seed", type=click.IntRange(0, MOST_SEED), default=0, show_default=True, hidden=True)
@json_option
def command(as_json: bool, device: tuple[str, ...], **options: Any) -> int:
    """Measure the blocks of a space on a device, and whole networks to calibrate their sum.

    Every measurement is kept as it is made: interrupt at will, the same command goes on. Ends with how well networks
    are predicted that the fit had not seen, and a page that shows it, beside the profile.
    """
    from edgenas.api.report import write_predictions
    from edgenas.cli.terminal import Terminal
    from edgenas.errors import EdgenasError
    from edgenas.flow.profile import profile_one, space_of
    from edgenas.flow.profile_operators import one_of, profile_file
    from edgenas.flow.requests import ProfileRequest
    from edgenas.flow.side_by_side import profile_devices
    from edgenas.measure.device import load_device

    request = ProfileRequest.of(**options)
    with Terminal() as terminal:
        if request.like is not None:
            found_like = profile_file(request.like, one_of(device), request, terminal)
            emit(as_json, found_like, lambda: show_like(found_like))
            return 0
        if len(device) == 1:
            document = profile_one(space_of(request), load_device(device[0]), request, terminal, write_predictions)
            emit(as_json, document, lambda: show(document))
            return 0
        found = profile_devices(device, request, terminal, terminal.beside, write_predictions)
    reports: list[Mapping[str, object]] = [
        {"device": name, "error": {"kind": o.kind, "message": o.message, "hint": o.hint}}
        if isinstance(o, EdgenasError) else o.to_json() for name, o in found]
    emit(as_json, {"profiles": reports}, lambda: show_all(found))
    failures = [(name, o) for name, o in found if isinstance(o, EdgenasError)]
    for name, error in failures:
        say(f"error: {name}: {error.message}" + (f"\n  try: {error.hint}" if error.hint else ""), err=True)
    return failures[0][1].exit_code if failures else 0


def show_all(found: Sequence[tuple[str, Outcome]]) -> None:
    for _, outcome in found:
        if not isinstance(outcome, Exception):
            show(outcome)


def show_like(document: dict[str, Any]) -> None:
    held, interval, now = document["held_out"], document["interval"], document["measured_now"]
    table(f"profile of {document['device']}, {document['runtime']}, {document['precision']}", ["what", "value"], [
        ["file", document["profile"]],
        ["single operators", f"{document['operators']}, {now['operators']} of them now"],
        ["whole networks", f"{document['networks']}, {now['networks']} of them now"],
        ["mean absolute error, held out", f"{held['mape']:.1%} of {held['count']} networks" if held
         else "unknown: too few networks"],
        ["90% interval", f"-{1 - 1 / (1 + interval['below']):.1%} to +{interval['above']:.1%}" if interval
         else "unknown: too few networks"]])


def show(found: Profiled) -> None:
    held, drift, seconds, blocks, interval = (found.held_out, found.drift, found.seconds, found.space_blocks,
                                              found.interval)
    table(f"profile of {found.device}, {found.runtime}, {found.precision}", ["what", "value"], [
        ["file", found.profile],
        ["blocks of this space", f"{blocks.measured} {found.provenance}, {blocks.predicted} predicted"],
        [f"networks {found.provenance}", found.networks],
        ["this space reaches, latency_ms", "{:.4g} to {:.4g}".format(*found.reachable["latency_ms"])],
        ["networks held out, each in turn", held.networks],
        ["mean absolute error", f"{held.mape:.1%}"],
        ["Spearman, Kendall", f"{held.spearman:.3f}, {held.kendall:.3f}"],
        ["within ±5%, ±10%", f"{held.within_5:.0%}, {held.within_10:.0%}"],
        ["90% interval", f"-{1 - 1 / (1 + interval.below):.1%} to +{interval.above:.1%}, holds {held.coverage:.0%}"
                         if interval and held.coverage is not None else "unknown: too few networks"],
        ["margin for decoding", f"{held.margin:.1%}"],
        ["largest drift", "not checked" if drift.largest is None else f"{drift.largest:+.1%}"],
        ["rounds never agreed", f"{drift.disagreed} of {found.blocks + found.networks}"],
        *([["figures of the processor's time", f"{drift.by_cpu}: other programs made wall time longer"]]
          if drift.by_cpu else []),
        *([[f"seconds for {seconds.modules}", f"export {seconds.export:.1f}, transfer and run "
            f"{seconds.measure:.1f}"]] if seconds.modules else []),
        *([["page", found.page]] if found.page else []),
    ])
