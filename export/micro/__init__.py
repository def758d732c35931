"""Microcontrollers: files as C sources."""
