from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from edgenas import locks
from edgenas.locks import exclusive, locked

HOLDING = """
import sys, time
from pathlib import Path
from edgenas.locks import locked
with locked(Path(sys.argv[1]), "measures on \\x1b[31mhost"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holding(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDING, str(path)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_another_process_is_waited_for_by_name_and_its_death_ends_the_wait(tmp_path: Path) -> None:
    path, said = tmp_path / "new" / "profile.lock", []
    with holding(path) as holder:
        def kill(text: str) -> None:
            said.append(text)
            holder.kill()

        with locked(path, "waits", say=kill):
            assert path.read_text().startswith("process ") and "which waits" in path.read_text()
    assert said == [f"waiting for process {holder.pid}, which measures on \\x1b[31mhost"]
    assert list(path.parent.iterdir()) == []


def test_the_same_thread_may_take_it_again_and_others_wait(tmp_path: Path) -> None:
    path, order = tmp_path / "lock", []

    def other() -> None:
        with locked(path, "is another thread"):
            order.append("other")

    thread = threading.Thread(target=other)
    with locked(path, "measures"), locked(path, "measures"):
        thread.start()
        thread.join(0.05)
        order.append("first")
        assert path.exists()
    thread.join()
    assert order == ["first", "other"] and not path.exists()


def test_where_nothing_can_be_written_nothing_is_locked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with locked(tmp_path / "file" / "lock", "measures"):
        pass


def test_what_is_this_machine_is_one_device_by_whatever_name() -> None:
    assert locks.device_lock("host", is_local=True) == locks.device_lock("laptop", is_local=True)
    assert len({locks.device_lock(name, is_local=False) for name in ("board", "phone", "host")}) == 3


def test_a_file_that_was_replaced_meanwhile_is_opened_anew(tmp_path: Path, monkeypatch) -> None:
    path, flock = tmp_path / "profile.jsonl", locks.fcntl.flock
    path.write_text("old")

    def replaced(handle: object, operation: int) -> None:
        flock(handle, operation)
        if path.read_text() == "old":
            (tmp_path / "new").write_text("new")
            (tmp_path / "new").replace(path)

    monkeypatch.setattr(locks.fcntl, "flock", replaced)
    with exclusive(path) as stream:
        assert stream.read() == b"new"
