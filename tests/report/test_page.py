from __future__ import annotations

import re
import sys

import pytest

from edgenas.errors import RunError, UsageError
from edgenas.flow.run import Run
from edgenas.report.page import write_report

from .runs import PHASES, Page, files_after, write

SECTIONS = ["headline", "funnel", "plane", "network", "curves", "artifacts", "cost-model", "conditions",
            "origin"]
NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def report(folder, *phases, edit=lambda files: None) -> Page:
    files = files_after(*phases)
    edit(files)
    path = write_report(Run.open(write(folder, files)))
    assert path == folder / "report.html"
    return Page(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("done", range(len(PHASES) + 1))
def test_every_section_is_there_after_every_phase(tmp_path, done):
    page = report(tmp_path, *PHASES[:done])
    assert [key for key in page.sections if key] == SECTIONS
    assert all(len(text) > 20 for key, text in page.sections.items() if key)
    missing = [phase for phase in PHASES if f"{phase} not done" in page.sections["headline"]]
    assert missing == list(PHASES[done:])


def test_the_page_loads_nothing(tmp_path):
    page = report(tmp_path, *PHASES)
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed", "base", "form"}
    assert not [tag for tag, attributes in page.tags if {"src", "href", "srcset", "action"} & set(attributes)]
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    assert "url(" not in style and "@import" not in style
    policy = next(a for _, a in page.tags if "http-equiv" in a)
    assert policy["http-equiv"] == "Content-Security-Policy" and "default-src 'none'" in policy["content"]
    assert "http" not in policy["content"] and "*" not in policy["content"]


def test_plotly_is_inlined_once_and_draws_every_plot(tmp_path):
    page = report(tmp_path, *PHASES)
    library, drawing = page.scripts
    assert len(library) > 1_000_000 and "Plotly" in library
    assert "Plotly.react" in drawing and "data-spec" not in drawing
    assert len(page.plots) == 8


def test_nothing_that_a_user_named_becomes_markup(tmp_path):
    def edit(files):
        files["run.json"].update(data=NASTY, command=["edgenas", "run", "--data", NASTY],
                                 device=f"{NASTY}.toml", profiles=NASTY)
        data = files["data.json"]
        data.update(name=NASTY, source=NASTY, classes=[NASTY, "dog"], skipped=[NASTY])
        for counts in data["per_class"].values():
            counts[NASTY] = counts.pop("cat")
        files["baselines.json"][NASTY] = {"skipped": NASTY}
        files["baselines.json"]["random_2"] = {**files["baselines.json"]["random_1"]}
        files["verify.json"]["artifacts"][0]["path"] = NASTY

    page = report(tmp_path, *PHASES, edit=edit)
    assert len(page.scripts) == 2 and not any("alert(" in script for script in page.scripts[1:])
    assert "img" not in {tag for tag, _ in page.tags}
    assert not [a for _, a in page.tags if any(name.startswith("on") for name in a)]
    for section in ("headline", "plane", "conditions", "origin"):
        assert NASTY in page.sections[section], section


def numbers(value) -> set[float]:
    if isinstance(value, dict):
        return set().union(*(numbers(v) for v in value.values()), set())
    if isinstance(value, list):
        return set().union(*(numbers(v) for v in value), set())
    return {float(value)} if isinstance(value, int | float) and not isinstance(value, bool) else set()


def test_all_figures_are_the_files_figures(tmp_path):
    page = report(tmp_path, *PHASES)
    files = files_after(*PHASES)
    artifacts = files["verify.json"]["artifacts"]
    layers = [layer["predicted"]["latency_ms"] for layer in files["decoding.json"]["layers"]]
    derived = {a["bytes"] / 1024 for a in artifacts} | {v / sum(layers) for v in layers}
    derived |= {0.4 / 1.023, sum(layers), len(files["data.json"]["classes"])}
    assert page.values <= numbers(files) | derived
    for name in ("verify.json", "baselines.json"):
        hidden = {1234567, 23456, 0.75, 3, 1111111, 22222} if name == "baselines.json" else set()
        assert numbers(files[name]) <= page.values | {a["bytes"] for a in artifacts} | hidden


def test_what_is_read_is_the_value_rounded(tmp_path):
    for value, text in report(tmp_path, *PHASES).figures:
        shown = re.fullmatch(r"(-?[\d.,]+(?:e[+-]\d+)?)(%?)(?: \w+)?", text)
        read = float(shown[1].replace(",", "")) / (100 if shown[2] else 1)
        assert read == pytest.approx(value, rel=0.03, abs=0.005 if shown[2] else 0), text


def test_the_page_is_replaced_when_written_again(tmp_path):
    first = report(tmp_path, "search")
    second = report(tmp_path, *PHASES)
    assert "not verified" in first.text and "not verified" not in second.text
    assert not list(tmp_path.glob(".report*"))


def test_without_plotly_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    run = Run.open(write(tmp_path, files_after(*PHASES)))
    with pytest.raises(UsageError, match="'plotly'"):
        write_report(run)
    assert not (tmp_path / "report.html").exists()


def test_a_damaged_file_is_refused_by_name(tmp_path):
    run = Run.open(write(tmp_path, files_after(*PHASES) | {"train.json": {}}))
    with pytest.raises(RunError, match="train.json"):
        write_report(run)
