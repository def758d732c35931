"""edgenas search"""

from __future__ import annotations

import click

from edgenas.cli.output import emit, json_option
from edgenas.cli.request import out_option, request_options


@click.command(epilog="Example: edgenas search --data ./photos --image-size 64 --latency-ms 50% --strategy proxyless "
                      "--out runs/p")
@request_options
@out_option
@json_option
def command(out: str, resume: bool, seeds: int | None, tries: tuple[str, ...], as_json: bool,
            **options: object) -> int:
    """Search an architecture whose exported network, measured on the device, holds the budgets."""
    from edgenas.cli.show import show_result
    from edgenas.cli.show_frontier import show_frontier
    from edgenas.cli.show_seeds import show_seeds
    from edgenas.cli.start import budgets_done, seeds_done, several, started
    from edgenas.flow.requests import RunRequest
    from edgenas.flow.search import search_phase
    from edgenas.flow.specialise import result

    request = RunRequest.of(**options)
    if several(request):
        found = budgets_done(request, out, resume, seeds, tries, search_phase)
        emit(as_json, found.to_json(), lambda: show_frontier(found))
        return 0 if found.within else 3
    if seeds:
        document = seeds_done(request, out, resume, seeds, tries, search_phase)
        emit(as_json, document, lambda: show_seeds(document))
        return 0 if document.within else 3
    with started(request, out, resume, tries) as (work, terminal):
        search_phase(work, terminal)
    emit(as_json, result(work.run), lambda: show_result(work.run))
    return 0
