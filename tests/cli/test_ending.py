"""Processes that are ended by a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgenas.cli import ending

WORKING = """
import os, signal, sys, tempfile, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # it is ignored where the tests are begun with nohup
from edgenas.cli import app, ending
def work(*arguments, **options):
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        open(os.path.join(folder, "file"), "w").close()
        print(folder, flush=True)
        time.sleep(60)
app.app.main = work
sys.exit(ending.run_ended(lambda: app.run(["profile", *sys.argv[1:]])))
"""


def working(root: Path, *arguments: str) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen([sys.executable, "-c", WORKING, *arguments], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(root)})
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_is_told_and_leaves_nothing(tmp_path: Path, number: signal.Signals, code: int) -> None:
    process, folder = working(tmp_path, "--json")
    assert folder.is_relative_to(tmp_path) and folder.parent != tmp_path
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "error: interrupted; what was done is kept\n  try: run the same command again" in err
    assert (f"{number.name}: stopping" in err) == (number != signal.SIGINT)
    assert '"kind": "interrupted"' in out and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_what_is_in_use_stays(tmp_path: Path) -> None:
    killed, left = working(tmp_path)
    killed.kill()
    killed.communicate(timeout=60)
    living, used = working(tmp_path)
    try:
        assert not left.parent.exists() and used.exists()
        ending.sweep(tmp_path)
        assert used.exists()
    finally:
        living.kill()
        living.communicate(timeout=60)
    ending.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_edgenas_own_and_forgotten_is_swept(tmp_path: Path) -> None:
    for name in ("edgenas-old", "edgenas-new", "other-old"):
        (tmp_path / name).mkdir()
    (tmp_path / "edgenas-link").symlink_to(tmp_path / "other-old")
    (tmp_path / "edgenas-file").touch()
    old = time.time() - ending.FORGOTTEN_S - 10
    for name in ("edgenas-old", "other-old", "edgenas-file"):
        os.utime(tmp_path / name, (old, old))
    ending.sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"edgenas-new", "other-old", "edgenas-link", "edgenas-file"}


def test_where_no_folder_can_be_made_the_command_runs_all_the_same(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(ending.tempfile, "tempdir", str(tmp_path / "none"))
    assert ending.run_ended(lambda: 3) == 3
    assert ending.tempfile.tempdir == str(tmp_path / "none")


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending.stopped_by(ending.SIGNALS) as received:
            os.kill(os.getpid(), signal.SIGHUP)
        assert received == []
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_child_that_was_forked_off_ends_without_a_word() -> None:
    with ending.stopped_by(ending.SIGNALS) as received:
        child = os.fork()
        if not child:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)  # the handler runs in here
            os._exit(0)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM
    assert received == []
