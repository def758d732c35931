"""A user's own network, traced: what of it can vary, and what it is worth."""
