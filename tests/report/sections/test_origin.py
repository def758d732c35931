from __future__ import annotations

import json
import re
from html import unescape

from edgenas.report.sections.origin import origin

from ..runs import SHA, Page


def test_command_and_whole_configuration(make):
    run = make("search")
    html = origin(run)
    assert "edgenas run --data './my photos' --latency-ms 0.4" in Page(html).text
    configuration = re.search(r"<details><summary>Configuration.*?<pre>(.*?)</pre>", html, re.DOTALL)
    assert json.loads(unescape(configuration[1])) == run.config.model_dump(mode="json")


def test_the_data(make):
    page = Page(origin(make("search")))
    assert {160, 20, 40, 2, 80, 10} <= page.values
    assert SHA in page.text and "3x16x16" in page.text and "cat801020" in page.text
    assert "could not be read" not in page.text


def test_images_that_were_left_out(make):
    def edit(files):
        files["data.json"]["skipped"] = ["cat/<1>.jpg", "dog/2.jpg"]

    text = Page(origin(make("search", edit=edit))).text
    assert "2 images could not be read and were left out" in text and "cat/<1>.jpg\ndog/2.jpg" in text


def test_before_the_search(make):
    assert "described when the search begins" in Page(origin(make())).text
