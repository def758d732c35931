"""What networks cost: exact metrics, and predictions from profiles."""
