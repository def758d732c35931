"""The largest values that options take, on the command line, in `--set` and from Python. Imports nothing."""

MOST_EPOCHS = 100_000
MOST_SEEDS = 1000
MOST_SEED = 2**32 - 1
MOST_THREADS = 1024
MOST_MINUTES = 100_000
MOST_PIXELS = 4096
"""Of an image's side."""
MOST_IMAGES = 1_000_000_000
"""Of a data set, ..."""
MOST_IN_BATCH = 1_000_000
"""... and of a batch."""
MOST_CLASSES = 100_000
MOST_NETWORKS = 10_000
MOST_PROBES = 10_000
MOST_OPERATORS = 100_000
MOST_RATE = 1000.0
"""Of a learning rate."""
