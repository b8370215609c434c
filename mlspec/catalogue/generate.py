"""Writes the estimator files of the catalogue from the installed libraries: `python -m mlspec.catalogue.generate`.

scikit-learn says the constraints of its parameters itself; LightGBM and XGBoost say types in their signatures, and the bounds
below are those of their parameter documentation.
"""

from __future__ import annotations

import inspect
import json
import math
import warnings
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "estimators"

# Parameters that the runtime sets itself (seed, threads, output) or that take objects.
_OWN = frozenset(("n_jobs", "verbose", "random_state", "verbosity", "nthread", "device", "importance_type", "kwargs"))

_NEEDS = frozenset(("estimator", "estimators", "regressor"))
_SYMMETRIC = frozenset(("CCA", "PLSCanonical"))  # two tables of equal rank, not features and a label

_LIGHTGBM_BOUNDS: dict[str, tuple[str, float | None, float | None, str]] = {
    "num_leaves": ("int", 2, 131_072, "both"),
    "learning_rate": ("float", 0, None, "neither"),
    "n_estimators": ("int", 1, None, "left"),
    "subsample_for_bin": ("int", 1, None, "left"),
    "min_split_gain": ("float", 0, None, "left"),
    "min_child_weight": ("float", 0, None, "left"),
    "min_child_samples": ("int", 0, None, "left"),
    "subsample": ("float", 0, 1, "right"),
    "subsample_freq": ("int", 0, None, "left"),
    "colsample_bytree": ("float", 0, 1, "right"),
    "reg_alpha": ("float", 0, None, "left"),
    "reg_lambda": ("float", 0, None, "left"),
}
_XGBOOST_BOUNDS: dict[str, tuple[str, float | None, float | None, str]] = {
    "n_estimators": ("int", 1, None, "left"),
    "max_depth": ("int", 0, None, "left"),
    "max_leaves": ("int", 0, None, "left"),
    "max_bin": ("int", 2, None, "left"),
    "learning_rate": ("float", 0, 1, "both"),
    "gamma": ("float", 0, None, "left"),
    "min_child_weight": ("float", 0, None, "left"),
    "max_delta_step": ("float", 0, None, "left"),
    "subsample": ("float", 0, 1, "right"),
    "colsample_bytree": ("float", 0, 1, "right"),
    "colsample_bylevel": ("float", 0, 1, "right"),
    "colsample_bynode": ("float", 0, 1, "right"),
    "reg_alpha": ("float", 0, None, "left"),
    "reg_lambda": ("float", 0, None, "left"),
    "scale_pos_weight": ("float", 0, None, "left"),
    "num_parallel_tree": ("int", 1, None, "left"),
}
_NAMES = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null"}


def _plain(value: Any) -> Any:
    """A default as JSON; what JSON cannot say (an object, NaN) is None."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str) or value is None else None


def _end(value: Any) -> float | None:
    return None if value is None or (isinstance(value, float) and math.isinf(value)) else value


def _sklearn_constraint(constraint: Any, into: dict[str, Any]) -> None:
    """Adds one scikit-learn constraint to a parameter's row."""
    from numbers import Integral

    kind = type(constraint).__name__
    if kind in ("Interval", "RealNotInt"):
        name = "int" if constraint.type is Integral else "float"
        into["types"].append(name)
        into["ranges"].append([name, _end(constraint.left), _end(constraint.right), constraint.closed])
    elif kind in ("StrOptions", "Options"):
        options = sorted((option for option in constraint.options if isinstance(option, str)), key=str)
        into["types"].append("str" if options else "other")
        into["options"].extend(options)
    elif constraint is None or constraint == "boolean" or constraint is bool:
        into["types"].append("null" if constraint is None else "bool")
    elif constraint in _NAMES:
        into["types"].append(_NAMES[constraint])
    else:
        into["types"].append("other")


def _sklearn_parameters(cls: type) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    constraints: dict[str, Any] = cls._parameter_constraints  # type: ignore[attr-defined]
    for name, parameter in inspect.signature(cls).parameters.items():
        row: dict[str, Any] = {"default": _plain(parameter.default), "types": [], "options": [], "ranges": []}
        for constraint in constraints.get(name, []):
            if type(constraint).__name__ != "Hidden":
                _sklearn_constraint(constraint, row)
        if _is_deprecated(parameter.default, constraints.get(name, [])):
            row["deprecated"] = True
            row["default"] = None
        row["types"] = sorted(set(row["types"]))
        row["options"] = sorted(set(row["options"]))
        rows[name] = row
    return rows


def _is_deprecated(default: Any, constraints: list[Any]) -> bool:
    """Whether scikit-learn marks a parameter as going away: its default, or one of its values, is the word itself."""
    options = [option for constraint in constraints for option in getattr(_shown(constraint), "options", ())]
    return default == "deprecated" or "deprecated" in options


def _shown(constraint: Any) -> Any:
    return getattr(constraint, "constraint", constraint) if type(constraint).__name__ == "Hidden" else constraint


