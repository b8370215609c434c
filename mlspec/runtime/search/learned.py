"""How many numbers a fitted estimator has learned: coefficients, support vectors, weights of layers, nodes of trees.

A count of the model's own size that depends on nothing but the fit, unlike bytes or milliseconds. A node of a tree counts as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from mlspec.runtime.evaluate.outcomes import UndefinedMetric

_ARRAYS = (
    "coef_", "intercept_", "coefs_", "intercepts_", "support_vectors_", "dual_coef_", "dual_coef", "theta_", "var_", "feature_log_prob_",
    "class_log_prior_", "class_prior_", "means_", "centroids_", "covariance_", "scalings_", "rotations_", "X_train_", "X_fit_", "_fit_X",
    "X_", "alpha_", "label_distributions_", "constant_", "class_prior",
)  # fmt: skip
_LEAVES = re.compile(r"^num_leaves=(\d+)$", re.MULTILINE)


def learned_numbers(estimator: Any) -> int:
    """The count; UndefinedMetric for an estimator whose learned numbers are not known."""
    for count in (_boosted, _trees, _arrays):
        found = count(estimator)
        if found is not None:
            return found
    raise UndefinedMetric(f"what `{type(estimator).__name__}` has learned cannot be counted")


def _boosted(estimator: Any) -> int | None:
    """The nodes of a booster's trees: a tree of n leaves has n - 1 splits."""
    booster = estimator.get_booster() if hasattr(estimator, "get_booster") else getattr(estimator, "booster_", estimator)
    if hasattr(booster, "model_to_string"):
        return sum(2 * int(leaves) - 1 for leaves in _LEAVES.findall(booster.model_to_string()))
    if hasattr(booster, "get_dump"):
        return sum(str(tree).count("\n") for tree in booster.get_dump())
    return None


def _trees(estimator: Any) -> int | None:
    tree = getattr(estimator, "tree_", None)
    if tree is not None:
        return int(tree.node_count)
    binned = getattr(estimator, "_predictors", None)
    if binned is not None:
        return sum(len(one.nodes) for group in binned for one in group)
    members = getattr(estimator, "estimators_", None)
    return None if members is None else sum(learned_numbers(one) for one in np.ravel(members))


def _arrays(estimator: Any) -> int | None:
    known = [getattr(estimator, name, None) for name in _ARRAYS]
    sizes = [_size(value) for value in known if value is not None]
    return sum(sizes) if sizes else None


def _size(value: Any) -> int:
    if isinstance(value, Iterable) and not isinstance(value, np.ndarray):
        return sum(_size(part) for part in value)
    return int(getattr(value, "size", 1))
