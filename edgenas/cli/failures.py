"""What went wrong, whatever it was, as an error with one sentence and an exit code. Imports nothing heavy."""

from __future__ import annotations

import errno
import os
import tempfile
import time
import traceback
from pathlib import Path

from edgenas import __version__
from edgenas.errors import EdgenasError, Fault, FileError, StorageError
from edgenas.files import is_full, out_of_room, unwritable, user_folder
from edgenas.imports import blamed, failure
from edgenas.text import one_line, quoted

MEMORY_HINT = "close other programs, or ask for less: smaller images, --max-images, a smaller batch"
KEPT = 20
"""Reports of faults that are kept."""


def failure_of(error: BaseException) -> EdgenasError:
    """The error to tell the user of, for one that is none of edgenas' own."""
    if own := blamed(error):
        return own
    if isinstance(error, SystemExit):
        return failure("code that was imported", error, "take the call that ends the program out of it")
    if isinstance(error, OSError) and error.errno is not None:
        return file_failure(error)
    if isinstance(error, UnicodeError) and isinstance(getattr(error, "object", None), str | bytes):
        return FileError(f"a name or text cannot be used: {quoted(error.object)} is not UTF-8",  # type: ignore[attr-defined]
                         "rename it")
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return StorageError(f"there is not enough memory: {one_line(str(error), 200) or type(error).__name__}",
                            MEMORY_HINT)
    if full := out_of_room(error):
        return full
    if isinstance(error, RecursionError):
        return FileError("something that was given is nested too deeply", "give a flatter file or network")
    return fault(error)


def file_failure(error: OSError) -> EdgenasError:
    """Says *write* of what failed to be written and *read* of what failed to be read, as far as the system tells."""
    name = error.filename if error.filename is not None else error.filename2
    path = "" if name is None or isinstance(name, int) else os.fsdecode(name)
    if is_full(error):
        return unwritable(path or "a temporary file or the output", error)
    said = one_line(error.strerror or str(error), 200)
    if not path:
        return FileError(f"the system refused: {said}", "mend that, then run the same command again")
    shown = one_line(path, 200)
    if _was_written(path, error):
        return unwritable(shown, error)
    return FileError(f"cannot read {shown}: {said}", "check the path and its permissions")


def fault(error: BaseException) -> Fault:
    """The last resort: says so, with the traceback in a file of the user's folder."""
    what = f"this is a fault of edgenas: {type(error).__name__}: {one_line(str(error), 200)}"
    try:
        path = write_traceback(error)
    except (OSError, EdgenasError) as failed:
        return Fault(what, f"what led to it could not be written: {one_line(str(failed), 200)}")
    return Fault(what, f"please report it, with the file {path}")


def write_traceback(error: BaseException) -> Path:
    """A file of its own in EDGENAS_FAULTS, or the user's data folder, of which the newest are kept."""
    folder = user_folder("faults")
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob("fault-*.txt"))[:-KEPT + 1]:
        old.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=time.strftime("fault-%Y%m%d-%H%M%S-"), suffix=".txt", dir=folder)
    with open(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(f"edgenas {__version__}\n\n")
        stream.writelines(traceback.format_exception(error))
    return Path(name)


def _was_written(path: str, error: OSError) -> bool:
    """Whether it was a write: of a file that is there and can be read, or of one that is not, in a folder that is."""
    if error.errno not in (errno.EACCES, errno.EPERM, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ETXTBSY):
        return False
    if os.path.lexists(path):
        return error.errno != errno.EISDIR and os.access(path, os.R_OK)
    return os.access(os.path.dirname(path) or ".", os.X_OK)


