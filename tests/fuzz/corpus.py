"""Right inputs of every kind, small, made once: what the fuzz then makes wrong."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

NETWORK = '''
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))
'''
DEVICE = 'name = "mine"\ndescription = "A board"\ntransport = "local"\nruntimes = ["mock"]\nthreads = 1\n'
BOARD = ('name = "board"\ndescription = "Over ssh"\ntransport = "ssh"\nruntimes = ["onnxruntime"]\nthreads = 1\n'
         '[options]\nhost = "127.0.0.1"\nport = 1\n')
CODE = {
    "raises": "raise RuntimeError('no')", "exits": "import sys\nsys.exit(0)", "syntax": "def build(:",
    "none": "build = 3", "null": "def build():\n    return None", "late": "def build():\n    raise SystemExit",
    "deep": "def build():\n    return build()", "nul": "\0",
    "text": "def build(*a, **k):\n    raise ValueError('\\x1b[2J' + 'x' * 100000)",
}
SPACE = ("--set", "space.width=0.5", "--set", "space.depth=1")
SMALL = ("--data", "digits", "--max-images", "60", "--device", "mock", "--strategy", "random", "--train-epochs", "1",
         "--set", "search.trials=0", *SPACE)


def make(folder: Path) -> int:
    """Write the corpus into `folder`, by edgenas' own commands where they write such files. Returns an exit code."""
    from edgenas.cli.app import run

    _data(folder)
    _texts(folder)
    runs: Sequence[Sequence[str]] = (
        ("run", *SMALL, "--latency-ms", "80%", "--format", "onnx", "--format", "tflite", "--out", "run"),
        ("export", "run", "--format", "onnx", "--format", "tflite", "--bundle", "bundle.zip"))
    for arguments in runs:
        if code := run([*arguments]):
            return code
    # Single operators for `predict`; refused at its end, as whole networks would take longer than they are worth here.
    run(["profile", "--device", "host", "--data", "digits", "--max-images", "60", *SPACE, "--operators", "8",
         "--budget-minutes", "0.02"])
    for suffix in ("onnx", "tflite"):
        for path in (folder / "run/artifacts").glob(f"*.{suffix}"):
            shutil.copy(path, folder / f"net.{suffix}")
    shutil.copy(folder / "run/weights.safetensors", folder / "weights.safetensors")
    return 0


def _data(folder: Path) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 255, (60, 12, 12, 3), dtype=np.uint8), np.arange(60) % 3
    np.savez(folder / "data.npz", x_train=images, y_train=labels, x_test=images[:12], y_test=labels[:12])
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / f"photos/class{label}/{i}.{'png' if i % 2 else 'jpg'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    cells = [{"bytes": p.read_bytes(), "path": p.name} for p in sorted((folder / "photos").rglob("*.*"))]
    (folder / "table").mkdir()
    table = pa.table({"image": cells, "label": [i % 3 for i in range(len(cells))]})
    pq.write_table(table, folder / "table/train.parquet")


def _texts(folder: Path) -> None:
    (folder / "device.toml").write_text(DEVICE)
    (folder / "board.toml").write_text(BOARD)
    (folder / "net.py").write_text(NETWORK)
    for name, code in CODE.items():
        (folder / f"{name}.py").write_text(code + "\n")


def home_of(folder: Path, call: Path) -> None:
    """Give a call the profiles, and what else is kept for a user, that the corpus was made with."""
    for name in ("profiles", "data"):
        if (folder / "home" / name).exists():
            shutil.copytree(folder / "home" / name, call / "home" / name, dirs_exist_ok=True)


def described(folder: Path) -> str:
    names = sorted(p.name for p in folder.iterdir() if p.name not in ("home", "tmp"))
    return json.dumps(names) + f" in {os.fspath(folder)}"
