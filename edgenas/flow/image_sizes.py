"""Runs of a user's own network on images of several sizes, of which the one that is right most often goes on.

On smaller images every layer costs less, so less is cut for the same budget. How fast networks learn tells sizes apart
badly: early on, small images look better than they end. So each size is searched and trained, and the validation images
decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgenas.errors import BudgetError, UsageError
from edgenas.flow.own_network import stated
from edgenas.flow.records import Decoding, SizeRow, Sizes, Training
from edgenas.flow.requests import RunRequest
from edgenas.flow.run import check_holds_only
from edgenas.flow.search import search_phase
from edgenas.flow.train import train_phase
from edgenas.flow.work import Work
from edgenas.options import parse
from edgenas.progress import Progress

OPTION = "image_size"
EXAMPLE = f"write for example --try {OPTION}=64,48"


def sizes_of(tries: Sequence[str]) -> tuple[int, ...]:
    """The image sizes that `--try image_size=64,48` names; none where it is of something else.

    Raises: UsageError for sizes that are none, fewer than two of them, or other options beside them.
    """
    given = parse(tuple(tries))
    if OPTION not in given:
        return ()
    if len(given) > 1:
        raise UsageError(f"--try {OPTION} goes with no other --try", EXAMPLE)
    texts = [text.strip() for text in given[OPTION].split(",")]
    if not all(text.isdecimal() for text in texts) or len(set(map(int, texts))) < max(2, len(texts)):
        raise UsageError(f"--try {OPTION}={given[OPTION]} does not give two or more different sizes", EXAMPLE)
    return tuple(map(int, texts))


def best_size(folder: Path, request: RunRequest, sizes: Sequence[int], progress: Progress, *,
              command: Sequence[str] = (), resume: bool = False) -> Work:
    """Work on the run of the image size whose network, cut to the budgets and trained, is right on most validation
    images; of as good ones the first. Each has a folder of its own below `folder`, and sizes.json there has them all.

    A budget that is a share is one of the uncut network's cost on images of the first size. With `resume` what is done
    is not done again.

    Raises: UsageError for a space by name; RunError when the folder holds something else; BudgetError when no size
    holds the budgets; whatever stops a run.
    """
    if not request.origin:
        raise UsageError(f"--try {OPTION} is for a network of your own", "--from net.py:build, or --image-size of one")
    check_holds_only(folder, lambda name: name == Sizes.FILE or name.startswith(f"{OPTION}="), "run of an image size",
                     "--try")
    works: dict[int, Work] = {}
    rows = []
    for size in sizes:
        asked = request.model_copy(update={OPTION: size})
        if works:
            asked = in_figures(asked, works[sizes[0]])
        work = works[size] = Work.begin(folder / f"{OPTION}={size}", asked, command, resume=resume)
        progress.say(f"images of {size}x{size}")
        rows.append(row_of(size, work, progress))
    held = [row for row in rows if row.accuracy is not None]
    if not held:
        raise BudgetError(f"no image size holds the budgets: {rows[-1].refused}", "raise the budget, or try "
                          "smaller ones")
    best = max(held, key=lambda row: row.accuracy.validation if row.accuracy else 0.0)
    Sizes(chosen=best.image_size, validation_images=len(works[best.image_size].task.validation),
          sizes=tuple(rows)).write(folder)
    progress.say(f"image size taken: {best.image_size}")
    return works[best.image_size]


def in_figures(request: RunRequest, first: Work) -> RunRequest:
    """The request with the budgets that the first size's run came to: a share is of its uncut network."""
    texts = tuple(f"{r.metric}={r.text if r.is_share else repr(r.value)}" for r in stated(first.run))
    return request.model_copy(update={"latency_ms": None, "budgets": texts})


def row_of(size: int, work: Work, progress: Progress) -> SizeRow:
    """Search and train at a size; what came of it."""
    run = work.run
    try:
        search_phase(work, progress)
    except BudgetError as error:
        progress.say(f"images of {size}x{size}: {error.message}")
        return SizeRow(image_size=size, run=str(run.folder), refused=error.message)
    train_phase(work, progress)
    decoding, training = Decoding.read(run.folder), Training.read(run.folder)
    assert decoding is not None and training is not None
    cost = {b.metric: decoding.figure(b.metric).value for b in decoding.budgets}
    accuracy = training.accuracy
    progress.say(f"images of {size}x{size}: validation {accuracy.validation:.1%}, "
                 + ", ".join(f"{metric} {value:.4g}" for metric, value in cost.items()))
    return SizeRow(image_size=size, run=str(run.folder), cost=cost, accuracy=accuracy)
