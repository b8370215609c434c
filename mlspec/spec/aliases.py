"""What other languages and libraries call the things of this one: for suggestions only, never accepted.

Keys are in lower case. A name stands in for ours only where ours may stand, so one table serves functions, metrics and types.
"""

from __future__ import annotations

import re

_WORDS = {
    "none": "null", "nan": "null", "nil": "null", "na": "null", "yes": "true", "no": "false", "on": "true", "off": "false",
    # types
    "integer": "int", "long": "int", "bigint": "int", "int64": "int", "number": "float", "double": "float", "real": "float",
    "float64": "float", "numeric": "decimal", "boolean": "bool", "str": "string", "varchar": "string", "char": "string",
    "object": "string", "datetime": "timestamp", "time": "timestamp", "enum": "category", "categorical": "category",
    "factor": "category", "array": "list", "timedelta": "duration", "interval": "duration", "uuid": "string",
    # functions
    "ln": "log", "average": "mean", "avg": "mean", "len": "length", "stdev": "std", "stddev": "std", "nunique": "distinct",
    "count_distinct": "distinct", "standardize": "scale", "normalize": "scale", "standard_scaler": "scale", "zscore": "scale",
    "one_hot": "onehot", "onehotencoder": "onehot", "dummies": "onehot", "get_dummies": "onehot", "label_encode": "ordinal",
    "target_encode": "target_rate", "mean_encode": "target_rate", "fillna": "fill", "impute": "fill", "coalesce": "fill",
    "isnull": "null_rate", "is_null": "null_rate", "missing_rate": "null_rate", "len_rows": "rows", "count_rows": "rows",
    "tolower": "lower", "toupper": "upper", "startswith": "starts_with", "cut": "bucket", "bin": "bucket", "qcut": "quantile_bucket",
    "hash": "hash_bucket", "sha256": "hmac", "mask": "redact", "hour_of_day": "hour", "dayofweek": "weekday", "day_of_week": "weekday",
    # metrics
    "roc_auc": "auc", "auroc": "auc", "roc_auc_score": "auc", "pr_auc": "average_precision", "mse": "rmse",
    "mean_squared_error": "rmse", "mean_absolute_error": "mae", "logloss": "log_loss", "cross_entropy": "log_loss",
    "f1_score": "f1", "f1_macro": "macro_f1", "accuracy_score": "accuracy", "ece": "calibration_error", "tpr": "recall",
    "sensitivity": "recall", "fpr": "false_pos_rate", "fnr": "false_neg_rate", "false_positive_rate": "false_pos_rate",
    "false_negative_rate": "false_neg_rate", "demographic_parity": "selection_rate", "r2_score": "r2", "rsquared": "r2",
    # kinds, fields, attributes and values
    "dataset": "source", "data": "source", "table": "source", "feature": "features", "gate": "gates", "tune": "search",
    "hpo": "search", "deploy": "serve", "server": "serve", "predict": "score", "alert": "monitor", "eda": "explore",
    "pipeline": "spec", "environment": "env", "import": "use", "variable": "param", "target": "label", "y": "label",
    "seeds": "seed", "random_state": "seed", "random_seed": "seed", "sensitive": "protected", "primary_key": "key", "id": "key",
    "personal": "pii", "max_trials": "trials", "n_trials": "trials", "team": "owner", "bayesian": "tpe", "grid": "random",
    "kfold": "folds", "k_fold": "folds", "stratified_kfold": "folds", "timeseriessplit": "forward_chain", "maximise": "maximize",
    "minimise": "minimize", "sqlite3": "sqlite", "json": "jsonl", "uniform_int": "int", "log_uniform": "loguniform",
    "randint": "int", "flask": "fastapi", "label": "outcome",
}  # fmt: skip
_ALSO = {"target": ("outcome",), "y": ("outcome",)}
_DURATION = re.compile(r"[0-9]+(ms|s|min|h|d|w|%|pp|rps|rpm|[KMG]iB)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+Z)?")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_COLUMN = re.compile(r"[A-Za-z]\w*\.[A-Za-z]\w*")


def meant(name: str, known: list[str]) -> str:
    """The one of `known` that a name of another language stands for, "" where there is none."""
    folded = name.lower().rpartition(".")[2]
    found = (_WORDS.get(folded, ""), *_ALSO.get(folded, ()))
    return next((ours for ours in found if ours and ours in known), "")


def word(name: str) -> str:
    """The literal that a name of another language stands for: `null` for `None`, `true` for `True`."""
    ours = _WORDS.get(name.lower(), name.lower())
    return ours if ours in ("null", "true", "false") else ""


def unquoted(text: str) -> str:
    """What a string was meant as, in words, where it looks like another literal or a column."""
    if _DATE.fullmatch(text):
        return f"a date takes no quotes: `{text}`"
    if _DURATION.fullmatch(text) or _NUMBER.fullmatch(text):
        return f"a number takes no quotes: `{text}`"
    return f"a column takes no quotes: `{text}`" if _COLUMN.fullmatch(text) else ""


def period(name: str) -> str:
    """The duration that a word such as `hourly` stands for."""
    return {"daily": "1d", "hourly": "1h", "weekly": "7d", "day": "1d", "hour": "1h", "week": "7d"}.get(name.lower(), "")
