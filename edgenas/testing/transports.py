"""What every transport must do: run a job in a folder of its own, and give its lines as they come."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from edgenas.errors import DeviceError, UsageError
from edgenas.measure.device import Device
from edgenas.measure.job import Job
from edgenas.measure.transport import Transport, open_transport

LIMIT_S = 60.0


class TransportContract:
    """Inherit it, and say with the fixture `device` which one is reached: it must be there, and have a shell."""

    @pytest.fixture
    def device(self) -> Device:
        raise NotImplementedError("say with a fixture `device` which one is reached")

    @pytest.fixture
    def transport(self, device: Device) -> Transport:
        return open_transport(device)

    def test_it_says_what_answers_there(self, transport: Transport) -> None:
        said = transport.reach(LIMIT_S)
        assert said and said.isprintable()

    def test_a_job_has_its_files_and_its_input(self, transport: Transport, tmp_path: Path) -> None:
        note = tmp_path / "note.txt"
        note.write_text("here, ")
        job = Job({"0/note.txt": note}, ("sh", "-c", "cat 0/note.txt -; echo end"), "given\n")
        assert list(transport.stream(job, LIMIT_S)) == ["here, given", "end"] and note.exists()

    def test_each_job_has_a_folder_of_its_own_that_is_gone_afterwards(self, transport: Transport) -> None:
        [first] = transport.stream(Job({}, ("sh", "-c", "touch left; pwd")), LIMIT_S)
        [second] = transport.stream(Job({}, ("sh", "-c", "ls; pwd")), LIMIT_S)
        assert first != second
        [known] = transport.stream(Job({}, ("sh", "-c", f"test -e '{first}' && echo there || echo gone")), LIMIT_S)
        assert known == "gone"

    def test_lines_come_as_they_are_printed_and_closing_stops_the_job(self, transport: Transport) -> None:
        began = time.monotonic()
        with closing(transport.stream(Job({}, ("sh", "-c", "echo one; sleep 600; echo two")), LIMIT_S)) as lines:
            assert next(lines) == "one"
        assert time.monotonic() - began < LIMIT_S

    def test_a_job_that_fails_is_an_error(self, transport: Transport) -> None:
        with pytest.raises(DeviceError):
            list(transport.stream(Job({}, ("sh", "-c", "echo one; exit 3")), LIMIT_S))

    def test_a_job_that_is_silent_is_given_up(self, transport: Transport) -> None:
        began = time.monotonic()
        with pytest.raises(DeviceError):
            list(transport.stream(Job({}, ("sh", "-c", "sleep 600")), 1.0))
        assert time.monotonic() - began < LIMIT_S

    def test_an_option_that_it_does_not_have_is_refused(self, device: Device) -> None:
        other = device.model_copy(update={"options": {**device.options, "no_such_option": 1}})
        with pytest.raises(UsageError):
            open_transport(other)
