"""Whether onnxruntime computes int8 exactly on this processor.

Without VNNI, x86 multiplies unsigned by signed bytes in pairs whose sums saturate at 16 bits (VPMADDUBSW), and
onnxruntime with it: int8 files whose weights use the whole range then give other figures than PyTorch, LiteRT and TVM.
"""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

CPUINFO = Path("/proc/cpuinfo")


def saturates() -> bool:
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    return is_x86 and CPUINFO.exists() and "vnni" not in CPUINFO.read_text(encoding="utf-8")


exact_int8 = pytest.mark.skipif(saturates(), reason="this processor has no VNNI: onnxruntime's int8 sums saturate")
