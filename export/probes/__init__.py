"""Every value that a file computes: one file a format."""
