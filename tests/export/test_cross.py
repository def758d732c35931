"""Files for other processors, run under QEMU: the predictions of PyTorch on real images."""

from __future__ import annotations

import platform
import shutil
import struct

import numpy as np
import pytest

from edgenas.errors import EdgenasError
from edgenas.export.package.contents import reads
from edgenas.export.tvm.target import CROSS, compiler

from .image_files import jpeg_files
from .photographed import Photographed, files, photographed
from .programs import predictor, run
from .test_image_programs import check_answers

MACHINES = {"aarch64": 183, "armv7": 40, "riscv64": 243, "x86-64": 62}
BITS = {"armv7": 1}
FOLDERS = {"aarch64": "aarch64-linux-gnu", "armv7": "arm-linux-gnueabihf", "riscv64": "riscv64-linux-gnu"}
HERE = {"x86_64": "x86-64", "aarch64": "aarch64"}.get(platform.machine(), "")
COLOUR, COUNT = True, 100
pytestmark = pytest.mark.board  # what is built for this machine is in test_image_programs.py and test_to_library.py


@pytest.fixture(scope="module", params=[*CROSS, "aarch64:cortex-a72"])
def target(request) -> str:
    try:
        compiler(request.param)
    except EdgenasError as error:
        pytest.skip(f"{error.message}: {error.hint}")
    return str(request.param)


@pytest.fixture(scope="module")
def emulated(target: str, tmp_path_factory) -> tuple[str, ...]:
    """What to write before a dynamically linked program for the target."""
    family = target.partition(":")[0]
    if family == HERE:
        return ()
    qemu = {"armv7": "arm"}.get(family, family)
    found = shutil.which(f"qemu-{qemu}-static") or shutil.which(f"qemu-{qemu}")
    if found is None:
        pytest.skip(f"no emulator of {qemu} here: apt install qemu-user-static")
    return found, "-L", f"/usr/{FOLDERS[family]}"


@pytest.fixture(scope="module")
def made() -> Photographed:
    return photographed(COLOUR)


@pytest.mark.parametrize("format", ["binary", "library"])
def test_it_predicts_what_pytorch_predicts(format: str, made: Photographed, target: str, emulated, tmp_path) -> None:
    file = made.export(format, tmp_path / {"binary": "net.bin", "library": "net_c.so"}[format], target)
    family = target.partition(":")[0]
    head = file.read_bytes()[:20]
    assert (head[4], struct.unpack_from("<H", head, 18)[0]) == (BITS.get(family, 2), MACHINES[family])
    program = file if format == "binary" else file.with_suffix(".run")
    contents = files(COLOUR, COUNT)
    given, expected = np.stack([made.input(content) for content in contents]), made.logits(contents)
    found = predictor(program, emulated, signature=file)(given)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert (found.argmax(1) == expected.argmax(1)).all() and len(set(found.argmax(1))) > 1
    check_answers(made, program, contents if family == "aarch64" else contents[:10], via=emulated)
    refused = run(program, "--image", given=contents[0][:-1], via=emulated)
    assert (refused.returncode, refused.stderr) == (2, b"the image ends early\n")
    images = [content for _, content in jpeg_files()][:2]
    if "JPEG" not in reads(file).kinds:
        refused = run(program, "--image", given=images[0], via=emulated)
        assert (refused.returncode, refused.stderr.decode()) == (2, f"{reads(file).unread}\n")
        pytest.skip(reads(file).unread)
    check_answers(made, program, images, 0.1, via=emulated)
