"""What a run under kfp's runner came to, read from the folders of its tasks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlspec_kfp.results import read_outcome

from mlspec.graph import Graph, Stage
from mlspec.runtime.errors import StageError
from mlspec.runtime.kfp.answer import ExecutorInput


@pytest.mark.parametrize("passed", [True, False])
def test_a_verdict_counts_where_nothing_enforces_it(tmp_path: Path, passed: bool) -> None:
    """`--only release-verdict` runs no `enforce`."""
    verdict = Stage("release-verdict", "verdict", "release", {}, {}, {"verdict": "json"})
    graph = Graph("shop", "0" * 64, {verdict.id: verdict})
    task = tmp_path / "pipeline" / "release-verdict"
    (task / "verdict").mkdir(parents=True)
    (task / "verdict" / "verdict.json").write_text(json.dumps({"passed": passed}))
    (task / "executor_output.json").write_text(
        json.dumps({"artifacts": {"verdict": {"artifacts": [{"metadata": {"digest": "d"}}]}}})
    )
    result = read_outcome(graph, tmp_path).result(tmp_path, 0)
    assert result.passed is passed
    assert result.artifacts == {"release-verdict/verdict": "d"}


@pytest.mark.parametrize("text", ["{", "[]", '{"outputs": {"outputFile": "/x", "artifacts": []}}', '{"outputs": {}}'])
def test_what_kfp_does_not_pass_is_told(text: str) -> None:
    with pytest.raises(StageError) as caught:
        ExecutorInput(text)
    assert caught.value.code == "MLS101"
