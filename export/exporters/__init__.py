"""Exporters: one file each format."""
