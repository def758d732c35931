"""Makes an ONNX file plain, in a process of its own: control flow that is decided, functions and constants gone.

The file may be a stranger's, and the libraries that parse it are third parties': this process has limits of memory,
time and what it writes (`confine`). Light to import: no PyTorch.

    python -m edgenas.cost.onnx.worker MODEL.onnx FOLDER

writes FOLDER/plain.onnx, or prints one line of JSON: the kind, message and hint of the error.
"""

from __future__ import annotations

import contextlib
import json
import re
import resource
import sys
from pathlib import Path
from typing import Any

from edgenas.cost.onnx.checks import REASON, check_domains, check_expansion, check_input, invalid
from edgenas.cost.onnx.tensors import (
    as_inputs,
    as_shapes,
    cast_types,
    large,
    load_small,
    not_small,
    types,
    without_defaults,
)
from edgenas.errors import EdgenasError, UsageError
from edgenas.files import UNNAMED, is_full, read_bounded, unwritable
from edgenas.memory_files import in_memory
from edgenas.text import one_line

LARGEST_FILE = (1 << 31) - 1
"""Bytes: what a protobuf message can have."""
MEMORY = 4 << 30
"""Bytes of address space, beside four times the file's size."""
SECONDS = 60
"""Of CPU time."""
LARGEST_OUTPUT = 1 << 30
PLAIN = "plain.onnx"
TYPES = "edgenas.types"
"""The entry of a plain model's metadata that tells the file's types."""
SOURCES = re.compile(r"^.*\[ONNXRuntimeError\] : \d+ : \w+ : |/onnxruntime_src/\S+:\d+ .*?\) (?=[A-Z])", re.DOTALL)
"""What of onnxruntime's messages is about its own source."""
OUT_OF_MEMORY = "reading it takes more memory than is allowed"


def main() -> None:
    path, folder = map(Path, sys.argv[1:])
    try:
        model = plain(parsed(path), path, folder)
        (folder / PLAIN).write_bytes(model.SerializeToString())
    except EdgenasError as error:
        _tell(error)
    except OSError as error:
        if not is_full(error):
            raise
        _tell(unwritable(UNNAMED, error))
    except MemoryError:
        print(json.dumps({"kind": "file", "message": f"{path} cannot be read: {OUT_OF_MEMORY}",
                          "hint": "export a smaller network"}))


def _tell(error: EdgenasError) -> None:
    print(json.dumps({"kind": error.kind, "message": error.message, "hint": error.hint}))


def confine(size: int) -> None:
    """Limit this process, for a file of `size` bytes."""
    for which, limit in ((resource.RLIMIT_AS, MEMORY + 4 * size), (resource.RLIMIT_CPU, SECONDS),
                         (resource.RLIMIT_FSIZE, LARGEST_OUTPUT), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(which)[1]
        with contextlib.suppress(ValueError, OSError):  # a system that lacks one of them
            resource.setrlimit(which, (limit if hard == resource.RLIM_INFINITY else min(limit, hard),) * 2)


def parsed(path: Path) -> Any:
    """The model in a file, with weights in other files left there. Confines this process.

    Raises: FileError for what cannot be read; UsageError for what is no model.
    """
    import onnx
    content = read_bounded(path, LARGEST_FILE)
    confine(len(content))
    try:
        model = onnx.ModelProto.FromString(content)
    except MemoryError:
        raise
    except Exception as error:
        raise invalid(path, error) from error
    if not model.HasField("graph"):
        raise invalid(path, ValueError("it has no graph"))
    return model


def plain(model: Any, path: Path, folder: Path) -> Any:
    """The model as a runtime has it once it is loaded: weights without their contents, all shapes inferred.

    Functions are inlined, what depends on constants alone is computed, an `If` whose condition is such is replaced by
    its branch. path: what errors name, and beside which its weights lie. folder: for scratch files.

    Raises: UsageError for what is no valid model, what onnxruntime cannot run, or has not one input of fixed shape.
    """
    check_expansion(model, path)
    load_small(model, path)
    without_defaults(model)
    known_types = types(model)
    weights = large(model)
    as_inputs(model, weights)
    _check(model, path)
    check_domains(model, path)
    check_input(model, path, weights)
    found = _optimised(model, path, folder)
    if _lacking(_with_shapes(found)):
        found = _optimised(found, path, folder)  # functions were inlined after constants had been computed
    as_inputs(found, not_small(found))
    weights |= {item.name for item in found.graph.input} - {model.graph.input[0].name}
    found = _with_shapes(found)
    as_shapes(found, weights)
    found.metadata_props.add(key=TYPES, value=" ".join(sorted(known_types | cast_types(found))))
    return found


def _check(model: Any, path: Path) -> None:
    """ONNX's own rules but one: an output may leave its shape out, as runtimes do not ask for it.

    Raises: UsageError for a model that breaks one.
    """
    import onnx
    shapeless = [item.type.tensor_type for item in model.graph.output
                 if item.type.HasField("tensor_type") and not item.type.tensor_type.HasField("shape")]
    for kind in shapeless:
        kind.shape.SetInParent()
    try:
        onnx.checker.check_model(model)
    except Exception as error:
        raise invalid(path, error) from error
    for kind in shapeless:
        kind.ClearField("shape")


def _optimised(model: Any, path: Path, folder: Path) -> Any:
    """What onnxruntime's basic optimisation leaves of a model. folder: one without `optimised.onnx`."""
    import onnx
    import onnxruntime
    options = _options("ORT_ENABLE_BASIC")
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    try:
        with in_memory(folder, ["optimised.onnx"]):  # of a full disk onnxruntime says that the model is to blame
            onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            return onnx.load(folder / "optimised.onnx", load_external_data=False)
    except MemoryError:
        raise
    except Exception as error:
        words = one_line(SOURCES.sub("", str(error)), REASON)
        raise UsageError(f"onnxruntime cannot run {path}: {words or type(error).__name__}",
                         "export it with operators and types that onnxruntime runs on a CPU") from error


def _with_shapes(model: Any) -> Any:
    """The model with the shape of every value: by ONNX's inference, and by onnxruntime's what that one lacks."""
    import onnx
    import onnxruntime
    with contextlib.suppress(Exception):  # what is lacking then has a second chance below
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    if lacking := _lacking(model):
        asked = onnx.ModelProto()
        asked.CopyFrom(model)
        outputs = {item.name for item in model.graph.output}
        asked.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(lacking - outputs))
        with contextlib.suppress(Exception):  # the reader names what has no shape
            session = onnxruntime.InferenceSession(asked.SerializeToString(), _options("ORT_DISABLE_ALL"),
                                                   providers=["CPUExecutionProvider"])
            for item in session.get_outputs():
                if item.name in lacking:
                    model.graph.value_info.append(_info(item))
    return model


def _lacking(model: Any) -> set[str]:
    """The values of a graph whose shape is not known."""
    known = {item.name for item in (*model.graph.value_info, *model.graph.output)
             if all(d.HasField("dim_value") for d in item.type.tensor_type.shape.dim)
             and item.type.tensor_type.HasField("shape")}
    return {name for node in model.graph.node for name in node.output if name} - known


def _info(item: Any) -> Any:
    """The shape that onnxruntime knows of an output. The type is not told: none is asked for."""
    from onnx import TensorProto, helper
    return helper.make_tensor_value_info(item.name, TensorProto.UNDEFINED, item.shape)


def _options(level: str) -> Any:
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return options


if __name__ == "__main__":
    main()
