from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgenas.errors import UsageError
from edgenas.measure.device import Device
from edgenas.measure.job import Job, Order, job_of
from edgenas.measure.measure import probe
from edgenas.measure.protocol import DEFAULT
from edgenas.measure.runtime import load_runtime
from edgenas.measure.transport import open_transport
from edgenas.measure.transports import transport_names
from edgenas.testing import TransportContract


class TestLocal(TransportContract):
    @pytest.fixture
    def device(self, host: Device) -> Device:
        return host


def test_is_found_by_its_file_name(host):
    assert "local" in transport_names()
    assert type(open_transport(host)).__name__ == "LocalTransport"


def test_runs_the_worker_with_the_job(host):
    [header] = open_transport(host).stream(job_of(load_runtime("mock"), Order((), 1, DEFAULT)), 60)
    assert json.loads(header)["runtime"] == "mock"


def test_files_beside_the_worker_shadow_no_module(host, runner):
    runner("def version(): return str([entry for entry in sys.path if entry.endswith('measure')])")
    assert probe(host, "mock").version == "[]"


def test_takes_no_options():
    device = Device(name="host", description="this machine", runtimes=("mock",), options={"port": 22})
    with pytest.raises(UsageError, match=r"device 'host' has options \(port\), but transport 'local' takes none"):
        probe(device, "mock")


def test_files_lie_in_a_folder_of_the_job_and_only_as_long_as_it_runs(host, tmp_path):
    note = tmp_path / "note.txt"
    note.write_text("here")
    job = Job({"0/note.txt": note}, ("sh", "-c", "pwd; cat 0/note.txt -"), "given\n")
    folder, *rest = open_transport(host).stream(job, 60)
    assert rest == ["heregiven"] and not Path(folder).exists() and note.exists()


def test_says_that_it_is_this_machine(host):
    assert open_transport(host).reach(1).startswith("this machine, Linux")
