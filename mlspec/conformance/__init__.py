"""The conformance suite of targets, for `mlspec parity --suite`: specs and data lie in `suite/`; `data.py` writes the data."""
