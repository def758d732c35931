"""The device and the conditions under which figures were measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgenas.cost.profile import Profile, profile_path
from edgenas.errors import UsageError
from edgenas.measure.device import load_device
from edgenas.report.contents import Contents
from edgenas.report.markup import Html, listing, note, section, tag
from edgenas.report.section import Section
from edgenas.report.units import STATISTIC_MEANINGS

Pairs = list[tuple[str, str]]
STATE = {"load_average": "load {}", "governor": "governor {}", "frequency_mhz": "{} MHz",
         "temperature_c": "{} °C"}


def conditions(run: Contents) -> Html:
    c = run.config
    pairs: Pairs = [("device", device(run)), ("runtime", c.runtime), ("threads", str(c.threads)),
                    ("statistic", f"{c.statistic}: {STATISTIC_MEANINGS[c.statistic]}")]
    try:
        found = Profile.load(path_of(run))
    except UsageError as error:
        said = [note(f"The machine is described in the profile, which cannot be read here: {error.message}.")]
    else:
        pairs += profile(found)
        said = identity(run, found)
    if run.manifest:
        versions = ", ".join(f"{name} {version}" for name, version in run.manifest.versions.items())
        said.append(note(f"Versions at export: {versions}."))
    return section("conditions", "Device and conditions", listing(pairs), *said)


def device(run: Contents) -> str:
    try:
        found = load_device(run.config.device)
    except UsageError:
        return run.config.device
    return f"{found.name}: {found.description} (transport {found.transport})"


def path_of(run: Contents) -> Path:
    """Raises: UsageError when the device is no longer known."""
    c = run.config
    return profile_path(load_device(c.device).name, c.runtime, c.threads, c.precision,
                        Path(c.profiles) if c.profiles else None)


def profile(found: Profile) -> Pairs:
    """What the profile says of itself and the machine. It is read, not checked against this machine."""
    header = found.header
    return [("runtime's version", header.runtime_version), ("precision", header.precision),
            ("machine", machine(header.machine)), ("system", str(header.machine.get("system", "unknown"))),
            ("state when the profile was begun", state(header.machine.get("conditions") or {})),
            ("profile", f"{began(header.created)}{len(found.blocks)} blocks and {len(found.networks)} "
                        f"networks, {header.provenance}")]


def began(created: str) -> str:
    return f"begun {created}; " if created else ""


def identity(run: Contents, found: Profile) -> list[Html]:
    """Whether the profile is still what the search used."""
    model = run.decoding.models.get("latency_ms") if run.decoding else None
    if model is None or model.profile_sha256 is None:
        return []
    same = "it is as it was" if found.digest == model.profile_sha256 else (
        "it has changed since (measured further, or renewed), and what is said of it here is of today")
    return [note("Profile at the search: SHA-256 ", tag("code", model.profile_sha256[:12]), f"; {same}.")]


def machine(values: Mapping[str, object]) -> str:
    parts = {"cpu": "{}", "cores": "{} cores", "architecture": "{}", "memory_gib": "{} GiB", "id": "id {}"}
    return ", ".join(text.format(values[name]) for name, text in parts.items() if name in values)


def state(values: Mapping[str, object]) -> str:
    known = [text.format(values[name]) for name, text in STATE.items() if values.get(name) is not None]
    return ", ".join(known) or "unknown"


SECTION = Section(100, conditions)
