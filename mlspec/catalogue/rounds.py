"""Which estimators grow by rounds, trees of a boosting or of a forest, so that one fit can go on instead of beginning anew."""

from __future__ import annotations

_TREES = "n_estimators"
ROUNDS = {
    "lightgbm.LGBMClassifier": _TREES, "lightgbm.LGBMRegressor": _TREES,
    "xgboost.XGBClassifier": _TREES, "xgboost.XGBRegressor": _TREES,
    "sklearn.HistGradientBoostingClassifier": "max_iter", "sklearn.HistGradientBoostingRegressor": "max_iter",
    "sklearn.GradientBoostingClassifier": _TREES, "sklearn.GradientBoostingRegressor": _TREES,
    "sklearn.RandomForestClassifier": _TREES, "sklearn.RandomForestRegressor": _TREES,
    "sklearn.ExtraTreesClassifier": _TREES, "sklearn.ExtraTreesRegressor": _TREES,
}  # fmt: skip
"""The parameter that says how many, by the estimator's key."""

OWN_STOP = ("early_stopping", "n_iter_no_change", "early_stopping_rounds", "early_stopping_round", "warm_start")
"""Parameters by which a library ends a fit, or goes on with it, by itself: none may stand beside rounds that a trial finds."""

_BINNED = ("sklearn.HistGradientBoostingClassifier", "sklearn.HistGradientBoostingRegressor")


def fixed_rounds(estimator: str, rounds: int) -> dict[str, object]:
    """The parameters of a fit of exactly so many rounds."""
    return {ROUNDS[estimator]: rounds, **({"early_stopping": False} if estimator in _BINNED else {})}
