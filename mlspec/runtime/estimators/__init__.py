"""Estimators by catalogue name."""

from mlspec.runtime.estimators.build import build_estimator, catalogue_row, is_constant
from mlspec.runtime.estimators.fit import fit_estimator, predict

__all__ = ["build_estimator", "catalogue_row", "fit_estimator", "is_constant", "predict"]
