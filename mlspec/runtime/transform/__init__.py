"""Fitted transforms: what the model learns about its features before the estimator sees them."""

from mlspec.runtime.transform.chain import FittedTransform, Matrix, fit_transform
from mlspec.runtime.transform.columns import Column, column_of, column_of_values
from mlspec.runtime.transform.target import Target

__all__ = ["Column", "FittedTransform", "Matrix", "Target", "column_of", "column_of_values", "fit_transform"]
