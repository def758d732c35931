"""Runtimes: one stand-alone file `run_<name>.py` each. The prefix stays: on a device the file lies beside the worker,
where `onnxruntime.py` would hide the package that it imports."""
