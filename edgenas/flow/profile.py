"""`edgenas profile`: measure what a space needs, then say how well its latency is predicted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgenas.cost.drift import drift
from edgenas.cost.latency import Study, check_margin, model_of, study
from edgenas.cost.missing import missing_blocks, missing_networks, places
from edgenas.cost.plan import check_minutes, profile_within, transfer
from edgenas.cost.profile import Profile, profile_path, stored, writing
from edgenas.cost.profiling import TORCH, Bench, Spent, open_profile, steps
from edgenas.data import load
from edgenas.errors import ProfileError, UsageError
from edgenas.flow.configure import part
from edgenas.flow.profile_operators import profile_operators
from edgenas.flow.records.documents import Profiled, SpaceBlocks, TransferSource
from edgenas.flow.requests import ProfileRequest
from edgenas.flow.support import describe_dropped, supported
from edgenas.flow.target import runtime_of
from edgenas.measure.device import Device
from edgenas.measure.measurement import STATISTICS
from edgenas.measure.runtime import precision_for
from edgenas.options import parse
from edgenas.progress import Progress
from edgenas.space import Space, load_space
from edgenas.space.precision import in_precision

WritePage = Callable[[Path, Profiled, Study, Progress], str | None]


def space_of(request: ProfileRequest) -> Space:
    """The space that the command line's options describe.

    Raises: UsageError for options that a profile does not have; DataError for the data.
    """
    options = space_options(request)
    task = load(request.data, image_size=request.image_size, max_images=request.max_images,
                on_bad_image=request.on_bad_image, seed=request.seed)
    return load_space(request.space, task.input_shape, len(task.classes), part(options, "space"),
                      part(options, "build"))


def shaped_space(request: ProfileRequest, input_shape: tuple[int, int, int], classes: int) -> Space:
    """As `space_of`, for images (channels, height, width) of so many classes instead of a data set's.

    Raises: UsageError for options that a profile does not have, or a shape that no image has.
    """
    if min(input_shape) < 1 or classes < 2:
        raise UsageError(f"images of shape {input_shape} in {classes} classes: sizes are at least 1, classes 2",
                         "for example input_shape=(3, 32, 32), classes=10")
    options = space_options(request)
    return load_space(request.space, input_shape, classes, part(options, "space"), part(options, "build"))


def space_options(request: ProfileRequest) -> dict[str, str]:
    """Raises: UsageError for options that a profile does not have, or that contradict each other."""
    options = parse(request.assignments)
    if foreign := [name for name in options if not name.startswith(("space.", "build."))]:
        raise UsageError(f"a profile has no option {foreign[0]!r}: it takes those of the space",
                         "write for example --set space.width=0.5")
    if request.budget_minutes is not None and request.transfer_from:
        raise UsageError("--budget-minutes and --transfer-from are both given; each says what to measure",
                         "leave one of them out")
    if request.budget_minutes is not None:
        check_minutes(request.budget_minutes)
    return options


def profile_one(space: Space, device: Device, request: ProfileRequest, progress: Progress,
                write_page: WritePage | None = None) -> Profiled:
    """Profile a device for a space as the command line's options say; returns the report.

    write_page: writes a page of how well networks are predicted, and tells its path.

    Raises: UsageError, DeviceError or ExportError, and ProfileError where predictions turn out to be too far off; what
    was measured until then is kept.
    """
    runtime = runtime_of(device, request.runtime)
    precision = precision_for(runtime, request.precision)
    check_whole(request, precision)
    space, dropped = supported(in_precision(space, precision), device, runtime, precision)
    if dropped:
        progress.say(describe_dropped(dropped, device.name))
    folder = Path(request.profiles) if request.profiles else None
    source = source_of(request.transfer_from, folder) if request.transfer_from else None
    path = profile_path(device.name, runtime, request.threads or device.threads, precision, folder)
    with writing(path, progress.say):
        profile = open_profile(device, runtime, threads=request.threads, folder=folder, renew=request.renew,
                               precision=request.precision)
        before = len(profile.blocks) + len(profile.networks)
        if request.operators:
            profile_operators(device, profile, request.operators, progress)
        spent = measure(Bench(space, device, profile, progress.advance, progress.say), request, source, progress)
    with TORCH:
        found = study(space, profile, STATISTICS[0])
    report = describe(space, profile, found).replaced(
        measured_now=len(profile.blocks) + len(profile.networks) - before, seconds=spent)
    page = write_page(profile.path.with_suffix(".html"), report, found, progress) if write_page else None
    check_margin(found.evaluation.held_out(), space, profile)
    return report.replaced(page=page)


def check_whole(request: ProfileRequest, precision: str) -> None:
    """Raises: UsageError for predicted blocks of mixed precision: the regression does not tell int8 from float32."""
    asked = next((name for name in ("budget_minutes", "transfer_from", "operators") if getattr(request, name)), None)
    if precision == "mixed" and asked:
        raise UsageError(f"--{asked.replace('_', '-')} does not go with --precision mixed: all its blocks are measured",
                         "leave it out, or profile fp32 and int8 apart")


def measure(bench: Bench, request: ProfileRequest, source: Profile | None, progress: Progress) -> Spent:
    """Everything, or what tells most in the time given, or what it takes to adapt another device's profile."""
    if source:
        progress.start(f"adapt {source.header.device} to {bench.device.name}", request.probes)
        transfer(bench, source, request.probes)
        return bench.spent
    with TORCH:
        blocks = missing_blocks(bench.space, bench.profile, left_out=True)
        whole = missing_networks(bench.space, bench.profile, left_out=True)
    if blocks or whole:
        progress.start(f"profile {bench.device.name} {bench.profile.header.runtime}",
                       steps(bench.profile, blocks, whole))
    if request.budget_minutes is not None:
        profile_within(bench, request.budget_minutes)
    else:
        bench.blocks(blocks)
        bench.networks(whole)
    return bench.spent


def describe(space: Space, profile: Profile, found: Study) -> Profiled:
    header, model = profile.header, model_of(space, found)
    own, source = places(space), profile.transfer
    measured = sum(s in profile.blocks for s in own)
    return Profiled(
        profile=str(profile.path), device=header.device, runtime=header.runtime,
        runtime_version=header.runtime_version, threads=header.threads, precision=header.precision,
        provenance=header.provenance, machine=header.machine, space=space.name, input_shape=space.input_shape,
        blocks=len(profile.blocks), networks=len(profile.networks),
        space_blocks=SpaceBlocks(measured=measured, predicted=len(own) - measured),
        transfer=TransferSource(path=source.path, sha256=source.digest, device=source.device,
                                runtime=source.runtime) if source else None,
        reachable={"latency_ms": model.reachable}, interval=model.band, held_out=found.evaluation.held_out(),
        drift=drift(profile, STATISTICS[0]))


def source_of(text: str, folder: Path | None) -> Profile:
    """The profile in that file, or the only one of the device of that name.

    Raises: ProfileError when there is none; UsageError when a device has several.
    """
    if text.endswith(".jsonl") or "/" in text:
        return Profile.load(Path(text))
    found = [profile for profile in stored(folder) if profile.header.device == text]
    if not found:
        raise ProfileError(f"there is no profile of a device {text!r} to transfer from",
                           f"edgenas profile --device {text}, or --transfer-from FILE.jsonl")
    if len(found) > 1:
        raise UsageError(f"device {text!r} has {len(found)} profiles; name the file of one",
                         f"--transfer-from {found[0].path}")
    return found[0]
