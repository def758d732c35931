"""Programs that read images: the predictions of PyTorch on what training would have made of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgenas.errors import ExportError
from edgenas.export.package.contents import reads

from .decoding import hide, need
from .image_files import oriented, picture, saved
from .photographed import CLASSES, Photographed, digits, file, files, photographed, small, tinted
from .programs import line, needs_an_interpreter, predictor, run

GREY, COLOUR = False, True
PHOTO = saved(picture("RGB", 30, 40), "PPM")


@pytest.fixture(scope="session", params=[GREY, COLOUR], ids=["grey", "colour"])
def built(request, tmp_path_factory) -> tuple[Photographed, Path]:
    made = photographed(request.param)
    return made, made.export("binary", tmp_path_factory.mktemp("program") / "net.bin")


def found(program: Path, content: bytes, via: tuple[str, ...] = ()) -> dict:
    done = run(program, "--image", given=content, via=via)
    assert (done.returncode, done.stderr) == (0, b"")
    [line] = done.stdout.decode().splitlines()
    answer: dict = json.loads(line)
    return answer


def check_answers(made: Photographed, program: Path, contents: list[bytes], tolerance: float = 1e-4,
                  via: tuple[str, ...] = ()) -> None:
    """Logits may differ by `tolerance` of the largest one, and so may classes that are nearer to one another. Files of
    a kind that the program does not read skip the test.
    """
    need(contents[0], line(program, "--describe", via=via)["images"])
    expected = made.logits(contents)
    answers, allowed = [found(program, content, via) for content in contents], tolerance * np.abs(expected).max()
    np.testing.assert_allclose([answer["logits"] for answer in answers], expected, atol=allowed)
    chosen = [answer["class"] for answer in answers]
    assert chosen == [int(np.argmax(answer["logits"])) for answer in answers]
    assert (expected.max(1) - expected[np.arange(len(expected)), chosen] <= 2 * allowed).all()
    assert np.mean(np.array(chosen) == expected.argmax(1)) >= (1 if tolerance < 0.01 else 0.9)
    assert len(contents) < 10 or len(set(expected.argmax(1))) > 1
    shares = np.exp(expected - expected.max(1, keepdims=True))
    np.testing.assert_allclose([answer["probability"] for answer in answers], 1 / shares.sum(1), atol=10 * tolerance)
    assert [answer["label"] for answer in answers] == [CLASSES[answer["class"]] for answer in answers]


def test_it_predicts_what_pytorch_predicts(built) -> None:
    made, program = built
    contents = files(made.images.preprocessing.channels == "RGB", 20)
    check_answers(made, program, contents)
    given = np.stack([made.input(content) for content in contents])
    np.testing.assert_allclose(predictor(program)(given), made.logits(contents), atol=1e-4)


def test_images_of_every_kind_and_size(built) -> None:
    """A resized value may differ by 1 of 255, a JPEG's by more."""
    made, program = built
    colour = [tinted(image, index).resize((40 + 7 * index, 90 - 3 * index)) for index, image in enumerate(digits(12))]
    check_answers(made, program, [file(image.convert("L")) for image in colour], 0.02)
    check_answers(made, program, [file(image, "PNG") for image in colour], 0.02)
    check_answers(made, program, [oriented(image, "JPEG", 1 + index % 8) for index, image in enumerate(colour)], 0.1)


def test_it_says_what_it_reads(built) -> None:
    made, program = built
    kinds = line(program, "--describe")["images"]
    assert kinds[-2:] == ["PPM", "PGM"]
    assert json.loads(Path(f"{program}.json").read_text())["reads"]["kinds"] == kinds == list(reads(program).kinds)
    done = run(program, "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert reads(program).needs or not needs_an_interpreter(program.read_bytes())
    assert "JPEG" not in kinds or "--image                      an image file, JPEG, " in text
    assert f"float32 tensors of 1 x {len(made.images.preprocessing.mean)} x 24 x 28" in text
    assert reads(program).unread in text


def test_without_decoders_it_reads_plain_files_and_says_how_to_read_more(tmp_path: Path, monkeypatch) -> None:
    hide(monkeypatch, tmp_path)
    made = small()
    program = made.export("binary", tmp_path / "net.bin")
    check_answers(made, program, files(GREY, 5))
    assert line(program, "--describe")["images"] == ["PPM", "PGM"]
    sentence = ("it reads no JPEG and no PNG, as libjpeg and libpng for the target host were not found where it was "
                "exported: apt install libjpeg-dev libpng-dev (or brew install jpeg-turbo libpng), then export it "
                "again; give it PPM (P6) or PGM (P5)")
    assert sentence in run(program, "--help").stdout.decode()
    assert reads(program).unread == reads(program).warning == sentence
    for content in (saved(picture("RGB", 9, 9), "PNG"), saved(picture("RGB", 9, 9), "JPEG")):
        done = run(program, "--image", given=content)
        assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", f"{sentence}\n")
    done = run(program, "--image", given=b"GIF89a")
    assert done.stderr == b"the input is no image of a kind that is read: PPM (P6) or PGM (P5)\n"


@pytest.mark.parametrize(("content", "sentence"), [
    (b"", "the input is empty"), (PHOTO[:-1], "the image ends early"), (b"hello", "the input is no image"),
    (PHOTO * 2, "another image follows the first one; give one at a time"),
    (np.zeros(24 * 28 * 3, np.float32).tobytes(), "the input is no image"),
])
def test_an_image_that_it_cannot_use(built, content: bytes, sentence: str) -> None:
    done = run(built[1], "--image", given=content)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().startswith(sentence) and done.stderr.count(b"\n") == 1


def test_arguments_that_it_cannot_use(built) -> None:
    for words in (["--image", "photo.jpg"], ["--image", "--image"], ["--images"], ["photo.jpg"]):
        done = run(built[1], *words, given=PHOTO)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"cannot be used so: give no argument" in done.stderr and done.stderr.count(b"\n") == 1


def test_classes_that_are_not_the_network_s_are_refused(tmp_path: Path) -> None:
    made = photographed(GREY)
    few = replace(made, images=replace(made.images, classes=CLASSES[:3]))
    with pytest.raises(ExportError, match=r"its images and their classes need \(1, 1, 24, 28\) and \(1, 3\)"):
        few.export("binary", tmp_path / "net.bin")
    assert not any(tmp_path.iterdir())
