"""Small run folders, written as the phases of a run would leave them."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from edgenas.flow.config import RunConfig

PHASES = ("search", "train", "export", "verify", "baselines")
ARCHITECTURE = {"stage1.block1": "mbconv_k5_e6", "stage1.block2": "skip"}
OTHER = {"stage1.block1": "mbconv_k3_e3", "stage1.block2": "mbconv_k3_e3"}
SHA = "0123456789abcdef" * 4

CONFIG: dict[str, Any] = {
    "command": ["edgenas", "run", "--data", "./my photos", "--latency-ms", "0.4"], "data": "./my photos",
    "created": "2026-01-02T03:04:05+00:00", "data_fingerprint": SHA, "device": "mock", "runtime": "mock",
    "threads": 1, "budgets": [{"metric": "latency_ms", "value": 0.4}], "seed": 7,
}

DATA = {
    "name": "my photos", "source": "./my photos", "classes": ["cat", "dog"], "input_shape": [3, 16, 16],
    "sizes": {"train": 160, "validation": 20, "test": 40}, "seed": 7, "skipped": [], "fingerprint": SHA,
    "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2],
    "per_class": {part: {"cat": n // 2, "dog": n - n // 2}
                  for part, n in {"train": 160, "validation": 20, "test": 40}.items()},
}

SEARCH = {"scores": {}, "history": [
    {"loss": 1.5 / epoch, "accuracy": 0.2 * epoch, "entropy": 1 - 0.1 * epoch, "seconds": 61.0,
     "budgets": {"latency_ms": {"expected": 0.6 - 0.07 * epoch, "target": 0.391, "multiplier": 0.03 * epoch}}}
    for epoch in (1, 2, 3)]}

DECODING = {
    "models": {"latency_ms": {"reachable": [0.11, 0.97], "margin": 0.023, "exact": False,
                              "profile_sha256": SHA,
                              "held_out": {"networks": 16, "mape": 0.0171, "spearman": 0.987,
                                           "kendall": 0.93, "within_5": 0.875, "within_10": 0.9375,
                                           "coverage": 0.8125, "margin": 0.023}}},
    "budgets": [{"metric": "latency_ms", "limit": 0.4}], "architecture": ARCHITECTURE,
    "predicted": {"latency_ms": 0.3701},
    "layers": [
        {"place": "stem", "candidate": "ConvBN", "input_shape": [3, 16, 16],
         "predicted": {"latency_ms": 0.0701}},
        {"place": "stage1.block1", "candidate": "mbconv_k5_e6", "input_shape": [16, 8, 8],
         "predicted": {"latency_ms": 0.25}},
        {"place": "stage1.block2", "candidate": "skip", "input_shape": [16, 8, 8],
         "predicted": {"latency_ms": 0.0}},
        {"place": "overhead", "candidate": "", "input_shape": [], "predicted": {"latency_ms": 0.05}}],
    "rounds": [
        {"architecture": OTHER, "predicted": {"latency_ms": 0.3912}, "measured": {"latency_ms": 0.4123},
         "within": False},
        {"architecture": ARCHITECTURE, "predicted": {"latency_ms": 0.3745},
         "measured": {"latency_ms": 0.3812}, "within": True}],
}

TRAIN = {"accuracy": {"validation": 0.85, "test": 0.825}, "history": [
    {"loss": 0.9, "validation": 0.6, "seconds": 4.0}, {"loss": 0.7, "validation": 0.85, "seconds": 4.0},
    {"loss": 0.6, "validation": 0.85, "seconds": 4.0}]}

VERIFY = {
    "artifacts": [
        {"format": "onnx", "runtime": "mock", "path": "runs/a/artifacts/model.onnx", "bytes": 52345,
         "sha256": SHA, "max_abs": 2.345e-06, "agreement": 0.975, "test_accuracy": 0.8125, "test_images": 40,
         "measured_latency_ms": 0.3834, "spread": 0.0123},
        {"format": "tflite", "runtime": "litert", "path": "runs/a/artifacts/model.tflite", "bytes": 50011,
         "sha256": SHA[::-1], "max_abs": 1.2e-06, "agreement": 1.0, "test_accuracy": 0.8, "test_images": 40,
         "measured_latency_ms": None}],
    "budgets": [{"metric": "latency_ms", "limit": 0.4, "predicted": 0.3701, "measured": 0.3834,
                 "margin": 0.023, "within": True}],
    "within": True, "statistic": "median_of_minima", "runtime": "mock",
}

BASELINES = {
    "mobilenet_v2_like": {"accuracy": {"validation": 0.8, "test": 0.775}, "macs": 1234567, "params": 23456,
                          "width": 0.75, "depth": 3, "measured": {"latency_ms": 0.3911}},
    "random_1": {"accuracy": {"validation": 0.75, "test": 0.7}, "macs": 1111111, "params": 22222,
                 "architecture": OTHER, "measured": {"latency_ms": 0.3654}},
}

MANIFEST = {
    "schema_version": 1, "edgenas_version": "0.1.0", "created": "2026-01-02T03:14:05Z",
    "command": "edgenas run", "seed": 7, "space": "mobile", "architecture": ARCHITECTURE,
    "classes": ["cat", "dog"],
    "input": {"name": "image", "shape": [1, 3, 16, 16], "dtype": "float32",
              "preprocessing": {"channels": "RGB", "size": [16, 16], "scale": 1 / 255, "mean": [0.5] * 3,
                                "std": [0.2] * 3}},
    "profile_sha256": SHA, "versions": {"torch": "2.13.0", "onnx": "1.23.2"},
    "artifacts": [{"format": "onnx", "runtime": "mock", "path": "model.onnx", "bytes": 52345, "sha256": SHA,
                   "inputs": [{"name": "image", "shape": [1, 3, 16, 16], "dtype": "float32"}],
                   "outputs": [{"name": "logits", "shape": [1, 2], "dtype": "float32"}], "layout": "NCHW",
                   "operators": {"Conv": 3}, "max_abs": 3.456e-06, "agreement": 0.95, "parity_images": 20,
                   "target": "host"}],
}

FILES = {
    "search": {"data.json": DATA, "search.json": SEARCH, "decoding.json": DECODING},
    "train": {"train.json": TRAIN}, "export": {"artifacts/manifest.json": MANIFEST},
    "verify": {"verify.json": VERIFY}, "baselines": {"baselines.json": BASELINES},
}


def files_after(*phases: str) -> dict[str, Any]:
    """A copy of every JSON file that a run holds after `phases`, by name; edit it, then `write` it."""
    found = {"run.json": RunConfig.model_validate(CONFIG).model_dump(mode="json")}
    for phase in phases:
        found |= FILES[phase]
    copied: dict[str, Any] = json.loads(json.dumps(found))
    return copied


def write(folder: Path, files: dict[str, Any]) -> Path:
    for name, value in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
    return folder


class Page(HTMLParser):
    """What a browser would see of some HTML. sections: text by the id of the header or section it is in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, str] = {}
        self.figures: list[tuple[float, str]] = []
        self.scripts: list[str] = []
        self._section, self._open = "", ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        self._open = tag
        if tag in ("header", "section"):
            self._section = str(values["id"])
        if tag == "data":
            self.figures.append((float(str(values["value"])), ""))
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[-1] += data
            return
        if self._open == "data":
            self.figures[-1] = self.figures[-1][0], self.figures[-1][1] + data
        self.sections[self._section] = self.sections.get(self._section, "") + data

    @property
    def text(self) -> str:
        return "".join(self.sections.values())

    @property
    def values(self) -> set[float]:
        return {value for value, _ in self.figures}

    @property
    def plots(self) -> dict[str, Any]:
        """plotly's specification of each plot, by title."""
        drawn = [attributes for _, attributes in self.tags if "data-spec" in attributes]
        return {str(a["aria-label"]): json.loads(str(a["data-spec"])) for a in drawn}
