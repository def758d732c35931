"""Who measures on a device has it to itself; and what errors call what was measured."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edgenas.errors import DeviceError
from edgenas.locks import device_lock
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure

HOLDING = """
import sys
from pathlib import Path
from edgenas.locks import locked
with locked(Path(sys.argv[1]), "measures on laptop"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_that_measures_on_this_machine_is_waited_for(host, runner, onnx_file, brief):
    runner("")
    path, said = device_lock("any name", is_local=True), []
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as holder:
        assert holder.stdout.readline() == "held\n"

        def kill(text: str) -> None:
            said.append(text)
            holder.kill()

        found = measure(host, "mock", [Artifact("a", onnx_file), Artifact("b", onnx_file)], protocol=brief,
                        on_trouble=kill)
        assert next(found).id == "a" and "measures on host" in path.read_text()
        assert next(found).id == "b" and next(found, None) is None
    assert said == [f"waiting for process {holder.pid}, which measures on laptop"]
    assert not path.exists()


def test_where_no_time_is_measured_nobody_waits(host, onnx_file, brief):
    next(measure(host, "mock", [Artifact("a", onnx_file)], protocol=brief))
    assert not device_lock("host", is_local=True).parent.exists()


@pytest.mark.parametrize(("label", "name"), [("the block stem mbconv", "the block stem mbconv"), ("", "'abcd'")])
def test_an_error_names_what_was_measured_as_people_call_it(host, runner, onnx_file, brief, label, name):
    runner("""
        class Session(Session):
            def invoke(self): raise ValueError("no")
    """)
    with pytest.raises(DeviceError, match=f"^{name} could not be measured with mock on host: mock said"):
        list(measure(host, "mock", [Artifact("abcd", onnx_file, label)], protocol=brief))


def test_several_threads_without_room_are_refused_with_what_to_do(host, runner, onnx_file, brief):
    runner("""
        IN_CALLER = True
        sys.modules["__main__"].Load.other_cores = lambda self: 64.0
        class Session(Session):
            def invoke(self): time.sleep(0.004)
    """)
    with pytest.raises(DeviceError, match="other programs kept 64.0 of . cores busy, and a run on 2 threads") as caught:
        list(measure(host, "mock", [Artifact("a", onnx_file)], threads=2, protocol=brief))
    assert "close other programs" in caught.value.hint and "--threads 1" in caught.value.hint
