from __future__ import annotations

import json

import pytest

from edgenas.errors import UsageError
from edgenas.measure.device import Device
from edgenas.measure.measure import probe
from edgenas.measure.protocol import DEFAULT
from edgenas.measure.runtime import load_runtime
from edgenas.measure.transport import open_transport, transport_names


def test_is_found_by_its_file_name(host):
    assert "local" in transport_names()
    assert type(open_transport(host)).__name__ == "LocalTransport"


def test_runs_the_worker_with_the_job(host):
    job = {"runner": load_runtime("mock").__file__, "threads": 1, "protocol": DEFAULT.to_dict(),
           "interleave": False, "artifacts": []}
    [header] = open_transport(host).stream(job, 60)
    assert json.loads(header)["runtime"] == "mock"


def test_files_beside_the_worker_shadow_no_module(host, runner):
    runner("def version(): return str([entry for entry in sys.path if entry.endswith('measure')])")
    assert probe(host, "mock").version == "[]"


def test_takes_no_options():
    device = Device(name="host", description="this machine", runtimes=("mock",), options={"port": 22})
    with pytest.raises(UsageError, match=r"device 'host' has options \(port\), but transport 'local' takes none"):
        probe(device, "mock")
