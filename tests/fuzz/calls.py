"""One call drawn from a number: a command line, and files that are nearly right."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fuzz import corpus
from fuzz.mutation import VALUES, copied, mutate

QUICK = ("--data", "digits", "--max-images", "60", "--device", "mock", "--strategy", "random", "--search-epochs", "1",
         "--train-epochs", "1", "--set", "search.trials=0", *corpus.SPACE)
OPTIONS = {
    "run": ["--latency-ms", "--budget", "--set", "--data", "--device", "--space", "--strategy", "--threads", "--seed",
            "--search-epochs", "--train-epochs", "--image-size", "--max-images", "--precision", "--runtime", "--out",
            "--format", "--accelerator", "--statistic", "--distill", "--seeds", "--try", "--max-drop", "--profiles"],
    "profile": ["--data", "--device", "--space", "--set", "--threads", "--precision", "--operators", "--probes",
                "--budget-minutes", "--transfer-from", "--profiles", "--image-size"],
    "spaces show": ["--set", "--input-shape", "--classes", "--target", "--precision"],
    "predict": ["--device", "--runtime", "--precision", "--threads", "--profiles"],
    "export": ["--format", "--precision", "--target", "--cpu", "--max-drop", "--bundle", "--data", "--weights",
               "--mean", "--std", "--image-size", "--max-images", "--device", "--out", "--from",
               "--set"],
}
CODES = tuple(f"{name}.py:build" for name in corpus.CODE)


@dataclass
class Call:
    """arguments: of the command line. done: what was made wrong, for people."""

    arguments: list[str]
    done: list[str] = field(default_factory=list)


def drawn(number: int, folder: Path, files: Path) -> Call:
    """Call `number` of the fuzz, whose files are put into `folder`; `files` is the corpus."""
    draw = random.Random(number)
    corpus.home_of(files, folder)
    kind = draw.choices(list(KINDS), [weight for _, weight in KINDS.values()])[0]
    call = KINDS[kind][0](draw, folder, files)
    call.arguments += draw.choice([[], [], ["--json"]])
    call.done.insert(0, kind)
    return call


def _wrong(draw: random.Random, folder: Path, files: Path, name: str) -> list[str]:
    """Put a file or folder of the corpus into `folder`, and make it wrong (one in ten stays right)."""
    copied(files / name, folder / name)
    return [mutate(folder / name, draw) for _ in range(draw.choice([1, 1, 1, 2]))] if draw.random() < 0.9 else []


def _file(command: list[str], *names: str) -> Callable[[random.Random, Path, Path], Call]:
    def call(draw: random.Random, folder: Path, files: Path) -> Call:
        name = draw.choice(names)
        return Call([*command, name], _wrong(draw, folder, files, name))

    return call


def _run_folder(draw: random.Random, folder: Path, files: Path) -> Call:
    command = draw.choice([["report"], ["verify"], ["train"], ["export"], ["inspect"],
                           ["export", "--bundle", "out.zip", "--format", "onnx"]])
    return Call([command[0], "run", *command[1:]], _wrong(draw, folder, files, "run"))


def _profile_file(draw: random.Random, folder: Path, files: Path) -> Call:
    done = [mutate(folder / "home/profiles", draw)]
    copied(files / "net.onnx", folder / "net.onnx")
    return Call(draw.choice([["predict", "net.onnx", "--device", "host"], ["devices", "show", "host"],
                             ["profile", "--data", "digits", "--max-images", "60", "--device", "mock", *corpus.SPACE],
                             ["spaces", "show", "mobile", "--target", "mock"]]), done)


def _device(draw: random.Random, folder: Path, files: Path) -> Call:
    name = draw.choice(["device.toml", "device.toml", "board.toml"])
    done = _wrong(draw, folder, files, name)
    command = draw.choice([["devices", "show", name], ["devices", "check", name],
                           ["profile", "--data", "digits", "--max-images", "60", *corpus.SPACE, "--device", name]])
    return Call(command, done)


def _data(draw: random.Random, folder: Path, files: Path) -> Call:
    name = draw.choice(["data.npz", "data.npz", "photos", "table"])
    done = _wrong(draw, folder, files, name)
    skip = draw.choice([[], ["--on-bad-image", "skip"]])
    return Call(["search", *QUICK, "--data", name, "--budget", "macs=80%", "--out", "out", *skip], done)


def _foreign(draw: random.Random, folder: Path, files: Path) -> Call:
    for name in ("net.py", *(f"{n}.py" for n in corpus.CODE)):
        copied(files / name, folder / name)
    origin = draw.choice(["net.py:build", *CODES])
    arguments = ["export", "--from", origin, "--data", "digits", "--max-images", "60", "--format", "onnx",
                 "--out", "out", "--device", "mock"]
    done = [origin]
    if origin == "net.py:build":
        done += _wrong(draw, folder, files, "weights.safetensors")
        arguments += ["--weights", "weights.safetensors"]
    return Call(arguments, done)


def _named_code(draw: random.Random, folder: Path, files: Path) -> Call:
    for name in corpus.CODE:
        copied(files / f"{name}.py", folder / f"{name}.py")
    code = draw.choice(CODES)
    option = draw.choice(["--space", "--data", "--distill"])
    return Call(["run", *QUICK, "--latency-ms", "80%", option, code, "--out", "out"], [option, code])


def _options(draw: random.Random, folder: Path, files: Path) -> Call:
    """A right command with one to three values that are odd, or options that do not belong to it."""
    command = draw.choice([*OPTIONS, "run", "run"])
    base = {"run": [*QUICK, "--latency-ms", "80%", "--out", "out"], "spaces show": ["mobile"], "predict": ["net.onnx"],
            "profile": ["--data", "digits", "--max-images", "60", "--device", "mock", *corpus.SPACE],
            "export": ["--from", "net.py:build", "--data", "digits", "--max-images", "60", "--device", "mock",
                       "--out", "out", "--format", "onnx"]}[command]
    for name in ("net.onnx", "net.py", "weights.safetensors"):
        copied(files / name, folder / name)
    given = [word for _ in range(draw.choice([1, 1, 2, 3]))
             for word in (draw.choice(OPTIONS[command]), draw.choice(VALUES))]
    return Call([*command.split(), *base, *given], given)


def _soup(draw: random.Random, folder: Path, files: Path) -> Call:
    words = [w for c, options in OPTIONS.items() for w in (*c.split(), *options)]
    words += ["devices", "check", "inspect", "-h"]
    return Call([draw.choice(words + VALUES) for _ in range(draw.randrange(1, 7))])


KINDS: dict[str, tuple[Callable[[random.Random, Path, Path], Call], int]] = {
    "predict": (_file(["predict", "--device", "host"], "net.onnx"), 6),
    "inspect": (_file(["inspect"], "net.onnx", "net.tflite", "bundle.zip", "weights.safetensors"), 6),
    "run folder": (_run_folder, 10), "profile": (_profile_file, 4), "device": (_device, 8), "data": (_data, 8),
    "network": (_foreign, 5), "code": (_named_code, 3), "options": (_options, 12), "words": (_soup, 4)}
