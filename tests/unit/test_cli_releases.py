"""Which release a command answers with, of what lies in folders that other targets left; nothing is trained here, all of it is laid out."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlspec.cli import main
from mlspec.cli.releases import release_of
from mlspec.driver import Compilation
from mlspec.graph.keys import graph_recipes
from mlspec.runtime import files
from mlspec.runtime.errors import StageError
from mlspec.runtime.folder import Maker, publish_into
from mlspec.runtime.serve.release import Release

SPEC = Path(__file__).parents[1] / "targets" / "kfp" / "shop.mlspec"
MORE = """
score nightly {
  model = tune.best
  gate = release
  input = csv("visits.csv")
  keys = [visit]
  output = csv("build/scored.csv")
}

channel console = log()

serve api {
  model = tune.best
  gate = release
  engine = fastapi(port: 8461)
  log decisions {
    keep = 30d
    inputs := inputs
  }
}

monitor watch {
  of = api
  reference = parts.holdout
  every = 1h
  window = 1d
  drift := worst(psi(inputs)) <= 0.2 @notify(console)
}
"""
BLOCK = {"name": "nightly", "model": "tune", "gates": "release"}
Capture = pytest.CaptureFixture[str]


class World:
    """A project and what stages left in its folders."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.compilation = Compilation(root / "shop.mlspec")
        self.built = root / "build/dvc/shop"

    def put(self, folder: Path, stage: str, output: str, content: Mapping[str, Any]) -> str:
        """Lay out an artifact as its stage would; its digest."""
        one = self.compilation.graph[stage]
        work = files.make_folder(folder / "work")
        for name, value in content.items():
            files.write_json(work / name, value)
        maker = Maker("k" * 64, graph_recipes(self.compilation.graph)[stage])
        target = folder / "artifacts" / stage / output
        return str(publish_into(work, target, one.outputs[output], maker, output)["digest"])

    def package(self, folder: Path, content: str) -> str:
        return self.put(folder, "tune-search", "package", {"package.json": content})

    def verdict(self, folder: Path, package: str, *, passed: bool = True) -> None:
        gates = [{"name": "useful", "passed": passed, "status": "passed" if passed else "failed"}]
        self.put(
            folder,
            "release-verdict",
            "verdict",
            {"verdict.json": {"passed": passed, "gates": gates, "packages": {"tune": package}}},
        )

    def release(self, folder: Path, content: str, *, passed: bool = True) -> str:
        """A verdict and its package."""
        digest = self.package(folder, content)
        self.verdict(folder, digest, passed=passed)
        return digest

    def reference(self, folder: Path, package: str) -> None:
        self.put(folder, "watch-reference", "reference", {"reference.json": {"package": package}})

    def find(self, origin: str | None = None) -> Release:
        return release_of(argparse.Namespace(origin=origin, unreleased=False), self.compilation, BLOCK)

    def refused(self, origin: str | None = None) -> StageError:
        with pytest.raises(StageError) as caught:
            self.find(origin)
        return caught.value

    def runs(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_bytes()) for path in sorted((self.root / ".mlspec/runs").glob("*/summary.json"))]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "mlspec.toml").touch()
    (root / "visits.csv").write_text("visit,age,minutes,device,bought\n1,20,3.5,desk,no\n")
    (root / "shop.mlspec").write_text(SPEC.read_text() + MORE)
    monkeypatch.chdir(root)
    assert main(["compile", "shop.mlspec", "--target", "dvc"]) == 0
    return World(root)


def test_a_folder_that_was_named_answers_or_nothing_does(world: World, tmp_path: Path) -> None:
    """What its gates refused is not answered by another release."""
    good = world.release(world.built, "good")
    assert world.find().digest == good
    world.release(tmp_path / "out", "bad", passed=False)
    error = world.refused(str(tmp_path / "out"))
    assert (
        error.code == "MLS813" and "failed useful" in error.found and error.message.startswith(f"nothing in `{tmp_path}/out`")
    )
    assert world.refused(str(tmp_path / "out")).code == "MLS813", "the second time too"
    assert world.find().digest == good
    better = world.release(tmp_path / "other", "better")
    assert world.find(str(tmp_path / "other")).digest == better


