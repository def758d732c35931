"""Work on a run, or on the best of those that `--try` names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgenas.errors import UsageError
from edgenas.flow.image_sizes import best_size, sizes_of
from edgenas.flow.requests import RunRequest
from edgenas.flow.spaces import best_space
from edgenas.flow.work import Work
from edgenas.progress import Progress


def begin(folder: Path, request: RunRequest, tries: Sequence[str], progress: Progress, *,
          command: Sequence[str] = (), resume: bool = False) -> Work:
    """Work on the request's run in `folder`; with `tries` ("space.width=1,2", "image_size=64,48") on that of the best
    space or image size, in a folder of its own below.

    Raises: UsageError for tries that do not go with the request; as Work.begin, best_space and best_size do.
    """
    if not tries:
        return Work.begin(folder, request, command, resume=resume)
    if request.min_accuracy is not None:
        raise UsageError("--try does not go with --min-accuracy", "give one --latency-ms")
    if sizes := sizes_of(tries):
        return best_size(folder, request, sizes, progress, command=command, resume=resume)
    return best_space(folder, request, tries, progress, command=command, resume=resume)
