"""Packages: a fitted model with its transform, calibration and threshold, as files that are checked before they are read."""

from mlspec.runtime.package.model import Package, Scores, load_package

__all__ = ["Package", "Scores", "load_package"]
