"""Python packages that a device may lack, and how to install them: names of our own, never ones that a device says."""

from __future__ import annotations

from collections.abc import Mapping

PACKAGES = {
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "ai_edge_litert": "ai-edge-litert",
    "tflite_runtime": "ai-edge-litert",
    "flatbuffers": "flatbuffers",
    "tvm": "apache-tvm",
    "tvm_ffi": "apache-tvm-ffi",
    "ethosu": "ethos-u-vela",
    "tflite_micro": "tflite-micro",
}
"""Module -> the package that brings it."""


def how_to_install(module: str, command: str, more: Mapping[str, str] | None = None) -> str:
    """A hint: `command` with the package that brings `module`, of these or `more`; without one where none does."""
    package = {**PACKAGES, **(more or {})}.get(module.partition(".")[0])
    return f"{command} {package}" if package else "install what the runtime needs there"
