"""Kernels: single operators, measured, and what predicts any network from them."""
