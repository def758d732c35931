"""What is run in the device's own shell (POSIX: dash, bash, busybox) so that a job has a folder of its own there, is
limited in time, and ends with the connection.

The script of a job says where its folder is, waits for a line that says that the files are there, and runs the command.
As long as that runs, the script's input is a tether: its end means that the connection is gone, and ends the command.
However the script ends, its folder is removed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

NO_FOLDER, NO_TIMEOUT = 90, 91
"""Exit statuses of a script that could not begin."""
LONGEST = 5000
"""Characters of a line that names a folder."""
OWN_255 = 254
"""In place of a command's exit status 255, which is what ssh gives when the connection broke."""

JOB = """\
umask 077
sweep() {{
    found=
    for process in /proc/[0-9]*; do
        case $(readlink "$process/cwd") in "$1"*) kill -9 "${{process#/proc/}}" && found=1 ;; esac
    done
    [ -z "$found" ] || sweep "$1"
}} 2>/dev/null
{after_a_break}command -v timeout >/dev/null || exit {no_timeout}
folder=$(mktemp -d {root}/edgenas-XXXXXX) && folder=$(cd "$folder" && pwd -P) || exit {no_folder}
job=
stop() {{ kill -9 -$job || kill -9 $job; }} 2>/dev/null
leave() {{
    [ -z "$job" ] || stop
    cd /
    # Killing toybox's timeout (Android) leaves what it started, which is in a group of its own.
    [ -z "$job" ] || [ "${{status-137}}" != 137 ] || sweep "$folder"
    rm -rf "$folder" || {{ sleep 1; rm -rf "$folder"; }}
}}
trap leave EXIT
trap 'exit 129' HUP INT PIPE TERM
echo {token} "$(df -P -k "$folder" | tail -n 1 | tr -s " " | cut -d " " -f 4)" "$folder"
read -r go || exit 1
cd "$folder/job" || exit 1
exec 3<&0
$(command -v setsid) timeout -s KILL {limit_s} {command} <../stdin 3<&- &
job=$!
(while read -r line; do :; done; stop) <&3 >/dev/null 2>&1 &
tether=$!
exec 3<&-
wait $job
status=$?
kill $tether 2>/dev/null
[ $status != 255 ] || status={own_255}
exit $status
"""
AFTER_A_BREAK = """\
sweep {folder}
rm -rf {folder}
"""
"""The device may not have noticed yet that a connection broke: what still runs would disturb what comes next."""


def job_script(token: str, root: str, command: Sequence[str], limit_s: int, left: Sequence[str] = ()) -> str:
    """root: under which the job's folder is made; it and the program may begin with `~/`. left: folders of jobs whose
    connection broke.
    """
    words = [word(command[0]), *map(shlex.quote, command[1:])]
    return JOB.format(token=token, root=word(root), command=" ".join(words), limit_s=limit_s,
                      after_a_break="".join(AFTER_A_BREAK.format(folder=shlex.quote(folder)) for folder in left),
                      no_timeout=NO_TIMEOUT, no_folder=NO_FOLDER, own_255=OWN_255)


def unpack_script(folder: str, limit_s: int) -> str:
    return f"cd {shlex.quote(folder)} && LC_ALL=C exec timeout -s KILL {limit_s} tar -x -m -f -"


def word(text: str) -> str:
    """One word for the shell, whatever is in it; only a leading `~/` means the home folder."""
    return '"$HOME"/' + shlex.quote(text[2:]) if text.startswith("~/") else shlex.quote(text)


@dataclass(frozen=True)
class Place:
    """Where a job's files go, and the space there: KiB, None if the device does not say."""

    folder: str
    free_kib: int | None


def read_place(line: str, token: str) -> Place | None:
    """The place that a job's script names; None for other lines, which a login shell may print."""
    found = re.fullmatch(rf"{token} (\S*) ((?:/.*)?/edgenas-\w+)", line[:LONGEST])
    if found is None or not found[2].isprintable():
        return None
    return Place(found[2], int(found[1]) if re.fullmatch(r"\d{1,18}", found[1]) else None)
