"""Measuring exported model files on a device, with the runtime that will serve them.

The package can be called: `edgenas.measure("net.onnx", device="host")` is `edgenas.api.device.measure`.
"""

from edgenas.callable import make_callable

make_callable(__name__, "edgenas.api.device", "measure")
