"""TFLite files: written, quantised, read."""
