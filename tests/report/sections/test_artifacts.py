from __future__ import annotations

from edgenas.report.sections.artifacts import artifacts

from ..runs import PHASES, SHA, Page


def test_every_artifact_with_its_figures(finished):
    page = Page(artifacts(finished))
    assert [value for value, _ in page.figures] == [
        52345 / 1024, 2.345e-06, 0.975, 0.8125, 0.3834, 0.0123, 50011 / 1024, 1.2e-06, 1.0, 0.8]
    assert f"model.onnx51.12{SHA[:12]}2.3e-0697.50%81.25%0.3834 ms1.2%" in page.text
    assert SHA[:13] not in page.text
    assert "not on this device" in page.text
    assert "The budgets bind the fp32 onnx file in mock" in page.text and "median_of_minima" in page.text


def test_exported_files_are_shown_before_they_are_verified(make):
    run = make("search", "train", "export")
    page = Page(artifacts(run))
    assert page.values == {52345 / 1024, 3.456e-06, 0.95}
    assert run.command("verify") in page.text and "validation images" in page.text


def test_nothing_is_exported_yet(make):
    run = make("search", "train")
    assert f"Nothing is exported yet: {run.command('export')}" in Page(artifacts(run)).text
    run = make("search")
    assert f"Nothing is exported yet: {run.command('train')}" in Page(artifacts(run)).text


def test_files_of_other_targets_are_shown_apart(make):
    def edit(files):
        first = files["artifacts/manifest.json"]["artifacts"][0]
        other = {**first, "path": "model-pi.so", "sha256": "f" * 64, "target": "aarch64-linux-gnu"}
        files["artifacts/manifest.json"]["artifacts"].append(other)

    page = Page(artifacts(make(*PHASES, edit=edit)))
    assert page.text.count("model.onnx") == 1 and page.text.count("model-pi.so") == 1
    assert "aarch64-linux-gnu" in page.text and "not verified yet" not in page.text


def test_a_file_exported_since_is_not_verified(make):
    def edit(files):
        files["artifacts/manifest.json"]["artifacts"][0]["sha256"] = "f" * 64

    run = make(*PHASES, edit=edit)
    assert f"not verified yet: {run.command('verify')}" in Page(artifacts(run)).text
