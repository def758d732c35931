"""What processes made for a test have imported already: most of the time that a command takes to start."""

import onnx  # noqa: F401
import onnxscript  # noqa: F401
import sklearn.model_selection  # noqa: F401
import torch.onnx  # noqa: F401

import edgenas.flow.configure  # noqa: F401
import edgenas.flow.specialise  # noqa: F401
import edgenas.report.page  # noqa: F401
from edgenas.data import sources

sources.every()
