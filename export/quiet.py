"""Third parties' chatter kept off the user's terminal."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator

# Operators of a torchvision that is not installed; an output that is a weight; where a refused value came from.
LOGGERS = ("torch.onnx._internal.exporter._registration", "onnx_ir", "torch.fx.experimental.symbolic_shapes")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the exporters' harmless warnings, nor their dump of a graph that they refuse: the error says why."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        # PyTorch's own copying of its own trees.
        warnings.filterwarnings("ignore", r".*isinstance\(treespec, LeafSpec\)", FutureWarning)
        # A recurrent layer keeps a list of its weights, which it makes anew.
        warnings.filterwarnings("ignore", r"The tensor attributes .*_flat_weights.* were assigned during export",
                                UserWarning)
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextlib.contextmanager
def muted() -> Iterator[None]:
    """Without what native libraries write to the process's stderr, past Python's own streams."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as sink:
            os.dup2(sink.fileno(), 2)
            yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
