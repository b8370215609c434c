"""Replies by task and output, and the parts of a server without a socket."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlspec.runtime.errors import StageError
from mlspec.runtime.serve import create_app
from mlspec.runtime.serve.config import read_config
from mlspec.runtime.serve.openapi import openapi_document
from mlspec.runtime.serve.predict import BadScore
from mlspec.runtime.serve.schema import RequestRefused, RequestSchema
from mlspec.runtime.serve.strict_json import BadJson, read_json
from tests.runtime.fake_package import COLUMNS, FakePackage, FakeScores
from tests.runtime.serve_process import GOOD


class Many(FakePackage):
    task, positive, threshold = "multiclass", None, None
    classes = ["a", "b", "c"]

    def score(self, records):
        return FakeScores(np.array([[0.2, 0.5, 0.3]] * len(records)), ["b"] * len(records))


class Number(FakePackage):
    task, positive, threshold = "regression", None, None
    classes = []

    def score(self, records):
        return FakeScores(np.array([12.5] * len(records)), [12.5] * len(records))


class Broken(FakePackage):
    def score(self, records):
        return FakeScores(np.array([float("nan")] * len(records)), ["<=50K"] * len(records))


def service_of(kind, folder, **config):
    return create_app(kind(folder), {"name": "api", **config}).state.service


def answer(kind, folder, output, batch=False):
    service = service_of(kind, folder, output=output)
    return json.loads(service.predictor.answer([GOOD, GOOD] if batch else [GOOD], batch, "id")), service


@pytest.mark.parametrize(
    ("kind", "output", "reply"),
    [
        (FakePackage, "probability", {"probability": 0.5062496744995104, "decision": ">50K"}),
        (FakePackage, "decision", {"decision": ">50K"}),
        (FakePackage, "prediction", {"prediction": ">50K"}),
        (Many, "probability", {"probability": {"a": 0.2, "b": 0.5, "c": 0.3}, "decision": "b"}),
        (Many, "decision", {"decision": "b"}),
        (Number, "prediction", {"prediction": 12.5}),
        (Number, "probability", {"prediction": 12.5}),
    ],
)
def test_the_reply_of_each_task_and_output_and_its_schema(tmp_path, kind, output, reply):
    import jsonschema

    one, service = answer(kind, tmp_path, output)
    many, _ = answer(kind, tmp_path, output, batch=True)
    assert one == {**reply, "model": "f" * 64}
    assert many == {"model": "f" * 64, "records": [reply, reply]}
    document = openapi_document(service)
    schema = document["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    for value in (one, many):
        jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)


def test_pictures_are_unpacked_beside_the_loop(tmp_path, monkeypatch):
    """One request of pictures keeps nobody else waiting."""
    from mlspec.runtime.image import text

    class Pictured(Many):
        columns = [{"name": "pixels", "type": "image", "channels": 1, "longest": 8}]
        features = []

    seen = []
    read = text.read
    monkeypatch.setattr(text, "read", lambda *given: seen.append(threading.current_thread().name) or read(*given))
    service = service_of(Pictured, tmp_path)
    try:
        for picture, status in ((text.example_text(Pictured.columns[0]), 200), ("bm9uZQ==", 422)):
            reply = asyncio.run(service.predict(json.dumps({"pixels": picture}).encode(), "id"))
            assert reply.status_code == status
        assert asyncio.run(service.predict(b"{", "id")).status_code == 400
    finally:
        service.close()
    assert len(seen) == 2 and all(name.startswith("score") for name in seen)


def test_a_score_that_is_not_finite_is_never_sent(tmp_path):
    with pytest.raises(BadScore):
        answer(Broken, tmp_path, "probability")


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"output": "shap"}, "MLS805"),
        ({"replicas": 3}, "MLS805"),
        ({"limits": {"rows": 3}}, "MLS805"),
        ({"fallback": "scorecard"}, "MLS901"),
        ({"request": ["age"]}, "MLS315"),
        ({"request": [*(column["name"] for column in COLUMNS), "income"]}, "MLS315"),
    ],
)
def test_a_config_that_no_server_can_keep_is_refused(tmp_path, config, code):
    with pytest.raises(StageError) as error:
        service_of(FakePackage, tmp_path, **config)
    assert error.value.code == code and error.value.where.startswith("api")


def test_a_log_field_that_the_model_lacks_and_a_secret_without_value(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_SALT", raising=False)

    def log(expression):
        return {"name": "d", "keep": 60, "sample": None, "fields": [{"name": "x", "expression": expression}]}

    with pytest.raises(StageError) as error:
        create_app(FakePackage(tmp_path), {"name": "api", "log": log(["features", ["income"]])}, project_root=tmp_path)
    assert (error.value.code, error.value.where) == ("MLS613", "d.x")
    hmac = ["call", "hmac", [["col", "sex", "category"]], {"key": ["secret", "salt"]}]
    for handle, code in (({"kind": "env", "variable": "NO_SALT"}, "MLS801"), ({"kind": "vault", "path": "x"}, "MLS901")):
        with pytest.raises(StageError) as error:
            create_app(
                FakePackage(tmp_path), {"name": "api", "secrets": {"salt": handle}, "log": log(hmac)}, project_root=tmp_path
            )
        assert error.value.code == code


def test_values_have_the_types_of_the_online_evaluator():
    schema = RequestSchema(COLUMNS, 10)
    body = {**GOOD, "hours": 40, "wage": "12.50", "born": "1980-02-29", "seen": "2026-03-31T10:00:00+02:00"}
    (record,), batch = schema.read(body)
    assert not batch
    assert record["hours"] == 40.0 and isinstance(record["hours"], float)
    assert record["wage"] == Decimal("12.50") and record["born"] == date(1980, 2, 29)
    assert record["seen"] == datetime.fromisoformat("2026-03-31T08:00:00+00:00")
    (record,), _ = schema.read({**GOOD, "wage": 0.1})
    assert record["wage"] == Decimal("0.10")


texts = st.text(st.characters(codec="utf-8"), max_size=20)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(json_values, st.booleans())
def test_the_strict_reader_agrees_with_the_standard_one_on_good_json(value, ascii_only):
    assert read_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_value_or_bad_json(body):
    try:
        read_json(body)
    except BadJson as error:
        assert str(error).isascii()


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_any_json_is_records_or_a_refusal_that_echoes_nothing(data):
    schema = RequestSchema(COLUMNS, 10)
    body = {
        **GOOD,
        **data.draw(
            st.dictionaries(st.sampled_from([*(column["name"] for column in COLUMNS), "zq8-canary"]), json_values, max_size=4)
        ),
    }
    body["workclass"] = ["zq8-canary"] if data.draw(st.booleans()) else body["workclass"]
    try:
        records, _ = schema.read(body)
    except RequestRefused as refused:
        assert refused.code in ("MLS805", "MLS802", "MLS804", "MLS211")
        assert "zq8-canary" not in json.dumps(refused.errors)
    else:
        assert set(records[0]) == {column["name"] for column in COLUMNS}


def test_defaults_of_the_limits():
    limits = read_config({"name": "api"}).limits
    assert (limits.body, limits.records, limits.headers, limits.receipt, limits.grace) == (1_048_576, 1_000, 16_384, 10.0, 30.0)
