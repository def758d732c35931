"""Transports: how a device is reached, one file each."""
