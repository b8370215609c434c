"""What estimators are made of, which decides how they can be made smaller: a linear form, trees, a network, a constant."""

from __future__ import annotations

from mlspec.catalogue.frameworks import is_network

_LINEAR = frozenset(
    (
        "ARDRegression", "BayesianRidge", "ElasticNet", "ElasticNetCV", "GammaRegressor", "HuberRegressor", "Lars", "LarsCV", "Lasso",
        "LassoCV", "LassoLars", "LassoLarsCV", "LassoLarsIC", "LinearDiscriminantAnalysis", "LinearRegression", "LinearSVR",
        "LogisticRegression", "LogisticRegressionCV", "OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV",
        "PassiveAggressiveRegressor", "PoissonRegressor", "QuantileRegressor", "Ridge", "RidgeCV", "SGDRegressor", "TheilSenRegressor",
    )
)  # fmt: skip
_BOOSTED = frozenset(
    (
        "GradientBoostingClassifier", "GradientBoostingRegressor", "HistGradientBoostingClassifier", "HistGradientBoostingRegressor",
        "LGBMClassifier", "LGBMRegressor", "XGBClassifier", "XGBRegressor",
    )
)  # fmt: skip
_FORESTS = frozenset(("ExtraTreesClassifier", "ExtraTreesRegressor", "RandomForestClassifier", "RandomForestRegressor"))
_TREES = frozenset(("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"))
_NETWORKS = frozenset(("MLPClassifier", "MLPRegressor"))
_CONSTANTS = frozenset(("DummyClassifier", "DummyRegressor"))

_TABLE = (
    ("linear", _LINEAR), ("boosted", _BOOSTED), ("forest", _FORESTS), ("tree", _TREES), ("network", _NETWORKS), ("constant", _CONSTANTS),
)  # fmt: skip

NAMES = {
    "linear": "a linear model", "boosted": "boosted trees", "forest": "a forest", "tree": "one tree", "network": "a network",
    "constant": "a baseline that answers every row alike", "own": "a network whose code is the project's own", "other": "neither linear, nor trees, nor a network",
}  # fmt: skip

STEPS = {
    "magnitude": ("linear", "network"),
    "rounds": ("boosted", "forest"),
    "static_int8": ("linear", "network"),
    "dynamic_int8": ("linear", "network"),
    "student": ("linear", "boosted", "forest", "tree", "network", "own", "other"),
    "onnx": ("linear", "boosted", "forest", "tree", "network", "own"),
}
"""The families that each step of a `compress` makes something of."""


def family_of(estimator: str) -> str:
    """The family of an estimator by its key, `sklearn.Ridge`; of a network by its name."""
    library, _, name = estimator.rpartition(".")
    if library.rpartition(".")[2] == "extern":
        return "own"
    if not library or is_network(estimator):
        return "network"
    return next((family for family, names in _TABLE if name in names), "other")


def listing(families: tuple[str, ...]) -> str:
    """Families in words."""
    return " or ".join(NAMES[family] for family in families)
