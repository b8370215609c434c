"""Externs: Python of the project's own, run in a process of its own on typed columns. Nothing here imports that code."""
