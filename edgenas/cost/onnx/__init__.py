"""ONNX files of unknown origin, read as the operators that a runtime executes."""
