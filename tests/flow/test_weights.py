from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from edgenas.errors import UsageError
from edgenas.flow.weights import read_weights

TENSORS = {"conv.weight": torch.ones(2, 3), "conv.bias": torch.zeros(2)}


@pytest.mark.parametrize("saved", [TENSORS, {"state_dict": TENSORS, "epoch": 3}, {"model": TENSORS},
                                   {f"module.{key}": value for key, value in TENSORS.items()}])
def test_state_dicts_of_torch_save_are_read_however_training_scripts_keep_them(tmp_path: Path, saved: object) -> None:
    torch.save(saved, tmp_path / "w.pt")
    found = read_weights(tmp_path / "w.pt")
    assert found.keys() == TENSORS.keys() and all(torch.equal(found[key], value) for key, value in TENSORS.items())


def test_state_dicts_of_older_versions_of_torch_are_read_and_their_code_is_not_run_either(tmp_path: Path) -> None:
    torch.save(TENSORS, tmp_path / "w.pt", _use_new_zipfile_serialization=False)
    assert torch.equal(read_weights(tmp_path / "w.pt")["conv.weight"], TENSORS["conv.weight"])
    torch.save({"w": Evil()}, tmp_path / "evil.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(UsageError, match="holds more than tensors"):
        read_weights(tmp_path / "evil.pt")
    assert not Path("harmed").exists()


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "w.safetensors")
    assert torch.equal(read_weights(tmp_path / "w.safetensors")["conv.weight"], TENSORS["conv.weight"])


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return open, ("harmed", "w")


@pytest.mark.parametrize(("saved", "words"), [
    ({"state_dict": TENSORS, "more": Evil()}, "holds more than tensors"), ([1, 2], "holds a list"),
    ({"epoch": 3}, "holds a dict"), (torch.ones(2), "holds a Tensor")])
def test_what_is_no_state_dict_is_refused_and_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved: object,
                                                        words: str) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(saved, "w.pt")
    with pytest.raises(UsageError, match=words):
        read_weights(Path("w.pt"))
    assert not Path("harmed").exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"no weights")
    with pytest.raises(UsageError, match="is no safetensors file"):
        read_weights(tmp_path / "w")
    with pytest.raises(UsageError, match="there is no file"):
        read_weights(tmp_path / "none")
