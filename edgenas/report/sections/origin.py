"""What makes this run again: its command, configuration and data."""

from __future__ import annotations

import json

from edgenas.flow.records import Data
from edgenas.report.contents import Contents
from edgenas.report.markup import Html, figure, join, listing, note, section, table, tag


def origin(run: Contents) -> Html:
    values = run.config.model_dump(mode="json")
    configuration = json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False)
    return section(
        "origin", "Command, configuration and data", tag("pre", run.recorded_command, class_="command"),
        note(f"Run with edgenas {run.config.edgenas}. The same command on the same data and profile finds "
             "the same architecture."),
        tag("details", tag("summary", "Configuration (run.json)"), tag("pre", configuration)),
        tag("details", tag("summary", "Data (data.json)"), *data(run)))


def data(run: Contents) -> list[Html]:
    if run.data is None:
        return [note("The data is described when the search begins.")]
    found = run.data
    sizes = join([join([f"{part} ", figure(size, f"{size:,}")]) for part, size in found.sizes.items()], ", ")
    pairs = [("name", found.name), ("source", found.source),
             ("image, channels x height x width", "x".join(map(str, found.input_shape))), ("images", sizes),
             ("classes", figure(len(found.classes), str(len(found.classes)))),
             ("seed of the split", str(found.seed)),
             ("fingerprint (SHA-256)", tag("code", found.fingerprint))]
    return [listing(pairs), classes(found), *left_out(found)]


def classes(found: Data) -> Html:
    parts = list(found.per_class)
    counts = [[found.per_class[part].get(name, 0) for part in parts] for name in found.classes]
    rows = [[name, *(figure(count, f"{count:,}") for count in row)]
            for name, row in zip(found.classes, counts, strict=True)]
    return table(["class", *parts], rows)


def left_out(found: Data) -> list[Html]:
    notes = [note(text) for text in found.notes]
    if not found.skipped:
        return notes
    return [*notes, note(f"{len(found.skipped)} images could not be read and were left out:"),
            tag("pre", "\n".join(found.skipped))]
