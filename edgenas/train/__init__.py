"""Training: epochs, checkpoints, and training for int8."""
