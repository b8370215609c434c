"""A study on a real Ray cluster of two nodes is the study that this machine makes alone, even where a node is lost in the middle."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from test_search_study import LINEAR, search, search_config, small_inputs

from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.search.cluster import _require_closed, connect
from tests.support.ray_nodes import two_nodes

OPTUNA = {"name": "optuna", "algorithm": "tpe"}
RATE = {"dist": "loguniform", "low": 0.05, "high": 1.0}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_inputs(tmp_path_factory.mktemp("small"))


@pytest.fixture
def cluster():
    with two_nodes() as made:
        yield made


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own, of its sockets and subprocesses
def test_a_study_on_two_nodes_is_that_of_this_machine(tmp_path, small, cluster):
    inputs, features = small
    config = search_config(features, trials=12, engine=OPTUNA, pruner={"name": "asha", "factor": 2, "warmup": 0})
    _, alone = search(tmp_path / "alone", config, inputs)
    workers = {"name": "ray", "address": cluster.address}
    _, remote = search(tmp_path / "remote", {**config, "workers": workers}, inputs)
    assert files.sha256_files(remote) == files.sha256_files(alone)

    boosted = {
        "name": "leaves", "estimator": "lightgbm.LGBMClassifier", "params": {"max_depth": 3}, "space": {"learning_rate": RATE},
        "rounds": {"parameter": "n_estimators", "most": 40, "first": 2, "patience": 3},
    }  # fmt: skip
    rounds = {**config, "families": [boosted, LINEAR]}
    _, alone_by_rounds = search(tmp_path / "alone-rounds", rounds, inputs)
    _, remote_by_rounds = search(tmp_path / "remote-rounds", {**rounds, "workers": workers}, inputs)
    assert files.sha256_files(remote_by_rounds) == files.sha256_files(alone_by_rounds)

    def lose_a_node() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            journals = list((tmp_path / "lost").rglob("study.journal"))
            if journals and journals[0].read_bytes().count(b'"kind":"trial"') >= 3:
                break
            time.sleep(0.01)
        cluster.remove_node(cluster.nodes_of_trials.pop(), allow_graceful=False)

    loser = threading.Thread(target=lose_a_node)
    loser.start()
    _, lost = search(tmp_path / "lost", {**config, "trials": 20, "workers": workers}, inputs)
    loser.join()
    assert len(cluster.nodes_of_trials) == 1
    _, twenty = search(tmp_path / "twenty", {**config, "trials": 20}, inputs)
    assert files.sha256_files(lost) == files.sha256_files(twenty)


@pytest.mark.slow
def test_no_cluster_answers(tmp_path, small, monkeypatch):
    pytest.importorskip("ray", reason="pip install 'mlspec-lang[ray]'")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    inputs, features = small
    with pytest.raises(StageError) as caught:
        search(tmp_path, search_config(features, workers={"name": "ray", "address": "127.0.0.1:9"}), inputs)
    assert (caught.value.code, caught.value.where) == ("MLS810", "tune.workers")


@pytest.mark.parametrize("mode", ["token", "Token", "disabled", None])
def test_a_cluster_on_the_network_asks_for_a_token(monkeypatch, mode):
    """Ray without RAY_AUTH_MODE uses no token, so nothing said is as good as `disabled`."""
    monkeypatch.setenv("RAY_AUTH_MODE", mode or "")
    if mode is None:
        monkeypatch.delenv("RAY_AUTH_MODE")
    for address in ("auto", "127.0.0.1:6379", "[::1]:6379"):
        _require_closed(address, "tune")
    if mode in ("token", "Token"):
        _require_closed("10.0.0.7:6379", "tune")
        return
    with pytest.raises(StageError, match="no token is asked for"):
        _require_closed("10.0.0.7:6379", "tune")


def test_the_cluster_behind_auto_is_looked_at_too(monkeypatch):
    """`auto` is what RAY_ADDRESS says; a word that makes Ray start a cluster, or be a client, is no address."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.7:6379")
    with pytest.raises(StageError, match="no token is asked for") as caught:
        connect("auto", "tune")
    assert caught.value.code == "MLS810"
    for address in ("local", "ray://10.0.0.7:10001", "", "10.0.0.7"):
        with pytest.raises(StageError) as caught:
            connect(address, "tune")
        assert (caught.value.code, caught.value.where) == ("MLS209", "tune.workers")
    monkeypatch.setenv("RAY_ADDRESS", "local")
    with pytest.raises(StageError, match="outside its domain"):
        connect("auto", "tune")


def test_the_cluster_is_no_part_of_what_a_study_is(tmp_path, small, monkeypatch):
    """A study that a cluster began goes on here: the address is in neither key."""
    from types import SimpleNamespace

    from mlspec.graph.keys import stage_key
    from mlspec.runtime.search.stage import study_key

    inputs, features = small
    stages = []
    for config in (search_config(features), search_config(features, workers={"name": "ray", "address": "auto"})):
        context = SimpleNamespace(config=config, block="tune", inputs=lambda: inputs)
        stages.append(study_key(context))  # type: ignore[arg-type]
        from mlspec.graph.model import Stage

        stages.append(stage_key(Stage("tune-search", "search", "tune", config), 4, {}, {}, {}))
    assert stages[0] == stages[2]
    assert stages[1] == stages[3]
    assert Path(tmp_path).exists()


def test_a_fold_arrives_as_it_was_sent(small):
    """What goes to a node is JSON and arrays; the fold that is made of them there is the one that was here."""
    import numpy as np

    from mlspec.runtime.search.cluster import _arrays, _fold
    from mlspec.runtime.search.fold_data import FoldData
    from mlspec.runtime.transform import Matrix, Target

    numbers = np.arange(12.0).reshape(4, 3)
    for protected in (None, np.array([1.0, 0.0, 1.0, 1.0])):
        fitting = Target("multiclass", np.array([0.0, 1.0, 2.0, 1.0]), 3, protected=protected)
        sent = FoldData(
            Matrix(("a", "b", "c"), numbers), fitting, Matrix(("a", "b", "c"), numbers[:2]), fitting.take(np.arange(2))
        )
        text, *arrays = _arrays(sent)
        assert isinstance(text, bytes)
        found = _fold([text, *arrays])
        assert (found.fitting.names, found.fitting_target.classes, found.fitting_target.task) == (
            ("a", "b", "c"),
            3,
            "multiclass",
        )
        assert np.array_equal(found.judging.numbers, numbers[:2])
        assert (found.fitting_target.protected is None) == (protected is None)
        if protected is not None:
            assert np.array_equal(found.fitting_target.protected, protected)
