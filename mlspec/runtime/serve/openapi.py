"""The OpenAPI 3.1 document of a server, from the columns of its package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlspec.runtime.serve.app import Service

_REFUSAL = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {
        "code": {"type": "string", "pattern": "^MLS[0-9]{3}$"},
        "message": {"type": "string"},
        "where": {"type": "string"},
        "more": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "where", "expected", "found"],
                "properties": {name: {"type": "string"} for name in ("code", "where", "expected", "found")},
            },
        },
    },
}
_REFUSALS = {
    "400": "the body is no strict JSON", "401": "no token, or another one", "408": "the request came too slowly", "413": "the body is too large",
    "415": "not application/json, or compressed", "422": "the values do not fit the columns", "429": "too many requests at once",
    "431": "the headers are too large", "503": "no answer in time, or going away",
}  # fmt: skip


_SCHEME = {"token": {"type": "http", "scheme": "bearer"}}


def openapi_document(service: Service) -> dict[str, Any]:
    """The whole document; the request schema is the one that requests are checked with."""
    from mlspec.runtime.serve.app import example_of

    record = service.schema.json_schema()
    schemas = record.pop("$defs", {}) | {"Record": record, "Answer": _answer(service), "Refusal": _REFUSAL}
    schemas["Records"] = {
        "type": "object", "required": ["records"], "additionalProperties": False,
        "properties": {"records": {"type": "array", "minItems": 1, "maxItems": service.config.limits.records, "items": _ref("Record")}},
    }  # fmt: skip
    schemas["Answers"] = {
        "type": "object", "required": ["model", "records"], "additionalProperties": False,
        "properties": {"model": {"type": "string"}, "records": {"type": "array", "items": _row(service)}},
    }  # fmt: skip
    example = example_of(service.package)
    content: dict[str, Any] = {"schema": {"oneOf": [_ref("Record"), _ref("Records")]}}
    if example is not None:
        content["example"] = example
    return {
        "openapi": "3.1.0",
        "info": {
            "title": service.config.name,
            "version": service.package.digest[:12],
            "summary": f"Predictions of {service.package.name}",
        },
        "paths": {"/predict": {"post": _predict(content, asks=service.token is not None)}, **_health()},
        "components": {"schemas": schemas, **({} if service.token is None else {"securitySchemes": _SCHEME})},
        **({} if service.token is None else {"security": [{"token": []}]}),
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _predict(content: dict[str, Any], asks: bool) -> dict[str, Any]:
    refused = {"application/json": {"schema": _ref("Refusal")}}
    answers = {"application/json": {"schema": {"oneOf": [_ref("Answer"), _ref("Answers")]}}}
    return {
        "operationId": "predict",
        "summary": "Score one record or up to a thousand",
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {"description": "one answer per record, in order", "content": answers},
            **{
                status: {"description": text, "content": refused}
                for status, text in _REFUSALS.items()
                if asks or status != "401"
            },
        },
    }


def _health() -> dict[str, Any]:
    paths = {"/healthz": "alive", "/readyz": "takes requests"}
    plain = {"application/json": {"schema": {"type": "object"}}}
    return {
        path: {
            "get": {"operationId": path[1:], "summary": text, "security": [], "responses": _get_responses(path, text, plain)}
        }
        for path, text in paths.items()
    }


def _get_responses(path: str, text: str, plain: dict[str, Any]) -> dict[str, Any]:
    found = {"200": {"description": text, "content": plain}}
    if path == "/readyz":
        found["503"] = {"description": "draining", "content": plain}
    return found


def _probability(service: Service) -> dict[str, Any]:
    if service.package.task != "multiclass":
        return {"type": "number", "minimum": 0, "maximum": 1}
    names = [str(value) for value in service.package.classes or ()]
    one = {"type": "number", "minimum": 0, "maximum": 1}
    return {"type": "object", "required": names, "properties": dict.fromkeys(names, one), "additionalProperties": False}


def _row(service: Service) -> dict[str, Any]:
    """The schema of one answer in a batch."""
    package, output = service.package, service.config.output
    decision: dict[str, Any] = {"enum": list(package.classes or ())}
    if package.task == "regression":
        fields: dict[str, Any] = {"prediction": {"type": "number"}}
    elif output == "probability":
        fields = {"probability": _probability(service), "decision": decision}
    else:
        fields = {output: decision}
    return {"type": "object", "required": list(fields), "properties": fields, "additionalProperties": False}


def _answer(service: Service) -> dict[str, Any]:
    row = _row(service)
    return {**row, "required": [*row["required"], "model"], "properties": {**row["properties"], "model": {"type": "string"}}}
