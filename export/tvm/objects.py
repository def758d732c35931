"""Object files of TVM's, made in memory: LLVM ends the whole process where the disk that it writes to is full.

Only what Python or the linker writes goes to a disk, and both say what fails. An object holds the weights; it takes as
much memory as they do, once, for as long as it is linked.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from edgenas.export.tvm.target import Compiler, linker
from edgenas.memory_files import in_memory

OBJECTS = ("lib0.o", "devc.o")
"""What `export_library` of TVM writes to its workspace: the kernels; the program, with the weights."""


def write_object(module: Any, path: Path) -> None:
    """The object file of a TVM module. Raises: OSError when it cannot be written."""
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder, in_memory(Path(folder), [path.name]):
        module.write_to_file(str(Path(folder) / path.name), "o")
        path.write_bytes((Path(folder) / path.name).read_bytes())


def write_library(library: Any, chosen: Compiler, path: Path) -> None:
    """A compiled module as a shared library. Raises: as tvm_target.linker() does; OSError."""
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder, in_memory(Path(folder), OBJECTS):
        library.export_library(str(path), fcompile=linker(chosen), workspace_dir=folder)
