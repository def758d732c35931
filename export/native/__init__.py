"""Programs and libraries in C."""
