"""Serving and batch scoring: the configs that `mlspec serve` and `mlspec score` give the runtime. They are no stages."""

from __future__ import annotations

from typing import Any

from mlspec.graph.expression import walk
from mlspec.lower.extraction import location
from mlspec.lower.live import live_form
from mlspec.lower.sheet import Sheet
from mlspec.lower.values import json_value
from mlspec.spec.model import Block, Spec
from mlspec.spec.values import Made, Reference

# A reply always carries the decision beside the probability, so `both` is what `probability` gives.
_OUTPUTS = {"probability": "probability", "both": "probability", "decision": "decision", "value": "prediction"}


def _model(block: Block) -> str:
    model = block.ref("model")
    if model is None:
        raise TypeError(f"{block.name} has no model")
    return model.block


def serve_config(spec: Spec, serve: Block, spec_digest: str) -> dict[str, Any]:
    """What the server needs of the spec, as JSON."""
    engine = serve.make("engine")
    gate = serve.ref("gate")
    fallback = serve.ref("fallback")
    request = serve.get("request")
    logs = serve.nested("log")
    return {
        "name": serve.name,
        "model": _model(serve),
        "spec_digest": spec_digest,
        "gates": None if gate is None else gate.block,
        "output": _OUTPUTS.get(str(serve.get("output")), "probability"),
        "port": 8080 if engine is None else engine.get("port"),
        "workers": 1 if engine is None else engine.get("workers"),
        "token": None if engine is None else _token(spec, engine),
        "request": None if request is None else json_value(request),
        "fallback": None if fallback is None else fallback.block,
        "slo": [{"name": item.name, "expression": live_form(spec, item.value.form)} for item in serve.definitions.values()],
        "limits": {},
        "secrets": secrets_of(spec, logs),
        "log": _log(spec, logs[0]) if logs else None,
    }


def _token(spec: Spec, engine: Made) -> dict[str, Any] | None:
    """The handle of the token that requests must carry: where its value is, never what."""
    found = engine.get("token")
    if found is None:
        return None
    return handle(found if isinstance(found, Made) else spec.blocks[found.block].make("value"))


def _log(spec: Spec, block: Block) -> dict[str, Any]:
    sample = block.get("sample")
    return {
        "name": block.name,
        "keep": block.get("keep"),
        "sample": None if sample in (None, 1, 1.0) else sample,
        "fields": [{"name": item.name, "expression": live_form(spec, item.value.form)} for item in block.definitions.values()],
    }


def secrets_of(spec: Spec, blocks: list[Block]) -> dict[str, Any]:
    """The handles of the secrets that definitions are keyed with, by name; a handle says where the value is, never what."""
    found = {}
    for block in blocks:
        for item in block.definitions.values():
            for name in _secret_names(item.value.form):
                found[name] = handle(spec.blocks[name].make("value"))
    return found


def _secret_names(form: Any) -> list[str]:
    if isinstance(form, dict):
        if set(form) == {"secret"}:
            return [str(form["secret"])]
        return [name for value in form.values() for name in _secret_names(value)]
    if not isinstance(form, list | tuple):
        return []
    if len(form) == 2 and form[0] == "secret" and isinstance(form[1], str):
        return [form[1]]
    return [name for part in form for name in _secret_names(part)]


def handle(made: Made | None) -> dict[str, Any]:
    """A secret's handle, `{"kind": "env", "variable": "LOG_SALT"}`."""
    if made is None:
        raise TypeError("a secret has no handle")
    return {"kind": made.name, **{name: json_value(value) for name, value in made.args.items()}}


def channel_config(spec: Spec, block: Block) -> dict[str, Any]:
    """A channel as the runtime opens it; a secret goes by its handle."""
    made = block.make("value")
    if made is None:
        raise TypeError(f"channel {block.name} has no value")
    found: dict[str, Any] = {"kind": made.name}
    for name, value in made.args.items():
        item = value.item
        if isinstance(item, Reference) and item.kind == "secret":
            item = spec.blocks[item.block].make("value")
        found[name] = handle(item) if isinstance(item, Made) else json_value(item)
    return found


def key_in_log(serve: Block, source: str, key: str) -> tuple[str, str | None] | None:
    """(log field that holds the key column, name of the secret that it is hashed with); None where the log lacks it."""
    for log in serve.nested("log"):
        for item in log.definitions.values():
            if (source, key) in item.value.columns and any(node[0] == "col" for node in walk(item.value.form)):
                secrets = _secret_names(item.value.form)
                return item.name, secrets[0] if secrets else None
    return None


def score_config(spec: Spec, score: Block, spec_digest: str, prefix: str = "") -> dict[str, Any]:
    """What `mlspec score` needs of the spec, as JSON; the columns that are read are those of the package and the keys."""
    sheet = Sheet(spec, prefix)
    made, output = score.make("input"), score.make("output")
    if made is None or output is None:
        raise TypeError(f"score {score.name} has no input or output")
    gate = score.ref("gate")
    return {
        "name": score.name,
        "model": _model(score),
        "spec_digest": spec_digest,
        "gates": None if gate is None else gate.block,
        "input": {**location(sheet, made, score.folder), "source": score.own_name},
        "output": {"path": sheet.path(str(output.get("path")), score.folder), "format": output.name},
        "keys": json_value(score.get("keys") or ()),
        "columns": json_value(score.get("columns")),
    }
