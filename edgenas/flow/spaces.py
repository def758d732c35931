"""Runs of several spaces, of which the one that suits the budgets best is searched."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from edgenas.errors import UsageError
from edgenas.flow.configure import budgets, configure
from edgenas.flow.records.result import Spaces
from edgenas.flow.requests import RunRequest
from edgenas.flow.run import Run, check_holds_only
from edgenas.flow.space_trials import Tried, compare
from edgenas.flow.work import Work
from edgenas.options import parse
from edgenas.progress import Progress

EXAMPLE = "write for example --try space.width=1,1.5,2"


def best_space(folder: Path, request: RunRequest, tries: Sequence[str], progress: Progress, *,
               command: Sequence[str] = (), resume: bool = False) -> Work:
    """Work on the run of the space that suits the budgets best, of all combinations of `tries`
    ("space.width=1,1.5,2"), each in a folder of its own below `folder`; what was found of all is in `spaces.json`
    there. With `resume` it goes on.

    Raises: UsageError for tries that are none, a budget that is a share, or a refused option; RunError when the folder
    holds something else; BudgetError when no space holds the budgets.
    """
    combinations = combined(tries)
    check_budgets(request)
    check_folder(folder, combinations)
    configs, task = [], None
    for options in combinations:  # all are checked before the first folder is made
        asked = request.model_copy(update={"assignments": (*request.assignments, *options)})
        config, task = configure(asked, command, task)
        configs.append(config)
    spaces = [Tried(options, Work(Run.create(folder / folder_name(options), config, resume=resume), task))
              for options, config in zip(combinations, configs, strict=True)]
    number = chosen_of(Spaces.read(folder), combinations)
    if number is None:
        found = compare(spaces, progress)
        found.write(folder)
        for space in spaces:
            space.trials(progress).clear()
        number = combinations.index(found.chosen)
    progress.say(f"space searched: {spaces[number].name}")
    return spaces[number].work


def chosen_of(known: Spaces | None, combinations: Sequence[tuple[str, ...]]) -> int | None:
    """Which of these spaces `spaces.json` says was chosen; None where it is not of exactly these."""
    tried = [row.options for row in known.spaces] if known else []
    if known is None or tried != list(combinations) or known.chosen not in tried:
        return None
    return tried.index(known.chosen)


def combined(tries: Sequence[str]) -> list[tuple[str, ...]]:
    """`["space.width=1,2", "space.depth=2,3"]` -> `[("space.width=1", "space.depth=2"), …]`, four of them."""
    rows = []
    for name, text in parse(tuple(tries)).items():
        values = [value.strip() for value in text.split(",")]
        if not name.startswith("space."):
            raise UsageError(f"--try {name}={text}: only options of the space, and image_size, can be tried", EXAMPLE)
        if not all(values) or len(set(values)) < max(2, len(values)):
            raise UsageError(f"--try {name}={text} does not give two or more different values", EXAMPLE)
        rows.append([f"{name}={value}" for value in values])
    return list(product(*rows))


def check_budgets(request: RunRequest) -> None:
    """Raises: UsageError for a share of the largest network's cost: every space has another."""
    for budget in budgets(request):
        if budget.is_share:
            raise UsageError(f"budget {budget.metric}={budget.text} is a share of one space's largest network, and "
                             "--try compares spaces", f"give a figure, for example {budget.metric}=0.3")


def check_folder(folder: Path, combinations: Sequence[tuple[str, ...]]) -> None:
    """Raises: RunError for a folder that holds anything but runs of these spaces."""
    known = {Spaces.FILE, *map(folder_name, combinations)}
    check_holds_only(folder, known.__contains__, "space of this --try", "--try")


def folder_name(options: Sequence[str]) -> str:
    """`("space.width=1", "space.depth=2")` -> `width=1,depth=2`."""
    return re.sub(r"[^\w.,=+-]", "_", ",".join(option.removeprefix("space.") for option in options))

