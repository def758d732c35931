"""An exporter whose files say what they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgenas.export.base import Done, Export, Exporter
from edgenas.export.package.about import About, carries, embed


def labelled(export: Exporter, about: About) -> Exporter:
    """`export`, or, for a format whose files can hold it, one that writes `about` into each."""
    return _Labelled(export, about) if carries(export.format) else export


class _Labelled(Exporter):
    def __init__(self, inner: Exporter, about: About) -> None:
        self._inner, self._about = inner, about
        for name in Exporter.__annotations__:
            setattr(self, name, getattr(inner, name))

    def check_target(self, target: str) -> None:
        self._inner.check_target(target)

    def unpack(self, path: Path) -> bytes | None:
        return self._inner.unpack(path)

    def export(self, items: Sequence[Export], *, target: str = "host", precision: str = "fp32",
               on_done: Done | None = None) -> None:
        def done(item: Export) -> None:
            embed(item.path, self._about.model_copy(update={"precision": precision}))
            if on_done:
                on_done(item)

        self._inner.export(items, target=target, precision=precision, on_done=done)
