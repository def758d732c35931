"""What an exported file holds: its signature, its operators, the size of its weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from edgenas.errors import EdgenasError, ExportError, FileError, UsageError
from edgenas.export.check.coverage import Coverage
from edgenas.export.check.file_coverage import coverage
from edgenas.export.extras import import_extra
from edgenas.export.native.reads import Reads
from edgenas.export.quantise.scale import Scale
from edgenas.export.tvm.tuned import Tuned
from edgenas.files import JSON_LIMIT, read_bounded


class TensorSpec(BaseModel):
    """An input or output: its name, shape and NumPy dtype; `quantisation` is there when int8 stands for real values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantisation: Scale | None = None

    @model_serializer(mode="wrap")
    def _written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = write(self)
        return fields if self.quantisation else {name: fields[name] for name in fields if name != "quantisation"}


Specs = tuple[TensorSpec, ...]
Result = TypeVar("Result")


class Sidecar(BaseModel):
    """What stands beside a file that does not hold it: `<path>.json`.

    figures: what the file costs, by name with unit, as its compiler estimates or as was measured. made: how.
    unscheduled: kernels that no rule of ours was for, so that they have TVM's own, slow schedule. tuned: what tuning
    found. reads: the image files that a program reads. coverage: what of an int8 file is int8.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: Specs
    outputs: Specs
    operators: dict[str, int]
    target: str
    figures: dict[str, float] = {}
    made: dict[str, str] = {}
    unscheduled: tuple[str, ...] = ()
    tuned: Tuned | None = None
    reads: Reads | None = None
    coverage: Coverage | None = None


def sidecar_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def signature(path: Path) -> tuple[Specs, Specs]:
    """Inputs and outputs of an exported file, in the order in which a runtime takes and gives them.

    Raises: UsageError for a file of no known format; ExportError for one that cannot be read.
    """
    inputs, outputs, _ = _contents(path)
    return inputs, outputs


def operators(path: Path) -> dict[str, int]:
    """How often each operator occurs in an exported file; errors as for signature().

    Those of a TVM library or a program are the Relax operators that it was compiled from; those of a C array, the
    network's that it holds.
    """
    return dict(sorted(_contents(path)[2].items()))


def _contents(path: Path) -> tuple[Specs, Specs, Counter[str]]:
    readers = {".onnx": _onnx, ".tflite": _tflite, ".so": _sidecar, ".bin": _sidecar, ".c": _sidecar}
    reader = readers.get(path.suffix, _sidecar if sidecar_path(path).is_file() else None)
    if reader is None:
        raise UsageError(f"{path.name!r} is no exported network",
                         f"its name should end in {', '.join(readers)}, or {sidecar_path(path).name} stand beside it")
    return _read(path, lambda: reader(path))


def _read(path: Path, read: Callable[[], Result]) -> Result:
    try:
        return read()
    except FileError as error:
        raise ExportError(error.message) from error
    except EdgenasError:
        raise
    except OSError as error:
        raise ExportError(f"cannot read {error.filename or path}: {error.strerror or error}") from error
    except Exception as error:
        raise ExportError(f"{path} is damaged: it does not hold what a {path.suffix} file holds",
                          "export it again") from error


def _onnx_model(path: Path) -> Any:
    model = import_extra("onnx", "onnx").load_model(path, load_external_data=False)
    if not model.graph.output:
        raise ValueError("no output")
    return model


def _onnx(path: Path) -> tuple[Specs, Specs, Counter[str]]:
    helper = import_extra("onnx.helper", "onnx")
    graph = _onnx_model(path).graph

    def spec(value: Any) -> TensorSpec:
        kind = value.type.tensor_type
        return TensorSpec(name=value.name, shape=tuple(size.dim_value for size in kind.shape.dim),
                          dtype=helper.tensor_dtype_to_np_dtype(kind.elem_type).name)

    weights = {weight.name for weight in graph.initializer}
    return (tuple(spec(value) for value in graph.input if value.name not in weights),
            tuple(spec(value) for value in graph.output), Counter(node.op_type for node in graph.node))


def _tflite(path: Path) -> tuple[Specs, Specs, Counter[str]]:
    schema = import_extra("ai_edge_litert.schema_py_generated", "tflite")
    from edgenas.export.tflite.graph import code_name
    content = path.read_bytes()
    if content[4:8] != b"TFL3":
        raise ValueError("no TFLite file")
    model = schema.ModelT.InitFromPackedBuf(content)
    graph = model.subgraphs[0]
    kinds = {value: name.lower() for name, value in vars(schema.TensorType).items()}
    signatures = model.signatureDefs or [schema.SignatureDefT()]

    def specs(tensors: Sequence[int], entries: Any) -> Specs:
        names = {entry.tensorIndex: entry.name for entry in entries or ()}
        return tuple(TensorSpec(name=names.get(index, graph.tensors[index].name).decode(),
                                shape=tuple(int(size) for size in graph.tensors[index].shape),
                                dtype=kinds[graph.tensors[index].type],
                                quantisation=_quantisation(graph.tensors[index].quantization)) for index in tensors)

    return (specs(graph.inputs, signatures[0].inputs), specs(graph.outputs, signatures[0].outputs),
            Counter(code_name(model.operatorCodes[operator.opcodeIndex]) for operator in graph.operators or ()))


def _quantisation(parameters: Any) -> Scale | None:
    if parameters is None or parameters.scale is None or len(parameters.scale) != 1:
        return None
    return Scale(scale=float(parameters.scale[0]), zero_point=int(parameters.zeroPoint[0]))


def figures(path: Path) -> dict[str, float]:
    """The figures that stand beside an exported file; none for formats that have none.

    Raises: ExportError when they cannot be read.
    """
    beside = sidecar_path(path)
    return dict(_read(beside, lambda: _beside(path)).figures) if beside.exists() else {}


def unscheduled(path: Path) -> tuple[str, ...]:
    """Kernels of a TVM library or a program that have TVM's default schedule; errors as for figures()."""
    beside = sidecar_path(path)
    return _read(beside, lambda: _beside(path)).unscheduled if beside.exists() else ()


def int8_coverage(path: Path) -> Coverage | None:
    """What of an int8 or mixed file is int8; errors as for figures()."""
    found = _read(path, lambda: coverage(path))
    return found or (_read(sidecar_path(path), lambda: _beside(path)).coverage if sidecar_path(path).exists() else None)


def tuned(path: Path) -> Tuned | None:
    """What tuning found for a TVM library; errors as for figures()."""
    beside = sidecar_path(path)
    return _read(beside, lambda: _beside(path)).tuned if beside.exists() else None


def reads(path: Path) -> Reads | None:
    """The image files that a program reads, or the program around a library; errors as for figures()."""
    beside = sidecar_path(path)
    return _read(beside, lambda: _beside(path)).reads if beside.exists() else None


def _beside(path: Path) -> Sidecar:
    beside = sidecar_path(path)
    if beside.is_symlink():
        raise ExportError(f"{beside} is a link, not the file that was written beside {path.name}",
                          "put the file itself there, or export again")
    return Sidecar.model_validate_json(read_bounded(beside, JSON_LIMIT))


def _sidecar(path: Path) -> tuple[Specs, Specs, Counter[str]]:
    sidecar = _beside(path)
    return sidecar.inputs, sidecar.outputs, Counter(sidecar.operators)
