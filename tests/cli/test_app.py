from __future__ import annotations

import errno
import json
import shlex
import subprocess
import sys

import click
import pytest
from flow.flows import edgenas

from edgenas import __version__, errors
from edgenas.cli import app as cli
from edgenas.cli import failures
from edgenas.cli.app import EXAMPLE, app

from .commands import every_command

CONTEXT = click.Context(app, info_name="edgenas", **app.context_settings)
NAMES = app.list_commands(CONTEXT)


def command(name: str) -> click.Command:
    found = app.get_command(CONTEXT, name)
    assert found is not None
    return found


def example(epilog: str | None) -> list[str]:
    assert epilog is not None
    words = shlex.split(epilog.partition("\n\n")[0].partition("Example:")[2])
    assert words[0] == "edgenas"
    return words[1:]


def test_the_commands_are_those_that_a_user_knows():
    assert NAMES == ["devices", "export", "inspect", "predict", "profile", "report", "run", "search", "spaces",
                     "starters", "strategies", "train", "verify"]


@pytest.mark.parametrize("name", list(every_command()))
def test_every_command_is_documented_with_an_example_that_parses(name):
    found, path = every_command()[name], name.split()
    assert found.help and len(found.help.strip()) > 20
    words = example(found.epilog)
    assert words[:len(path)] == path
    context = found.make_context(name, words[len(path):], parent=CONTEXT)
    assert all(not p.required or context.params[p.name] for p in found.params)
    for option in (p for p in found.params if isinstance(p, click.Option) and not p.hidden):
        assert option.help, f"--{option.name} has no help"
    shown = edgenas(*path, "--help")
    assert shown.code == 0 and "Example: edgenas" in shown.out and shown.err == ""


def test_the_group_s_example_parses():
    name, *rest = example(EXAMPLE)
    command(name).make_context(name, rest, parent=CONTEXT)


def test_every_command_takes_json():
    for name, found in every_command().items():
        assert "as_json" in {parameter.name for parameter in found.params}, name


def test_help_lists_commands_and_exit_codes():
    shown = edgenas("--help")
    assert shown.code == 0
    text = " ".join(shown.out.split())
    assert all(f" {name} " in text for name in NAMES)
    for code in ("0 done and within budget", "2 wrong usage or input", "3 budget unreachable or missed",
                 "4 device or runtime failed", "70 a fault of edgenas", "130 interrupted"):
        assert code in text
    assert edgenas("-h").out == shown.out


def test_without_a_command_the_help_is_shown_as_wrong_usage():
    shown = edgenas()
    assert shown.code == 2 and shown.out == ""
    assert "Usage: edgenas" in shown.err and "error:" not in shown.err


