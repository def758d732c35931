"""A run folder may come from anyone: what it names is imported only where a command here named it, or with --trust."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgenas.errors import RunError, TrustError
from edgenas.flow import trust
from edgenas.flow.run import Run
from edgenas.flow.work import Work

from .flows import OWN, Finished, edgenas, files, succeed
from .test_config import CONFIG


def named(run: Finished, to: Path, **values: Any) -> Path:
    """A copy of the run whose run.json names something else."""
    shutil.copytree(run.folder, to)
    known = json.loads((to / "run.json").read_text())
    (to / "run.json").write_text(json.dumps(known | values))
    return to


def evil(folder: Path) -> Path:
    """A file that leaves a mark when it is imported."""
    path = folder / "evil.py"
    path.write_text(f"from pathlib import Path\nPath({str(folder / 'mark')!r}).touch()\n{Path(OWN[:-8]).read_text()}")
    return path


@pytest.mark.parametrize("command", [("train",), ("verify",), ("export",), ("report", "--baselines")])
@pytest.mark.parametrize("option", ["space", "data", "distill", "origin"])
def test_nothing_is_imported_that_a_stranger_s_run_names(counted: Finished, tmp_path: Path, monkeypatch, command,
                                                         option):
    monkeypatch.chdir(tmp_path)
    path = evil(tmp_path)
    run = named(counted, tmp_path / "run", **{option: "evil:network" if option == "distill" else f"{path}:network"})
    (run / "weights.safetensors").unlink()
    name, *options = command
    before = files(run)
    said = edgenas(name, run, *options).refused(2, f"{run / 'run.json'} was not recorded on this machine", option,
                                                "evil")
    assert f"edgenas {name} {run}" in said and said.endswith("--trust")
    assert not (tmp_path / "mark").exists() and files(run) == before


def test_with_trust_it_is_imported(counted: Finished, tmp_path: Path):
    run = named(counted, tmp_path / "run", space=f"{evil(tmp_path)}:network")
    succeed("verify", run, "--trust")
    assert (tmp_path / "mark").exists()


def test_a_report_alone_imports_nothing_and_needs_no_trust(counted: Finished, tmp_path: Path):
    run = named(counted, tmp_path / "run", space=f"{evil(tmp_path)}:network")
    succeed("report", run)
    assert not (tmp_path / "mark").exists()


def test_what_a_command_named_is_trusted_later_also_when_the_folder_moves(counted: Finished, tmp_path: Path):
    succeed("verify", shutil.copytree(counted.folder, tmp_path / "moved"))


def test_a_name_means_the_code_of_the_folder_that_it_was_named_in(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("EDGENAS_RUNS", str(tmp_path / "notes"))
    for folder in ("mine", "theirs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "own.py").touch()
    for name in ("own.py:network", "own:network"):
        config = CONFIG.model_copy(update={"space": name})
        monkeypatch.chdir(tmp_path / "mine")
        trust.record(tmp_path, config)
        trust.check(tmp_path, config)
        monkeypatch.chdir(tmp_path / "theirs")
        with pytest.raises(TrustError, match=name):
            trust.check(tmp_path, config)
    notes = [json.loads(path.read_text()) for path in (tmp_path / "notes").iterdir()]
    assert [note["names"].keys() for note in notes] == [{"space"}, {"space"}]


def test_what_names_no_code_needs_no_note(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("EDGENAS_RUNS", str(tmp_path / "notes"))
    config = CONFIG.model_copy(update={"space": "mobile", "data": "digits", "distill": "supernet", "profiles": None})
    trust.record(tmp_path, config)
    trust.check(tmp_path, config)
    assert not (tmp_path / "notes").exists()


@pytest.mark.parametrize("name", ["{}:sets", "{}:no such", "{}:a-b", "{}:"])
@pytest.mark.parametrize("option", ["space", "distill", "origin"])
@pytest.mark.parametrize("folder", ["plain", "with:colon", "with\nline"])
def test_a_name_of_code_is_known_however_it_is_written(tmp_path: Path, folder: str, option: str, name: str):
    """What is imported is run before the function is looked for, so a name that is none is no way round."""
    config = CONFIG.model_copy(update={option: name.format(tmp_path / folder / "evil.py")})
    assert set(trust.resolved(config)) == {option}
    with pytest.raises(TrustError):
        trust.check(tmp_path, config)


def test_a_folder_of_data_whose_name_has_a_colon_is_no_code(tmp_path: Path):
    assert not trust.resolved(CONFIG.model_copy(update={"space": "mobile", "data": f"{tmp_path}/a:b/c", "distill": None,
                                                        "profiles": None}))
    assert trust.resolved(CONFIG.model_copy(update={"space": "mobile", "data": f"{tmp_path}/a:b/c.py:sets",
                                                    "distill": None, "profiles": None})).keys() == {"data"}


def test_profiles_elsewhere_are_neither_read_nor_written_for_a_stranger(counted: Finished, tmp_path: Path):
    run = named(counted, tmp_path / "run", profiles=str(tmp_path / "elsewhere"))
    with pytest.raises(TrustError, match=f"profiles {tmp_path / 'elsewhere'}"):
        _ = Work(Run.open(run)).target.profile
    assert not (tmp_path / "elsewhere").exists()


def test_a_home_that_cannot_be_written_stops_no_run(tmp_path: Path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("EDGENAS_RUNS", str(tmp_path / "file" / "notes"))
    run = Run.create(tmp_path / "run", CONFIG.model_copy(update={"space": OWN}), resume=False)
    run.check_trust()
    with pytest.raises(TrustError):
        Run.open(tmp_path / "run").check_trust()


def test_a_recorded_command_is_one_of_edgenas(counted: Finished, tmp_path: Path):
    with pytest.raises(RunError, match="command: .*no command of edgenas"):
        Run.open(named(counted, tmp_path / "run", command=["rm", "-rf", "~"]))
