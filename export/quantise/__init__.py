"""int8: scales, and networks that compute as their int8 files will."""