def test_a_verdict_without_its_package_is_refused_and_blocks_nothing(world: World, tmp_path: Path) -> None:
    good = world.release(world.built, "good")
    world.find()
    fetched = tmp_path / "fetched"
    package = world.release(fetched, "fetched")
    shutil.move(fetched / "artifacts/tune-search", tmp_path / "kept")
    error = world.refused(str(fetched))
    assert error.code == "MLS813" and f"fetch `tune-search/package` of the same run into {fetched}/artifacts/" in error.help
    assert len(world.runs()) == 1 and world.find().digest == good
    world.package(fetched, "another")
    assert world.refused(str(fetched)).found == "another one"
    shutil.rmtree(fetched / "artifacts/tune-search")
    shutil.move(tmp_path / "kept", fetched / "artifacts/tune-search")
    assert world.find(str(fetched)).digest == package


def test_what_was_fetched_passed_and_is_said_not_to_be_whole(world: World, tmp_path: Path, capsys: Capture) -> None:
    world.release(tmp_path / "fetched", "good")
    world.find(str(tmp_path / "fetched"))
    (run,) = world.runs()
    assert (run["passed"], run["exit_code"]) == (True, 0)
    capsys.readouterr()
    assert main(["show"]) == 0
    absent, stages = len(world.compilation.graph) - 2, len(world.compilation.graph)
    assert f"under elsewhere  passed ({absent} of {stages} stages are not there)\n" in capsys.readouterr().out


def test_a_reference_of_another_package_is_left_out(world: World) -> None:
    """After a part of a pipeline: the package was fitted anew and its reference made, and no gates have seen it."""
    first = world.release(world.built, "first")
    world.reference(world.built, first)
    assert world.find().output(world.root, "watch-reference", "reference").is_dir()
    world.reference(world.built, world.package(world.built, "second"))
    release = world.find()
    assert release.digest == first
    with pytest.raises(StageError) as caught:
        release.output(world.root, "watch-reference", "reference")
    assert caught.value.code == "MLS819"
    second = world.release(world.built, "second")
    release = world.find()
    assert release.digest == second and release.output(world.root, "watch-reference", "reference").is_dir()
    world.reference(world.built, first)
    with pytest.raises(StageError, match="reference"):
        world.find().output(world.root, "watch-reference", "reference")


@pytest.mark.parametrize("text", ["[]", '"x"', '{"digest": []}', '{"format": 1, "files": [], "digest": []}', "{", "7"])
@pytest.mark.parametrize("place", ["run-report/report", "visits-extract/rows", "tune-search/study"])
def test_a_damaged_page_or_table_is_left_out(world: World, place: str, text: str) -> None:
    good = world.release(world.built, "good")
    stage, output = place.split("/")
    world.put(world.built, stage, output, {"content.json": 1})
    (world.built / "artifacts" / place / "manifest.json").write_text(text)
    assert world.find().digest == good
    assert output not in world.runs()[0]["stages"][stage]["outputs"]


def test_an_edited_page_is_left_out(world: World) -> None:
    good = world.release(world.built, "good")
    world.put(world.built, "run-report", "report", {"report.html": "a page"})
    (world.built / "artifacts/run-report/report/report.html").write_text("by hand")
    assert world.find().digest == good and world.runs()[0]["reports"] == {}


@pytest.mark.parametrize("place", ["release-verdict/verdict", "tune-search/package"])
@pytest.mark.parametrize("text", ["[]", '"x"', '{"digest": []}', "{", '{"format": 1, "files": {"a": 1}, "digest": "x"}'])
def test_a_damaged_release_is_said_and_keeps_no_other_from_answering(
    world: World, tmp_path: Path, capsys: Capture, place: str, text: str
) -> None:
    good = world.release(tmp_path / "fetched", "good")
    world.find(str(tmp_path / "fetched"))
    world.release(world.built, "bad")
    (world.built / "artifacts" / place / "manifest.json").write_text(text)
    capsys.readouterr()
    assert world.find().digest == good
    assert "warning[MLS808]: `build/dvc/shop` is no release: " in capsys.readouterr().err
    assert world.refused("build/dvc/shop").code == "MLS808", "who names it is told so"


def test_a_project_compiled_elsewhere_is_named(world: World) -> None:
    """`compile -o DIR`: nobody looks there by himself, and the help says how."""
    good = world.release(world.root / "flow", "good")
    error = world.refused()
    assert error.code == "MLS813" and "compiled with `-o DIR`" in error.help and "`--from DIR`" in error.help
    assert world.find("flow").digest == good
