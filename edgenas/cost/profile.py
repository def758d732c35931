"""A profile: everything measured of one device with one runtime, precision and thread count.

A file of JSON lines: a header, then one measurement a line, appended and synced as it is made. A last line that
was cut short by a crash is dropped; any other damage is refused. Profiles that come with edgenas are only read.

Several processes may use one: `writing` is for who measures what is missing, one after the other. What is appended
without it (a decoded network) finds out first what others appended, and is left out if they have it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.resources
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from edgenas import __version__
from edgenas.cost.network import Network
from edgenas.cost.published import Published, latency_from
from edgenas.errors import DeviceError, FileError, ProfileError
from edgenas.figure import MEASURED, Provenance
from edgenas.files import append_line, open_bounded, parse_json, user_folder, write_text
from edgenas.locks import Say, exclusive, locked, to_stderr
from edgenas.measure.measurement import Measurement
from edgenas.text import one_line

SCHEMA = 1
LIMIT = 1 << 30
"""Bytes of a profile; a line has about 500."""
PACKAGE = "edgenas.profiles"
UNREAD = (0, 0)
ONCE = ("block", "decoded")
"""Kinds of records of which the first counts, where two processes made the same."""
RENEW = "measure it anew: edgenas profile --renew"


class Header(BaseModel):
    """What a profile was measured on, and with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA
    device: str
    runtime: str
    runtime_version: str
    precision: str = "fp32"
    threads: int
    machine: dict[str, Any]
    created: str = ""
    edgenas: str = __version__
    provenance: Provenance = MEASURED

    @field_validator("machine")
    @classmethod
    def _described(cls, machine: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(machine.get("conditions") or {}, dict):
            raise ValueError("its conditions are no values by name")
        return machine

    @property
    def command(self) -> str:
        """What measures on this device with this runtime, these threads and files of this precision."""
        return (f"edgenas profile --device {self.device} --runtime {self.runtime} --threads {self.threads} "
                f"--precision {self.precision}")


class _Versioned(BaseModel):
    """What the headers of all schemas have."""

    schema_version: int


@dataclass(frozen=True)
class MeasuredNetwork:
    """A whole network that was measured: the signatures of its parts, as often as they occur.

    again: measured once more in another session, where the device's time is real: what a prediction can hope to meet.
    """

    blocks: tuple[str, ...]
    measurement: Measurement
    again: Measurement | None = None

    @property
    def afresh(self) -> Measurement:
        """The later measurement, if there are two."""
        return self.again or self.measurement


@dataclass(frozen=True)
class Check:
    """A block that was measured again later. conditions: the device's state then, where it could be read."""

    block: str
    measurement: Measurement
    conditions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Transfer:
    """What was taken over from another profile: its blocks' measurements, by signature.

    path, digest: of that profile, as it was then. device, runtime: what it was measured on.
    """

    path: str
    digest: str
    device: str
    runtime: str
    blocks: Mapping[str, Measurement | Published]


@dataclass
class Profile:
    """blocks: signature of a part -> its measurement. networks: the whole networks that calibrate their sum, by
    signature. structures: signature -> the operators of a block or network. checks: blocks measured again later.
    decoded: networks that a search decoded, measured several times each; kept so that the same search comes to the
    same architecture again, and no part of what predictions are made from.
    """

    path: Path
    header: Header
    blocks: dict[str, Measurement | Published] = field(default_factory=dict)
    networks: dict[str, MeasuredNetwork] = field(default_factory=dict)
    decoded: dict[str, tuple[Measurement, ...]] = field(default_factory=dict)
    structures: dict[str, Network] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    transfer: Transfer | None = None
    read: tuple[int, int] = UNREAD  # which file it was, by its number, and how many bytes of it are known
    others: set[tuple[str, str]] = field(default_factory=set)  # kind and key of what other processes appended meanwhile

    @classmethod
    def create(cls, path: Path, header: Header) -> Profile:
        """Begin a profile.

        Raises: ProfileError where there is one that comes with edgenas.
        """
        if path.is_relative_to(packaged_folder()):
            raise _read_only(path)
        header = header.model_copy(update={"created": datetime.now(UTC).isoformat(timespec="seconds")})
        write_text(path, header.model_dump_json() + "\n")
        found = path.stat()
        return cls(path, header, read=(found.st_ino, found.st_size))

    @classmethod
    def load(cls, path: Path) -> Profile:
        """Read a profile; drops a last line that is not ended.

        Raises: ProfileError when it is missing, damaged or of another schema.
        """
        try:
            with open_bounded(path, LIMIT) as stream:
                number, text = os.fstat(stream.fileno()).st_ino, stream.read().decode("utf-8")
        except (FileError, UnicodeDecodeError) as error:
            raise ProfileError(f"cannot read the profile {path}: {error}", "measure it: edgenas profile") from error
        lines = text.split("\n")
        unfinished = lines.pop()
        if not lines:
            raise _damaged(path, 1, "no complete header")
        profile = cls(path, _header(path, lines[0]), read=(number, len(text.encode()) - len(unfinished.encode())))
        profile._take_all(lines[1:], first=2)
        return profile

    @contextlib.contextmanager
    def writing(self, say: Say = to_stderr) -> Iterator[None]:
        """Hold the profile, to measure what it lacks: no other process does so meanwhile, and what others measured
        until then is known."""
        with writing(self.path, say):
            if self.path.is_file():
                self._renew()
            yield

    @property
    def digest(self) -> str:
        """SHA-256 of all that predictions are made from."""
        content = {"header": self.header.model_dump(mode="json"),
                   "blocks": {key: m.to_dict() for key, m in self.blocks.items()},
                   "networks": {key: [m.to_dict() for m in (n.measurement, n.again) if m]
                                for key, n in self.networks.items()}}
        if self.transfer:
            content["transfer"] = {key: m.to_dict() for key, m in self.transfer.blocks.items()}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def add_block(self, signature: str, measurement: Measurement | Published, structure: Network | None = None) -> None:
        """`structure` may be left out where the operators are not known."""
        self._append({"kind": "block", "key": signature, "measurement": measurement.to_dict()} | _listed(structure))

    def add_network(self, signature: str, blocks: tuple[str, ...], measurement: Measurement,
                    structure: Network | None = None) -> None:
        self._append({"kind": "network", "key": signature, "blocks": list(blocks),
                      "measurement": measurement.to_dict()} | _listed(structure))

    def add_repeat(self, signature: str, measurement: Measurement) -> None:
        """A network of this profile measured once more."""
        self._append({"kind": "repeat", "key": signature, "measurement": measurement.to_dict()})

    def add_check(self, signature: str, measurement: Measurement,
                  conditions: Mapping[str, Any] | None = None) -> None:
        """A block measured again, to see whether the device is still as fast as it was."""
        self._append({"kind": "check", "key": signature, "measurement": measurement.to_dict(),
                      "conditions": dict(conditions or {})})

    def add_left_out(self, signature: str) -> None:
        """A block or network that is to be predicted."""
        self._append({"kind": "left_out", "key": signature})

    def add_transfer(self, source: Profile, signatures: Sequence[str]) -> None:
        """Predict blocks from what `source` measured of them; the figures are copied."""
        self._append({"kind": "transfer", "key": source.digest, "path": str(source.path),
                      "device": source.header.device, "runtime": source.header.runtime,
                      "blocks": {s: source.blocks[s].to_dict() for s in signatures}})

    def add_decoded(self, signature: str, measurements: Sequence[Measurement]) -> None:
        self._append({"kind": "decoded", "key": signature, "measurements": [m.to_dict() for m in measurements]})

    def check(self, runtime_version: str, machine: Mapping[str, Any]) -> None:
        """Refuse to predict for another machine or runtime version than was measured.

        Raises: ProfileError that says what differs, with the command that renews the profile.
        """
        here = {"runtime version": runtime_version, "machine": machine["id"]}
        then = {"runtime version": self.header.runtime_version, "machine": self.header.machine.get("id", "unknown")}
        for what, value in here.items():
            if then[what] != value:
                raise ProfileError(
                    f"the profile {self.path} is stale: its {what} is {then[what]}, the device's is {value}",
                    f"{self.header.command} --renew")

    def _append(self, record: dict[str, Any]) -> None:
        if self.path.is_relative_to(packaged_folder()):
            raise _read_only(self.path)
        if self.read == UNREAD:  # it was put together in memory: nobody else has it
            self._take(record)
            append_line(self.path, json.dumps(record, sort_keys=True))
            return
        with exclusive(self.path) as stream:
            self.others |= self._news(stream)
            if record["kind"] in ONCE and (record["kind"], record["key"]) in self.others:
                return
            self._take(record)
            append_line(self.path, json.dumps(record, sort_keys=True))
            self.read = self.read[0], os.fstat(stream.fileno()).st_size

    def _news(self, stream: BinaryIO) -> set[tuple[str, str]]:
        """Learn what other processes appended; kind and key of each. A line that was cut short is taken away."""
        if os.fstat(stream.fileno()).st_ino != self.read[0]:
            self._renew()
            return {("block", key) for key in self.blocks} | {("decoded", key) for key in self.decoded}
        stream.seek(self.read[1])
        added, _, unfinished = stream.read().rpartition(b"\n")
        if unfinished:
            stream.truncate(stream.tell() - len(unfinished))
        return self._take_all(added.decode("utf-8", errors="replace").split("\n") if added else [])

    def _renew(self) -> None:
        """Read all of it again. Raises: ProfileError where it is of another machine or runtime by now."""
        fresh = Profile.load(self.path)
        fresh.check(self.header.runtime_version, self.header.machine)
        vars(self).update(vars(fresh))

    def _take_all(self, lines: Sequence[str], first: int = 0) -> set[tuple[str, str]]:
        """first: the number of the first line, where that is known."""
        taken = set()
        for number, line in enumerate(lines, start=first):
            try:
                record = parse_json(line)
                self._take(record)
            except KeyError as error:
                raise _damaged(self.path, number, f"there is no {error}") from error
            except (ValueError, TypeError, AttributeError, OverflowError, DeviceError) as error:
                raise _damaged(self.path, number, one_line(str(error), 400)) from error
            taken.add((record["kind"], record["key"]))
        return taken

    def _take(self, record: dict[str, Any]) -> None:
        kind, key = record["kind"], record["key"]
        if not isinstance(key, str) or not isinstance(record.get("conditions", {}), Mapping):
            raise ValueError("its key is no text, or its conditions are no values by name")
        if "structure" in record:
            self.structures[key] = Network.from_dict(record["structure"])
        if kind == "block":
            self.blocks[key] = latency_from(record["measurement"])
        elif kind == "network":
            self.networks[key] = MeasuredNetwork(tuple(map(str, record["blocks"])),
                                                 Measurement.from_dict(record["measurement"]))
        elif kind == "repeat":
            self.networks[key] = replace(self.networks[key], again=Measurement.from_dict(record["measurement"]))
        elif kind == "decoded":
            self.decoded[key] = tuple(Measurement.from_dict(m) for m in record["measurements"])
        elif kind == "check":
            self.checks.append(Check(key, Measurement.from_dict(record["measurement"]), record.get("conditions", {})))
        elif kind == "left_out":
            self.left_out.add(key)
        elif kind == "transfer":
            self.transfer = Transfer(record["path"], key, record["device"], record["runtime"], {
                s: latency_from(m) for s, m in record["blocks"].items()})
        else:
            raise ValueError(f"unknown kind {kind!r}")


def writing(path: Path, say: Say = to_stderr) -> contextlib.AbstractContextManager[None]:
    """The lock beside the profile at `path`, of who measures what that lacks."""
    if path.is_relative_to(packaged_folder()):
        return contextlib.nullcontext()
    return locked(path.with_suffix(".lock"), f"measures for the profile {path}", say)


def profiles_folder() -> Path:
    """Where a user's profiles are kept: EDGENAS_PROFILES, or the platform's data folder."""
    return user_folder("profiles")


def packaged_folder() -> Path:
    """Where the profiles are that come with edgenas."""
    return Path(str(importlib.resources.files(PACKAGE)))


def profile_path(device: str, runtime: str, threads: int, precision: str = "fp32",
                 folder: Path | None = None) -> Path:
    """The user's own profile, or the one that comes with edgenas where there is only that."""
    name = Path(device) / f"{runtime}-{precision}-{threads}t.jsonl"
    own, packaged = (folder or profiles_folder()) / name, packaged_folder() / name
    return packaged if packaged.is_file() and not own.exists() else own


def stored(folder: Path | None = None) -> Iterator[Profile]:
    """All profiles in a folder, by path, and then those that come with edgenas and have none of their kind there."""
    own, packaged = folder or profiles_folder(), packaged_folder()
    found = {path.relative_to(root): path for root in (packaged, own) for path in root.glob("*/*.jsonl")}
    for path in sorted(found.values(), key=lambda path: (path.is_relative_to(packaged), path)):
        yield Profile.load(path)


def _listed(structure: Network | None) -> dict[str, Any]:
    return {} if structure is None else {"structure": structure.to_dict()}


def _read_only(path: Path) -> ProfileError:
    return ProfileError(f"the profile {path} comes with edgenas and is only read",
                        "measure a device of your own: edgenas profile --device ./board.toml")


def _header(path: Path, line: str) -> Header:
    try:
        schema = _Versioned.model_validate_json(line).schema_version
        if schema == SCHEMA:
            return Header.model_validate_json(line)
    except ValidationError as error:
        raise _damaged(path, 1, error.errors()[0]["msg"]) from error
    raise ProfileError(f"{path} has schema {schema}; this edgenas reads {SCHEMA}", RENEW)


def _damaged(path: Path, line: int, reason: str) -> ProfileError:
    return ProfileError(f"the profile {path} is damaged in line {line}: {reason}", RENEW)
