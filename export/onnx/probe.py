"""Every value that an ONNX file computes in onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgenas.export.extras import import_extra


def values(path: Path, image: NDArray[Any]) -> list[NDArray[Any]]:
    """The float values of all nodes for an image (1, ...), in the file's order.

    onnxruntime does not fuse what it has to show: a file that is right then and wrong otherwise is fused wrongly.
    """
    onnx, runtime = import_extra("onnx", "onnx"), import_extra("onnxruntime", "onnx")
    model = onnx.load_model(path, load_external_data=False)
    shown = {output.name for output in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for node in model.graph.node for name in node.output
                              if name and name not in shown)
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: image})
    return [value for value in found if np.issubdtype(value.dtype, np.floating)]
