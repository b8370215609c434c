"""Expressions over requests, as the server and the monitor read them: names of the checked spec become the contract's forms."""

from __future__ import annotations

from typing import Any

from mlspec import catalogue
from mlspec.lower.values import json_value
from mlspec.spec.model import Spec


def live_form(spec: Spec, form: Any) -> Any:
    """A form of the checked spec in the words of the plan: `ambient`, `features`, `feature`, `secret`."""
    if isinstance(form, dict):
        if set(form) == {"secret"}:
            return ["secret", form["secret"]]
        return {name: live_form(spec, value) for name, value in form.items()}
    if not isinstance(form, list | tuple):
        return json_value(form)
    if form and form[0] == "live" and len(form) == 3:
        return ["ambient", form[1], form[2]]
    if form and form[0] == "features" and len(form) == 2 and isinstance(form[1], str):
        return ["features", _names(spec, form[1])]
    if form and form[0] == "metric" and len(form) == 4:
        return _metric(spec, form)
    return [live_form(spec, part) for part in form]


def _names(spec: Spec, block: str) -> list[str]:
    return [name for name, feature in spec.blocks[block].definitions.items() if "audit" not in feature.attrs]


def _metric(spec: Spec, form: Any) -> list[Any]:
    """A measure of live traffic is a call; a metric of the model on live requests stays a metric of `live`."""
    _, name, model, options = form
    options = {key: live_form(spec, value) for key, value in options.items()}
    if any(row.level == "live" for row in catalogue.functions(name)):
        watched = options.pop("of", None)
        if watched == ["score"]:
            watched = ["ambient", "score", "float"]
        if watched is None:
            watched = ["ambient", model if isinstance(model, str) else "live", "model"]
        return ["call", name, [watched], options]
    if name == "latency":
        return ["call", name, [["ambient", model, "model"]], {}]
    return ["metric", name, model, options]
