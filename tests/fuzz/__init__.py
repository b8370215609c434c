"""Throws broken specs at the parser, the formatter and the renderers: `python -m tests.fuzz --seconds 60`."""
