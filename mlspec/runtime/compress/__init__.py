"""Make a model smaller or faster: distil, prune, quantise and export it, each step with what it gives and what it loses."""

from mlspec.runtime.compress.stage import run

__all__ = ["run"]