def test_help_imports_nothing_heavy():
    code = ("import sys\nfrom edgenas.cli.app import run\nassert run(['--help']) == 0\n"
            "assert run(['run', '--help']) == 0\n"
            "print([n for n in ('torch', 'numpy', 'onnx', 'sklearn', 'rich', 'pydantic') if n in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "edgenas", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"edgenas, version {__version__}\n", "")
    done = subprocess.run([sys.executable, "-m", "edgenas", "rnu", "--json"], capture_output=True, text=True)
    assert done.returncode == 2 and json.loads(done.stdout)["error"]["message"] == "'rnu' is no known command"


EXITS = [
    (errors.UsageError("m", "h"), 2, "usage"), (errors.DataError("m", "h"), 2, "data"),
    (errors.ProfileError("m", "h"), 2, "profile"), (errors.RunError("m", "h"), 2, "run"),
    (errors.CheckpointError("m", "h"), 2, "checkpoint"), (errors.FileError("m", "h"), 2, "file"),
    (errors.MissingExtra("m", "h"), 2, "extra"), (errors.UserCodeError("m", "h"), 2, "user-code"),
    (errors.TrustError("m", "h"), 2, "trust"), (errors.StorageError("m", "h"), 2, "storage"),
    (errors.Diverged("m", "h"), 2, "diverged"), (errors.BudgetError("m", "h"), 3, "budget"),
    (errors.DeviceError("m", "h"), 4, "device"),
    (errors.LinkLost("m", "h"), 4, "device"), (errors.ExportError("m", "h"), 4, "export"),
    (errors.Fault("m", "h"), 70, "fault"), (errors.Interrupted("m", "h"), 130, "interrupted"),
]


@pytest.mark.parametrize(("error", "code", "kind"), EXITS, ids=[kind for _, _, kind in EXITS])
def test_every_error_has_its_exit_code_and_its_json(monkeypatch, error, code, kind):
    def fail() -> list[str]:
        raise error

    monkeypatch.setattr("edgenas.measure.device.device_names", fail)
    plain = edgenas("devices")
    assert (plain.code, plain.out, plain.err) == (code, "", "error: m\n  try: h\n")
    as_json = edgenas("devices", "--json")
    assert as_json.code == code and as_json.err == plain.err
    assert as_json.document == {"error": {"kind": kind, "message": "m", "hint": "h"}}


def test_every_error_of_the_tree_is_covered():
    def tree(cls):
        return {cls, *(found for sub in cls.__subclasses__() for found in tree(sub))}

    drawn = {error for error in tree(errors.EdgenasError) if error.__module__ == errors.__name__}
    assert {type(error) for error, _, _ in EXITS} == drawn - {errors.EdgenasError}


def test_ctrl_c_is_an_error_with_a_hint(monkeypatch):
    def interrupt() -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("edgenas.measure.device.device_names", interrupt)
    assert "--resume" in edgenas("devices", "--json").refused(130, "interrupted")


def test_a_disk_that_is_full_anywhere_is_one_sentence(monkeypatch):
    def full() -> list[str]:
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere")

    monkeypatch.setattr("edgenas.measure.device.device_names", full)
    edgenas("devices").refused(2, "cannot write /somewhere: No space left on device", "free some space")


def raising(monkeypatch, error: BaseException) -> None:
    def fail() -> list[str]:
        raise error

    monkeypatch.setattr("edgenas.measure.device.device_names", fail)


def test_a_fault_of_ours_is_one_sentence_and_its_traceback_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGENAS_FAULTS", str(tmp_path))
    raising(monkeypatch, KeyError("ours"))
    said = edgenas("devices").refused(70, "this is a fault of edgenas: KeyError: 'ours'", "please report it")
    (report,) = tmp_path.iterdir()
    assert str(report) in said
    assert "Traceback (most recent call last)" in report.read_text() and "KeyError: 'ours'" in report.read_text()
    assert edgenas("devices", "--json").document["error"]["kind"] == "fault"


def test_a_fault_whose_report_cannot_be_written_is_still_said(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("EDGENAS_FAULTS", str(tmp_path / "file" / "below"))
    raising(monkeypatch, KeyError("ours"))
    edgenas("devices").refused(70, "a fault of edgenas", "could not be written")


def test_only_the_newest_reports_of_faults_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGENAS_FAULTS", str(tmp_path))
    for number in range(30):
        (tmp_path / f"fault-2020{number:04}.txt").touch()
    raising(monkeypatch, KeyError("ours"))
    edgenas("devices").refused(70)
    assert len(list(tmp_path.iterdir())) == failures.KEPT


@pytest.mark.parametrize(("error", "code", "words"), [
    (FileNotFoundError(errno.ENOENT, "No such file or directory", "/a/b"), 2, ("cannot read /a/b: No such file",)),
    (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 5000), 2, ("cannot read xxx", "File name too long")),
    (PermissionError(errno.EACCES, "Permission denied", "/nosuch"), 2, ("cannot write /nosuch: Permission denied",)),
    (OSError(errno.EDQUOT, "Disk quota exceeded"), 2, ("cannot write a temporary file or the output: Disk quota",)),
    (OSError(errno.EMFILE, "Too many open files"), 2, ("the system refused: Too many open files",)),
    (UnicodeEncodeError("utf-8", "a\udcff", 1, 2, "surrogates"), 2, ("'a\\udcff' is not UTF-8",)),
    (MemoryError(), 2, ("there is not enough memory",)), (RecursionError("deep"), 2, ("nested too deeply",)),
    (SystemExit(0), 2, ("it ends the program (SystemExit: 0)",)),
])
def test_what_the_system_refuses_is_one_sentence(monkeypatch, error, code, words):
    raising(monkeypatch, error)
    assert len(edgenas("devices").refused(code, *words)) < 700


def test_arguments_that_are_no_text_are_refused():
    edgenas("verify", "a\udcffb").refused(2, r"the argument 'a\udcffb' is not UTF-8 text")
    edgenas("verify", "a\0b").refused(2, r"the argument 'a\x00b' is not UTF-8 text")


def ended(shell: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", shell.replace("edgenas", f"{shlex.quote(sys.executable)} -m edgenas")],
                          capture_output=True, text=True)


def test_output_that_finds_no_room_is_one_sentence():
    done = ended("edgenas strategies --json > /dev/full")
    assert done.returncode == 2 and done.stderr.startswith("error: cannot write a temporary file or the output: No sp")
    assert len(done.stderr.splitlines()) == 2
    assert ended("edgenas strategies --json 2> /dev/full >&2").returncode == 2


def test_output_that_nobody_reads_ends_quietly():
    done = ended("set -o pipefail; edgenas strategies --json | true")
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(("arguments", "words"), [
    (("serach",), ("'serach' is no known command", "did you mean 'search'?")),
    (("devices", "chek"), ("'chek' is no known command of edgenas devices", "did you mean 'check'?")),
    (("run", "--latncy-ms", "3"), ("No such option", "--latency-ms")),
    (("run",), ("Missing option '--out'", "edgenas run --help")),
    (("train",), ("Missing argument 'RUN'", "edgenas train --help")),
    (("run", "--out", "x", "--seed", "-1"), ("--seed",)), (("run", "--out", "x", "--statistic", "mean"), ("p90",)),
    (("verify", "a", "b"), ("unexpected extra argument",)),
])
def test_wrong_usage(arguments, words):
    edgenas(*arguments).refused(2, *words)
    assert edgenas(*arguments, "--json").document["error"]["kind"] == "usage"


def test_a_new_file_is_a_new_command(monkeypatch):
    assert cli.FAMILY == "edgenas.cli.commands"
    monkeypatch.setattr(cli.plugins, "names", lambda *_: ["devices"])
    assert app.list_commands(CONTEXT) == ["devices"]