def _probability(cls: type, parameters: dict[str, Any]) -> bool | dict[str, list[Any]]:
    """Whether a classifier gives probabilities, asked of an instance: the class has the method wherever any of them may.

    `{parameter: values}` where it gives them for these values of one parameter alone.
    """
    for name, row in parameters.items():
        values = [*row["options"], *((False, True) if "bool" in row["types"] else ())]
        giving = [value for value in values if hasattr(cls(**{name: value}), "predict_proba")]
        if 0 < len(giving) < len(values):
            return {name: giving}
    return hasattr(cls(), "predict_proba")


def sklearn_estimators() -> dict[str, Any]:
    """Classifiers and regressors of scikit-learn with one output that need no other estimator."""
    from sklearn.utils import all_estimators

    found: dict[str, Any] = {}
    for kind, tasks in (("classifier", ["binary", "multiclass"]), ("regressor", ["regression"])):
        for name, cls in all_estimators(type_filter=kind):
            if _NEEDS & set(inspect.signature(cls).parameters) or name in _SYMMETRIC:
                continue
            made = cls()
            tags = made.__sklearn_tags__()
            if not tags.target_tags.single_output or tags.input_tags.one_d_array or tags.input_tags.positive_only:
                continue
            parameters = _sklearn_parameters(cls)
            binary_only = kind == "classifier" and not tags.classifier_tags.multi_class
            found[name] = {
                "module": cls.__module__.rsplit("._", 1)[0],
                "tasks": ["binary"] if binary_only else tasks,
                "nulls": bool(tags.input_tags.allow_nan or tags.no_validation),
                "probability": kind == "classifier" and _probability(cls, parameters),
                "parameters": parameters,
            }
    return dict(sorted(found.items()))


def _annotated(annotation: Any) -> list[str]:
    """The type names in an annotation, `Optional[Union[float, str]]`."""
    text = str(annotation)
    names = [name for name in ("bool", "int", "float", "str") if name in text]
    rest = ["null"] if "None" in text or "Optional" in text else []
    return sorted({*names, *rest}) or ["other"]


def _boosted(cls: type, signature: inspect.Signature, bounds: dict[str, Any], tasks: list[str], module: str) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        if name in ("self", "kwargs"):
            continue
        types = _annotated(parameter.annotation)
        bound = bounds.get(name)
        ranges = [list(bound)] if bound else []
        if bound and bound[0] not in types:
            types = sorted({*types, bound[0]})
        rows[name] = {"default": _plain(parameter.default), "types": types, "options": [], "ranges": ranges}
    return {"module": module, "tasks": tasks, "nulls": True, "probability": "binary" in tasks, "parameters": rows}


def lightgbm_estimators() -> dict[str, Any]:
    """LightGBM's classifier, regressor and ranker."""
    import lightgbm

    return {
        cls.__name__: _boosted(cls, inspect.signature(lightgbm.LGBMModel.__init__), _LIGHTGBM_BOUNDS, tasks, "lightgbm")
        for cls, tasks in (
            (lightgbm.LGBMClassifier, ["binary", "multiclass"]),
            (lightgbm.LGBMRegressor, ["regression"]),
            (lightgbm.LGBMRanker, ["ranking"]),
        )
    }


def xgboost_estimators() -> dict[str, Any]:
    """XGBoost's classifiers, regressors and ranker."""
    import xgboost

    signature = inspect.signature(xgboost.XGBModel.__init__)
    both = ["binary", "multiclass"]
    classes = (
        (xgboost.XGBClassifier, both),
        (xgboost.XGBRegressor, ["regression"]),
        (xgboost.XGBRFClassifier, both),
        (xgboost.XGBRFRegressor, ["regression"]),
        (xgboost.XGBRanker, ["ranking"]),
    )
    return {cls.__name__: _boosted(cls, signature, _XGBOOST_BOUNDS, tasks, "xgboost") for cls, tasks in classes}


def content(library: str) -> dict[str, Any]:
    """One library's file as data."""
    import importlib

    makers = {"sklearn": sklearn_estimators, "lightgbm": lightgbm_estimators, "xgboost": xgboost_estimators}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        version = str(importlib.import_module(library).__version__)
        estimators = makers[library]()
    for row in estimators.values():
        for name in _OWN & set(row["parameters"]):
            row["parameters"][name]["runtime"] = True
    return {"library": library, "version": version, "estimators": estimators}


def render(library: str) -> str:
    """One library's file as text: one estimator a line, so that a diff shows which changed."""
    data = content(library)
    lines = [f"  {json.dumps(name)}: {json.dumps(row, sort_keys=True)}" for name, row in data["estimators"].items()]
    head = f'{{"library": {json.dumps(library)}, "version": {json.dumps(data["version"])}, "estimators": {{\n'
    return head + ",\n".join(lines) + "\n}}\n"


def main() -> None:
    for library in ("sklearn", "lightgbm", "xgboost"):
        (FOLDER / f"{library}.json").write_text(render(library), encoding="utf-8")


if __name__ == "__main__":
    main()
