from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgenas.measure.transports._remote_script import Place, job_script, read_place, word

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT | st.text("'\"\\$`;&|<>()*?[]~!#= \n\t-", max_size=12), max_size=5))
def test_words_are_words_whatever_is_in_them(texts):
    texts = [text for text in texts if not text.startswith("~/")]
    shown = subprocess.run(["sh", "-c", " ".join(["printf '%s\\0'", *map(word, texts), "''"])], capture_output=True,
                           check=True).stdout.decode()
    assert shown.split("\0")[:-1] == [*texts, ""]


@pytest.mark.parametrize("name", ["venv/bin/python", "it's $(here)"])
def test_home_is_the_devices(name):
    shown = subprocess.run(["sh", "-c", f"printf %s {word(f'~/{name}')}"], capture_output=True, text=True,
                           env={"HOME": "/home/a b"}).stdout
    assert shown == f"/home/a b/{name}"


def test_no_word_of_a_job_stands_unquoted_in_its_script():
    script = job_script("t", "/tmp/$a", ("./a b", "$(c)"), 5, ["/tmp/edgenas-x y"])
    assert "timeout -s KILL 5 './a b' '$(c)' <" in script
    assert "mktemp -d '/tmp/$a'/edgenas-XXXXXX" in script
    assert "\nsweep '/tmp/edgenas-x y'\n" in script and "rm -rf '/tmp/edgenas-x y'\n" in script


@pytest.mark.parametrize(("line", "place"), [
    ("t 12 /tmp/edgenas-aB3", Place("/tmp/edgenas-aB3", 12)),
    ("t 12 /my folder/edgenas-aB3", Place("/my folder/edgenas-aB3", 12)),
    ("t 12 /edgenas-aB3", Place("/edgenas-aB3", 12)),
    ("t  /tmp/edgenas-aB3", Place("/tmp/edgenas-aB3", None)),
    ("t - /tmp/edgenas-aB3", Place("/tmp/edgenas-aB3", None)),
    ("t -4 /tmp/edgenas-aB3", Place("/tmp/edgenas-aB3", None)),
    ("u 12 /tmp/edgenas-aB3", None),
    ("t 12 /", None),
    ("t 12 /home", None),
    ("t 12 tmp/edgenas-aB3", None),
    ("t 12 /tmp/edgenas-a/..", None),
    ("welcome", None),
])
def test_a_place_is_a_folder_of_our_own(line, place):
    assert read_place(line, "t") == place
