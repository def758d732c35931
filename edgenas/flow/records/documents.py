"""What commands print as one JSON document, beside what is said of a run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PlainSerializer

from edgenas.cost.accuracy import Accuracy
from edgenas.cost.conformal import Interval
from edgenas.cost.drift import Drift
from edgenas.cost.heldout import HeldOut
from edgenas.cost.profiling import Spent
from edgenas.export.package.manifest import Manifest
from edgenas.figure import PREDICTED, Figure, Provenance
from edgenas.flow.records.training import Frozen
from edgenas.flow.records.verdict import VerifiedArtifact
from edgenas.measure.device import Device
from edgenas.record import Json, Number, Record

Span = tuple[Number, Number]
"""The cheapest and the dearest."""


class PredictedLayer(Record):
    """latency_ms, provenance: None of an operator whose family was never profiled."""

    name: str
    kind: str
    family: str
    detail: str
    shape: tuple[int, ...]
    macs: int
    params: int
    latency_ms: float | None
    provenance: Provenance | None


class PredictedLatency(Record):
    """In ms. at_least: operators' times are missing. no_interval: why there is none."""

    predicted: float
    interval_90: tuple[float, float] | None
    overhead: float
    at_least: bool
    no_interval: tuple[str, ...]

    @property
    def figure(self) -> Figure:
        low, high = self.interval_90 or (None, None)
        return Figure(self.predicted, "ms", PREDICTED, low, high)


class PredictedFile(Record):
    """`edgenas predict`: what a network's file costs. precision: the profile's; file_precision: the file's own.

    next: the command that measures what the prediction lacks, where there is one. not_counted: operators whose
    multiply-accumulates are not in `macs`, which is then a lower bound.
    """

    file: str
    device: str
    runtime: str
    precision: str
    file_precision: str
    profile: str
    latency_ms: PredictedLatency
    next: str | None
    never_profiled: tuple[str, ...]
    macs: int
    macs_at_least: bool
    not_counted: tuple[str, ...]
    params: int
    peak_memory_kib: Number
    held_out: Accuracy | None
    layers: tuple[PredictedLayer, ...]


class DescribedRuntime(Record):
    """settings: what the device says of it; each runtime has its own."""

    name: str
    format: str
    precisions: tuple[str, ...]
    provenance: Provenance
    extra: str
    settings: Json


class DescribedProfile(Record):
    """A profile that was measured; error: why it cannot be read, and then nothing else is known of it. machine: in the
    device's own words."""

    path: str
    error: str | None = None
    runtime: str = ""
    runtime_version: str = ""
    precision: str = ""
    threads: int = 0
    provenance: str = ""
    created: str = ""
    blocks: int = 0
    networks: int = 0
    machine: Json = Field(default_factory=dict)


class DescribedDevice(Record):
    """`edgenas devices show`"""

    device: Annotated[Device, PlainSerializer(lambda device: device.model_dump(mode="json"))]
    path: str
    runtimes: tuple[DescribedRuntime, ...]
    profiles: tuple[DescribedProfile, ...]


class DescribedChoice(Record):
    """input_shapes: of all places where it is made."""

    name: str
    input_shapes: tuple[tuple[int, ...], ...]
    candidates: tuple[str, ...]


class Runnable(Record):
    """What a target runs of a space. known: whether that can be told without measuring. unsupported: choice ->
    candidate -> why."""

    device: str
    runtime: str
    known: bool
    unsupported: dict[str, dict[str, str]]


class DescribedSpace(Record):
    """`edgenas spaces show`. head, kept, fixed, reachable: of a network of the user's own: the classifier that is
    replaced, what is left alone by pattern, what cannot vary, and by metric how far it reaches."""

    name: str
    input_shape: tuple[int, int, int]
    classes: int
    size: int
    choices: tuple[DescribedChoice, ...]
    target: Runnable | None
    head: str = ""
    kept: dict[str, tuple[str, ...]] = {}
    fixed: tuple[Frozen, ...] | None = None
    reachable: dict[str, Span] = {}


class SpaceBlocks(Record):
    """How many of a space's blocks were measured, and how many are predicted."""

    measured: int
    predicted: int


class TransferSource(Record):
    """The profile that another was adapted from."""

    path: str
    sha256: str
    device: str
    runtime: str


class Profiled(Record):
    """`edgenas profile`: what was measured for a space, and how well its latency is predicted. machine: in the device's
    own words. measured_now: blocks and networks. page: the path of the scatter plot."""

    profile: str
    device: str
    runtime: str
    runtime_version: str
    threads: int
    precision: str
    provenance: Provenance
    machine: Json
    space: str
    input_shape: tuple[int, int, int]
    blocks: int
    networks: int
    space_blocks: SpaceBlocks
    transfer: TransferSource | None
    reachable: dict[str, Span]
    interval: Interval | None
    held_out: HeldOut
    drift: Drift
    measured_now: int = 0
    seconds: Spent = Spent()
    page: str | None = None


class ForeignExport(Record):
    """`edgenas export --from`. refused: why, by format. warnings: by file. In JSON the manifest's values are beside the
    others."""

    out: str
    refused: dict[str, str]
    verified: tuple[VerifiedArtifact, ...]
    warnings: dict[str, tuple[str, ...]]
    manifest: Annotated[Manifest, Field(exclude=True)]

    def to_json(self) -> Json:
        return {**super().to_json(), **self.manifest.model_dump(mode="json")}
