"""The store: published once, verified on every read, complete only with a manifest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.manifest import Manifest
from mlspec.runtime.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path)
    made.prepare()
    return made


def _made(store: Store, name: str, text: str) -> Path:
    folder = store.temporary / name
    folder.mkdir()
    (folder / "a.json").write_text(text)
    return folder


def test_equal_content_is_one_artifact(store: Store) -> None:
    first = store.publish(_made(store, "one", "x"), "json")
    second = store.publish(_made(store, "two", "x"), "json")
    other = store.publish(_made(store, "three", "y"), "json")
    assert first == second and other.digest != first.digest and len(list(store.artifacts.iterdir())) == 2
    assert (store.artifact(first.digest) / "a.json").read_text() == "x" and first.bytes == 1


def test_publishing_replaces_a_corrupt_twin(store: Store) -> None:
    output = store.publish(_made(store, "one", "x"), "json")
    (store.artifacts / output.digest / "a.json").write_text("spoilt")
    assert store.publish(_made(store, "two", "x"), "json") == output
    store.artifact(output.digest)


def test_two_workers_may_publish_equal_content_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one comes between the look and the rename."""
    mine, other = _made(store, "one", "x"), _made(store, "two", "x")
    real = files.publish_folder

    def late(source: Path, target: Path) -> None:
        real(other, target)
        real(source, target)

    monkeypatch.setattr(files, "publish_folder", late)
    output = store.publish(mine, "json")
    assert (store.artifact(output.digest) / "a.json").read_text() == "x"


def test_complete_means_manifest(store: Store) -> None:
    output = store.publish(_made(store, "one", "x"), "json")
    manifest = Manifest("k" * 64, "a-write", "write", 1, {"file": output}, packages={"duckdb": "2.0"}, seconds=0.5)
    assert store.find(manifest.key) is None
    store.complete(manifest)
    assert store.find(manifest.key) == manifest


def test_discard_forgets_the_stage_and_its_corrupt_artifacts_only(store: Store) -> None:
    good, bad = store.publish(_made(store, "one", "x"), "json"), store.publish(_made(store, "two", "y"), "json")
    manifest = Manifest("k" * 64, "a", "write", 1, {"good": good, "bad": bad})
    store.complete(manifest)
    (store.artifacts / bad.digest / "a.json").write_text("z")
    with pytest.raises(StageError) as caught:
        store.find(manifest.key)
    assert caught.value.code == "MLS808" and bad.digest in caught.value.expected and "a.json" in caught.value.examples[0]
    store.discard(manifest.key)
    assert store.find(manifest.key) is None and [path.name for path in store.artifacts.iterdir()] == [good.digest]


def test_prepare_removes_what_killed_runs_left(store: Store) -> None:
    _made(store, "half", "x")
    (store.stages / ".k.json.77.mlspec-tmp").write_text("{")
    assert len(store.prepare()) == 2
    assert list(store.temporary.iterdir()) == [] and list(store.stages.iterdir()) == []


def test_what_a_live_neighbour_makes_stays(store: Store, tmp_path: Path) -> None:
    """A process elsewhere holds its folder while it works, and leaves it free when it is killed."""
    script = (
        "import sys, time, pathlib; from mlspec.runtime.store import Store\n"
        f"with Store(pathlib.Path({str(tmp_path)!r})).workspace('a') as folder:\n"
        "    (folder / 'x').write_text('half'); print(folder.name, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as neighbour:
        assert neighbour.stdout is not None
        folder = store.temporary / neighbour.stdout.readline().strip()
        with store.workspace("own") as own:
            assert store.sweep() == [] and own.is_dir() and (folder / "x").read_text() == "half"
        neighbour.kill()
    assert store.sweep() == [folder] and list(store.temporary.iterdir()) == []


def test_a_workspace_that_failed_is_swept_and_one_that_did_not_is_gone(store: Store) -> None:
    with store.workspace("good") as folder:
        (folder / "x").write_text("")
    assert list(store.temporary.iterdir()) == []
    with pytest.raises(KeyError), store.workspace("bad") as folder:
        raise KeyError
    assert store.sweep() == [folder] and list(store.temporary.iterdir()) == []


def test_a_manifest_under_another_key_is_refused(store: Store) -> None:
    store.complete(Manifest("a" * 64, "a", "write", 1, {}))
    (store.stages / f"{'a' * 64}.json").rename(store.stages / f"{'b' * 64}.json")
    with pytest.raises(StageError, match="corrupt"):
        store.find("b" * 64)
