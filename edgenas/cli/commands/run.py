"""edgenas run"""

from __future__ import annotations

from functools import partial

import click

from edgenas.cli.options import formats_option
from edgenas.cli.output import emit, json_option
from edgenas.cli.request import out_option, request_options


@click.command(epilog="Example: edgenas run --data mnist --device host --latency-ms 50% --out runs/first")
@request_options
@formats_option
@click.option("--baselines", is_flag=True, help="Also train random networks and a hand-made one at the same budget.")
@out_option
@json_option
def command(out: str, resume: bool, seeds: int | None, tries: tuple[str, ...], formats: tuple[str, ...],
            baselines: bool, as_json: bool, **options: object) -> int:
    """Do the whole flow: profile, search, train, export, verify on the device, report."""
    from edgenas.api.report import specialise_and_report
    from edgenas.cli.show import show_all
    from edgenas.cli.show_frontier import show_frontier
    from edgenas.cli.show_seeds import show_seeds
    from edgenas.cli.start import budgets_done, seeds_done, several, started
    from edgenas.flow.export import exporters
    from edgenas.flow.requests import RunRequest
    from edgenas.flow.specialise import result, within_budget

    request = RunRequest.of(**options)
    exporters(formats)  # an unknown one is refused before anything begins
    if several(request):
        found = budgets_done(request, out, resume, seeds, tries,
                             partial(specialise_and_report, formats=formats, baselines=baselines))
        emit(as_json, found.to_json(), lambda: show_frontier(found))
        return 0 if found.within else 3
    if seeds:
        document = seeds_done(request, out, resume, seeds, tries,
                              partial(specialise_and_report, formats=formats, baselines=baselines))
        emit(as_json, document, lambda: show_seeds(document))
        return 0 if document.within else 3
    with started(request, out, resume, tries) as (work, terminal):
        specialise_and_report(work, terminal, formats=formats, baselines=baselines)
    emit(as_json, result(work.run), lambda: show_all(work.run))
    return 0 if within_budget(work.run) else 3
