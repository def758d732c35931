from __future__ import annotations

import pytest

from edgenas.errors import DeviceError, UsageError
from edgenas.measure.device import Device, load_device
from edgenas.measure.measure import probe
from edgenas.measure.transport import open_transport


@pytest.mark.parametrize("name", ["pixel1", "note10"])
def test_a_device_that_is_known_by_publications_cannot_be_measured(name):
    device = load_device(name)
    said = f"device {name} is known by published latencies only and cannot be measured here"
    with pytest.raises(DeviceError, match=said) as caught:
        probe(device, "litert")
    assert f"edgenas search --device {name}" in caught.value.hint
    with pytest.raises(DeviceError, match=said):
        open_transport(device).reach(1.0)


def test_it_takes_no_options():
    device = Device(name="x", description="x", transport="none", runtimes=("litert",), options={"host": "a"})
    with pytest.raises(UsageError, match="transport 'none' takes none"):
        open_transport(device)
