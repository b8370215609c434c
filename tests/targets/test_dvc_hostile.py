"""Text of a spec changes nothing in the structure of the generated files, as DVC, YAML 1.1 and YAML 1.2 read them."""

from __future__ import annotations

import glob
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlspec
from mlspec.backend import Emitted
from mlspec.graph import Graph, GraphError, Stage
from mlspec.graph.plan_format import plan_from_json, plan_to_json
from mlspec.registry import load_backend
from tests.targets.dvc_world import BIN
from tests.targets.hostile import strings
from tests.targets.kfp_world import shop

pytest.importorskip("dvc", reason="pip install 'mlspec-lang[dvc]'")
pytestmark = pytest.mark.filterwarnings("ignore")  # DVC and what it imports warn of their own use of older interfaces

COMMAND = re.compile(r"[A-Za-z0-9_./ -]+\Z")
WORDS = re.compile(r"[A-Za-z0-9_./ :'-]*\Z")
FROM = "../../../visits.csv"


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return plan_to_json(mlspec.load(shop(tmp_path_factory.mktemp("shop"))).graph)


class Reader:
    """Reads a compiled folder as DVC does: its own file, stages and resolver."""

    def __init__(self, root: Path) -> None:
        from dvc.repo import Repo

        self.folder = root / "build/dvc/shop"
        self.folder.mkdir(parents=True)
        self.repo = Repo.init(str(root), no_scm=True)

    def stages(self, emitted: Emitted) -> dict[str, Any]:
        from dvc.dvcfile import load_file

        for name, text in emitted.files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        self.repo._reset()
        loaded = load_file(self.repo, str(self.folder / "dvc.yaml")).stages
        return {name: _described(loaded[name]) for name in loaded}


def _described(stage: Any) -> dict[str, Any]:
    return {
        "cmd": stage.cmd,
        "deps": [str(dep.def_path) for dep in stage.deps],
        "params": [list(getattr(dep, "params", ())) for dep in stage.deps],
        "outs": [(out.def_path, out.use_cache, out.persist, bool(out.metric)) for out in stage.outs],
        "always": stage.always_changed,
    }


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("dvc"))


def emit(plan: dict[str, Any]) -> Emitted:
    backend = load_backend("dvc")
    return backend.emit(plan_from_json(plan), backend.read_options({}))


def positions(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every string in a JSON tree; one to a key ends in `("key", name)`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, ("key", key))
            yield from positions(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from positions(item, (*path, place))
    elif isinstance(value, str):
        yield path


def replaced(plan: dict[str, Any], path: tuple[Any, ...], text: str) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(plan))
    holder: Any = copy
    for step in path[:-1]:
        holder = holder[step]
    last = path[-1]
    if isinstance(last, tuple):
        name = f"package.{text}" if last[1].startswith("package.") else text
        items = [(name if key == last[1] else key, item) for key, item in holder.items()]
        holder.clear()
        holder.update(items)
    else:
        holder[last] = text
    return copy


def tree_12(text: str) -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load(text)


def check_injections(plan: dict[str, Any], reader: Reader, count: int) -> None:
    before = emit(plan)
    structure, tree = reader.stages(before), yaml.safe_load(before.files["dvc.yaml"])
    # Without its `paths` a source names no file: that is another plan, not another text.
    places = [path for path in positions(plan) if path[-1] != ("key", "paths")]
    draw = random.Random(count)
    outcomes = {"same": 0, "refused": 0, "path": 0}
    for text in strings(count):
        path = ("stages", "visits-extract", "config", "paths", 0) if draw.random() < 0.15 else draw.choice(places)
        try:
            emitted = emit(replaced(plan, path, text))
        except GraphError:
            outcomes["refused"] += 1  # it is no plan, and no file is written
            continue
        if any(finding.code in ("MLS701", "MLS706") for finding in emitted.findings):
            assert all(finding.where for finding in emitted.findings)
            outcomes["refused"] += 1
            continue
        outcomes["path" if path[-2:] == ("paths", 0) else "same"] += 1
        source = f"../../../{depended(text)}" if path[-2:] == ("paths", 0) else FROM
        check_one(emitted, reader, structure, tree, source, (path, text))
    assert min(outcomes.values()) > 0, outcomes


def depended(path: str) -> str:
    """The file, or the folder above a pattern."""
    return "/".join(takewhile(lambda part: not glob.has_magic(part), path.split("/")))


def check_one(emitted: Emitted, reader: Reader, structure: Any, tree: Any, source: str, about: Any) -> None:
    written = emitted.files["dvc.yaml"]
    assert all(text.isascii() for text in emitted.files.values()), about
    wanted = json.loads(json.dumps(tree["stages"]).replace(json.dumps(FROM), json.dumps(source)))
    old, new = yaml.safe_load(written), tree_12(written)
    assert old == new, about
    assert old["stages"] == wanted, about
    found = reader.stages(emitted)
    moved = {
        **structure,
        "visits-extract": {**structure["visits-extract"], "deps": [source, *structure["visits-extract"]["deps"][1:]]},
    }
    assert found == moved, about
    assert all(COMMAND.match(stage["cmd"]) for stage in found.values()), about
    assert all(WORDS.match(text) for text in _strings([old.get("plots"), old.get("artifacts")])), about


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value


def test_a_hundred_hostile_strings_in_every_kind_of_place(plan: dict[str, Any], reader: Reader) -> None:
    check_injections(plan, reader, 100)


@pytest.mark.slow
def test_two_thousand_hostile_strings(plan: dict[str, Any], reader: Reader) -> None:
    check_injections(plan, reader, 2_000)


def test_the_check_can_fail(plan: dict[str, Any], reader: Reader) -> None:
    """A file into which text went unescaped is caught by each of the three readings."""
    emitted = emit(plan)
    structure, tree = reader.stages(emitted), yaml.safe_load(emitted.files["dvc.yaml"])
    for old, new in (("visits-extract --plan", "visits-extract; touch pwned --plan"), ('"artifacts/base-fit/package"', "on")):
        spoiled = Emitted({**emitted.files, "dvc.yaml": emitted.files["dvc.yaml"].replace(old, new)})
        with pytest.raises(AssertionError):
            check_one(spoiled, reader, structure, tree, FROM, new)


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "fish"])
def test_commands_mean_the_same_in_every_shell(tmp_path: Path, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        say = f"{shell} IS NOT TESTED: install it (apt-get install {shell})"
        pytest.fail(say) if os.environ.get("CI") == "true" else pytest.skip(say)
    (tmp_path / "mlspec.toml").write_text("")
    text = "".join(strings(150))
    first = Stage("a-write", "write", "a", {"text": text}, {}, {"file": "json"})
    second = Stage("b-write", "write", "b", {"text": "$(touch pwned)"}, {"$(touch pwned)": "a-write/file"}, {"file": "json"})
    backend = load_backend("dvc")
    emitted = backend.emit(Graph.of([first, second]), backend.read_options({}, "."))
    for name, content in emitted.files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    given = {**os.environ, "SHELL": program, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=tmp_path, env=given, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"], cwd=tmp_path, env=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "artifacts/a-write/file/file.json").read_text())["text"] == text
    assert not list(tmp_path.rglob("pwned"))
