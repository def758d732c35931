"""The exported files and what was found of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from edgenas.export.check.findings import described
from edgenas.export.package import manifest
from edgenas.flow.parity import HOST
from edgenas.flow.records import Verdict, VerifiedArtifact
from edgenas.report.contents import Contents
from edgenas.report.markup import Html, figure, not_done, note, section, table, tag
from edgenas.report.rounding import rounding
from edgenas.report.section import Section
from edgenas.report.units import STATISTIC_MEANINGS, amount, bare, percent

HEAD = ("format", "precision", "runtime", "file", "KiB", "SHA-256", "max abs", "agreement")
VERIFIED_HEAD = (*HEAD, "test accuracy", "latency, measured", "spread", "in the file")


def artifacts(run: Contents) -> Html:
    exported = run.manifest.artifacts if run.manifest else ()
    known = {artifact.sha256 for artifact in run.verdict.artifacts} if run.verdict else set()
    rest = [artifact for artifact in exported if artifact.sha256 not in known]
    said = [measured(run.verdict, {a.sha256: described(a.gates) for a in exported})] if run.verdict else []
    if rest:
        said.append(unverified(run, rest))
    elif not said:
        said.append(not_done("Nothing is exported yet", run.command("export" if run.training else "train")))
    return section("artifacts", "Artifacts", *said, *rounding(exported))


def measured(verdict: Verdict, looked: Mapping[str, str]) -> Html:
    """looked: what was found in a file, by its SHA-256."""
    statistic, bound = verdict.statistic, verdict.bound
    rows = [[*row(artifact), looked.get(artifact.sha256, "")] for artifact in verdict.artifacts]
    return tag("div", table(VERIFIED_HEAD, rows), note(
        "Max abs: the largest difference from PyTorch in any output. Agreement: share of images with "
        "PyTorch's prediction. Both, and the accuracy, are of the file itself on the whole test part. "
        f"Latency: {statistic} ({STATISTIC_MEANINGS[statistic]}), the median of several measurements in new "
        f"sessions; spread: how far those lie apart. The budgets bind the {bound.precision} {bound.format} file in "
        f"{bound.runtime}. In the file: transposes, all of them asked for by the network itself, and the parts that "
        "LiteRT's XNNPACK computes as one each."))


def row(artifact: VerifiedArtifact) -> list[str]:
    latency, spread = artifact.measured_latency_ms, artifact.spread
    return [artifact.format, artifact.precision, artifact.runtime, file_name(artifact.path),
            bare(artifact.bytes / 1024), digest(artifact.sha256), figure(artifact.max_abs, f"{artifact.max_abs:.2g}"),
            percent(artifact.agreement), percent(artifact.test_accuracy),
            amount("latency_ms", latency) if latency is not None else "not on this device",
            percent(spread, 1) if spread is not None else ""]


def unverified(run: Contents, rest: Sequence[manifest.Artifact]) -> Html:
    """Files that are new, or compiled for another target than this machine."""
    rows = [[a.format, a.precision, a.runtime, file_name(a.path), bare(a.bytes / 1024), digest(a.sha256),
             figure(a.max_abs, f"{a.max_abs:.2g}"), percent(a.agreement), a.target,
             described(a.gates)] for a in rest]
    due = [not_done("Accuracy and latency of these files are not verified yet", run.command("verify"))]
    return tag("div", *(due if any(a.target == HOST for a in rest) else []),
               table((*HEAD, "target", "in the file"), rows),
               note("Max abs and agreement: compared with PyTorch on validation images. Files for another "
                    f"target than {HOST} are not run here; their comparison is that of a build for {HOST}."))


def file_name(path: str) -> Html:
    return tag("span", PurePath(path).name, title=path)


def digest(sha256: str) -> Html:
    return tag("code", sha256[:12], title=sha256)


SECTION = Section(80, artifacts)
