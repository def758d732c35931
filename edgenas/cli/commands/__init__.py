"""One file per command, each a thin skin over the library; heavy imports stay inside the functions."""
