"""The vocabulary between PyTorch and the files that are written directly."""
