"""ONNX files: written, quantised, read."""
