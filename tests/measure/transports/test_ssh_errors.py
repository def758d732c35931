"""What cannot be made to happen with a server on this machine; test_transport_ssh.py has the rest."""

from __future__ import annotations

import pytest

from edgenas.errors import DeviceError, LinkLost
from edgenas.measure.process import Ended
from edgenas.measure.transports._remote_script import NO_TIMEOUT
from edgenas.measure.transports._ssh_errors import disk_full, job_failed, no_answer, no_connection, no_files
from edgenas.measure.transports._ssh_options import SshOptions

PI = SshOptions("pi")


def ended(status: int, words: str) -> Ended:
    return Ended("", status=status, words=words)


@pytest.mark.parametrize(("words", "message", "passing"), [
    ("ssh: connect to host pi port 22: Connection timed out", "'pi' cannot be reached", True),
    ("ssh: connect to host pi port 22: No route to host", "'pi' cannot be reached", True),
    ("ssh: connect to host pi port 22: Connection refused", "'pi' refuses the connection", True),
    ("ssh: Could not resolve hostname pi: Name or service not known", "no host is known by the name 'pi'", True),
    ("kex_exchange_identification: read: Connection reset by peer", "'pi' closed the connection before", True),
    ("System is booting up.\nConnection closed by 10.0.0.2 port 22", "'pi' closed the connection before", True),
    ("me@pi: Permission denied (publickey).", "'pi' lets nobody in", False),
    ("No ED25519 host key is known for pi and you have requested strict checking.\nHost key verification failed.",
     "ssh does not know the host key of 'pi'", False),
    ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
     "the host key of 'pi' is another than", False),
    ("something\n new", "ssh to 'pi' failed: something new", False),
    ("", "ssh to 'pi' failed: it ended with exit status 255", False),
])
def test_only_what_may_pass_is_tried_again_and_only_if_the_device_was_there_before(words, message, passing):
    first, again = (no_connection(PI, ended(255, words), met) for met in (False, True))
    assert first.message == again.message and first.message.startswith(message)
    assert first.hint and not isinstance(first, LinkLost)
    assert isinstance(again, LinkLost) is passing


def test_a_device_without_timeout_is_told_so():
    assert no_connection(PI, ended(NO_TIMEOUT, ""), False).message == "'pi' has no program 'timeout'"


def test_one_that_does_not_answer_may_come_back():
    assert type(no_answer(PI, 70, False)) is DeviceError
    assert isinstance(no_answer(PI, 70, True), LinkLost)


@pytest.mark.parametrize(("status", "words", "message"), [
    (255, "", "the connection to 'pi' broke"),
    (-9, "", "the connection to 'pi' broke"),
    (127, "sh: exec: tar: not found", "'pi' has no program 'tar'"),
    (2, "tar: a: Cannot write: No space left on device", "the disk of 'pi' is full: the files take 9 KiB under '/tmp', "
     "and 5 KiB are free"),
    (2, "tar: damaged\ntar: giving up", "the files could not be unpacked on 'pi': tar: giving up"),
])
def test_files_that_do_not_arrive(status, words, message):
    assert no_files(PI, ended(status, words), 9, 5).message == message


def test_a_disk_that_does_not_tell_its_space():
    assert disk_full(PI, 9, None).message.endswith("the files take 9 KiB under '/tmp', and less than that is free")


def test_another_program_that_is_missing_is_not_the_python():
    error = job_failed(PI, ended(127, "not found"), "./runner")
    assert (error.message, error.hint) == ("'pi' has no program './runner'", "")
