"""Measuring exported model files on a device, with the runtime that will serve them."""
