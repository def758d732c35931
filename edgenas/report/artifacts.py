"""The exported files and what was found of each."""

from __future__ import annotations

from pathlib import PurePath

from edgenas.report.contents import Contents
from edgenas.report.markup import Html, figure, not_done, note, section, table, tag
from edgenas.report.records import VerifiedArtifact
from edgenas.report.units import STATISTIC_MEANINGS, amount, bare, percent

TITLE = "Artifacts"
HEAD = ("format", "runtime", "file", "KiB", "SHA-256", "max abs", "agreement")
VERIFIED_HEAD = (*HEAD, "test accuracy", "latency, measured", "spread")


def artifacts(run: Contents) -> Html:
    if run.verdict is None:
        return section("artifacts", TITLE, *exported(run))
    statistic, bound = run.verdict.statistic, run.verdict.bound
    return section(
        "artifacts", TITLE, table(VERIFIED_HEAD, [row(artifact) for artifact in run.verdict.artifacts]),
        note("Max abs: the largest difference from PyTorch in any output. Agreement: share of images with "
             "PyTorch's prediction. Both, and the accuracy, are of the file itself on the whole test part. "
             "Latency: "
             f"{statistic} ({STATISTIC_MEANINGS[statistic]}), the median of several measurements in new "
             "sessions; spread: their range over that median. The budgets bind the "
             f"{bound.format} file in {bound.runtime}."))


def row(artifact: VerifiedArtifact) -> list[str]:
    latency, spread = artifact.measured_latency_ms, artifact.spread
    return [artifact.format, artifact.runtime, file_name(artifact.path), bare(artifact.bytes / 1024),
            digest(artifact.sha256), figure(artifact.max_abs, f"{artifact.max_abs:.2g}"),
            percent(artifact.agreement), percent(artifact.test_accuracy),
            amount("latency_ms", latency) if latency is not None else "not on this device",
            percent(spread, 1) if spread is not None else ""]


def exported(run: Contents) -> list[Html]:
    """What is known of files before they are verified."""
    if run.manifest is None or not run.manifest.artifacts:
        phase = "train" if run.training is None else "export"
        return [not_done("Nothing is exported yet:",
                         run.search_command if run.decoding is None else run.command(phase))]
    rows = [[a.format, a.runtime, file_name(a.path), bare(a.bytes / 1024), digest(a.sha256),
             figure(a.max_abs, f"{a.max_abs:.2g}"), percent(a.agreement)] for a in run.manifest.artifacts]
    return [table(HEAD, rows),
            note("Max abs and agreement: compared with PyTorch on validation images."),
            not_done("Accuracy and latency of these files are not verified yet:", run.command("verify"))]


def file_name(path: str) -> Html:
    return tag("span", PurePath(path).name, title=path)


def digest(sha256: str) -> Html:
    return tag("code", sha256[:12], title=sha256)
