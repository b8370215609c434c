"""Promises of a `serve` block: what is read as one, which requests keep it, and the counters that say so."""

from __future__ import annotations

from typing import Any

import pytest

from mlspec.runtime.errors import StageError
from mlspec.runtime.serve.objectives import Objective, objectives
from tests.runtime.serve_process import GOOD, serve_fake

SECONDS = "duration"


def latency(summary: str) -> Any:
    return ["call", summary, [["call", "latency", [["ambient", "live", "model"]], {}]], {}]


def compare(op: str, left: Any, right: Any) -> Any:
    return ["call", op, [left, right], {}]


def within(seconds: float, summary: str = "p95") -> dict[str, Any]:
    return {"name": f"in_{summary}", "expression": compare("<=", latency(summary), ["lit", seconds, SECONDS])}


@pytest.mark.parametrize(
    ("expression", "objective", "text"),
    [
        (within(0.04)["expression"], Objective("slo", 0.95, 0.04), "95% of requests answered within 40ms"),
        (compare("<", latency("p50"), ["lit", 1.0, SECONDS]), Objective("slo", 0.5, 1.0, True), "50% of requests answered in less than 1s"),
        (compare(">=", ["lit", 0.5, SECONDS], latency("p99")), Objective("slo", 0.99, 0.5), "99% of requests answered within 500ms"),
    ],
)  # fmt: skip
def test_a_quantile_of_the_latency_is_a_share_of_requests(expression: Any, objective: Objective, text: str) -> None:
    (found,) = objectives([{"name": "slo", "expression": expression}], "api")
    assert (found, found.text()) == (objective, text)


@pytest.mark.parametrize(
    "expression",
    [
        compare("<=", latency("mean"), ["lit", 1.0, SECONDS]),
        compare(">=", latency("p95"), ["lit", 1.0, SECONDS]),
        compare(">=", ["metric", "auc", "live", {}], ["lit", 0.7, "float"]),
        compare("and", within(0.1)["expression"], within(0.2, "p99")["expression"]),
        ["call", "not", [within(0.1)["expression"]], {}],
    ],
)
def test_another_promise_is_refused_at_its_place(expression: Any) -> None:
    with pytest.raises(StageError) as caught:
        objectives([{"name": "slo", "expression": expression}], "api")
    assert (caught.value.code, caught.value.where) == ("MLS901", "api.slo")


def test_which_answers_keep_a_promise() -> None:
    at_most, below = Objective("a", 0.95, 0.04), Objective("b", 0.95, 0.04, open=True)
    assert [at_most.kept(200, seconds) for seconds in (0.039, 0.04, 0.041)] == [True, True, False]
    assert [below.kept(200, seconds) for seconds in (0.039, 0.04)] == [True, False]
    assert [at_most.kept(status, 0.001) for status in (422, 429, 500, 503)] == [None, None, False, False]


def test_a_server_counts_what_it_kept_and_what_not(tmp_path: Any) -> None:
    """One promise that every answer keeps and one that none can; a wrong request and a probe are no part of either."""
    with serve_fake(tmp_path, {"slo": [within(20.0), within(1e-9, "p99")]}) as server:
        for _ in range(3):
            assert server.request("POST", "/predict", GOOD)[0] == 200
        assert server.request("POST", "/predict", {"age": "old"})[0] == 422
        assert server.request("GET", "/healthz")[0] == 200
        page = server.request("GET", "/metrics")[2].decode()
        said = server.stderr
    counted = {line for line in page.splitlines() if line.startswith("mlspec_slo_") and "_created" not in line}
    assert counted == {
        'mlspec_slo_objective_ratio{slo="in_p95"} 0.95', 'mlspec_slo_objective_ratio{slo="in_p99"} 0.99',
        'mlspec_slo_limit_seconds{slo="in_p95"} 20.0', 'mlspec_slo_limit_seconds{slo="in_p99"} 1e-09',
        'mlspec_slo_requests_total{kept="yes",slo="in_p95"} 3.0', 'mlspec_slo_requests_total{kept="no",slo="in_p95"} 0.0',
        'mlspec_slo_requests_total{kept="yes",slo="in_p99"} 0.0', 'mlspec_slo_requests_total{kept="no",slo="in_p99"} 3.0',
    }  # fmt: skip
    assert "promise `in_p95`: 95% of requests answered within 20s, counted in mlspec_slo_requests_total" in said
