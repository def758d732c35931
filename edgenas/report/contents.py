"""What a run has come to, read from its folder alone: neither data nor device are touched."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgenas.cost.budget import Budget
from edgenas.export.package import manifest
from edgenas.figure import MEASURED, Provenance
from edgenas.flow.config import RunConfig
from edgenas.flow.inheritance import supernet_fits
from edgenas.flow.records import Baseline, Baselines, Data, Decoding, Search, Training, Uncut, Verdict
from edgenas.flow.run import Run


@dataclass(frozen=True)
class Contents:
    """None stands for a phase that has not been done."""

    folder: Path
    config: RunConfig
    supernet_fits: bool
    data: Data | None
    search: Search | None
    decoding: Decoding | None
    training: Training | None
    manifest: manifest.Manifest | None
    verdict: Verdict | None
    baselines: Mapping[str, Baseline]
    uncut: Uncut | None = None

    @property
    def inherits(self) -> bool:
        """Whether the found network's training starts from the supernet's weights."""
        return self.config.inherit and self.supernet_fits

    @property
    def keeps(self) -> bool:
        """Whether the networks' training starts from what they keep of the user's own."""
        return self.config.origin is not None and self.config.inherit

    @property
    def budgets(self) -> tuple[Budget, ...]:
        return self.decoding.budgets if self.decoding else ()

    def verified(self, metric: str) -> float | None:
        """The trained artifact's figure, None before verification."""
        budgets = self.verdict.budgets if self.verdict else ()
        return next((b.cost for b in budgets if b.metric == metric), None)

    def known(self, metric: str) -> Provenance:
        """How the network's own figure of `metric` is known; measured, where there is no budget of it."""
        if self.decoding is None or metric not in self.decoding.models:
            return MEASURED
        return self.decoding.figure(metric).provenance

    @property
    def test_images(self) -> int:
        """0 where their number is not known."""
        return self.data.sizes.get("test", 0) if self.data else 0

    @property
    def recorded_command(self) -> str:
        return shlex.join(self.config.command)

    @property
    def search_command(self) -> str:
        """What goes on with the search."""
        resume = () if "--resume" in self.config.command else ("--resume",)
        return shlex.join([*self.config.command, *resume])

    def command(self, name: str, *options: str) -> str:
        """What does a later phase of this run; nothing can before a network is found."""
        if self.decoding is None:
            return ""
        return shlex.join(["edgenas", name, str(self.folder), *options])


def read(run: Run) -> Contents:
    """Raises: RunError naming the file that is damaged."""
    described, baselines = (run.artifacts / manifest.NAME).exists(), Baselines.read(run.folder)
    return Contents(
        folder=run.folder, config=run.config, supernet_fits=supernet_fits(run),
        data=Data.read(run.folder), search=Search.read(run.folder), decoding=Decoding.read(run.folder),
        training=Training.read(run.folder), manifest=manifest.read(run.artifacts) if described else None,
        verdict=Verdict.read(run.folder), baselines=baselines.networks if baselines else {},
        uncut=Uncut.read(run.folder))
