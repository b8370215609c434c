"""What every backend owes, the built-in ones and anybody else's."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

import mlspec
from mlspec.backend import NEEDS, Backend, Option, OptionError, capability, check_capabilities
from mlspec.graph import Graph, Resources, Stage
from mlspec.registry import entries, load_backend

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("*.mlspec"))
NAMES = [entry.name for entry in entries()]


def test_the_built_in_targets_are_registered_as_anybody_elses() -> None:
    assert "local" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_backend_says_what_it_is(name: str) -> None:
    backend = load_backend(name)
    assert backend.name == name
    assert backend.summary
    assert set(backend.capabilities) <= set(NEEDS)
    assert {capability(backend, need).support for need in NEEDS} <= {"native", "emulated", "none"}
    assert all(capability(backend, need).how for need in NEEDS if capability(backend, need).support == "emulated")
    assert backend.read_options({}) == {"root": "../../..", **{option.name: option.default for option in backend.options}}
    with pytest.raises(OptionError):
        backend.read_options({"no_such_option": "1"})


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
@pytest.mark.parametrize("name", NAMES)
def test_emit_is_pure_and_gives_relative_paths(name: str, path: Path) -> None:
    backend = load_backend(name)
    graph = mlspec.load(path).graph
    options = backend.read_options({})
    first, second = backend.emit(graph, options), backend.emit(graph, options)
    assert dict(first.files) == dict(second.files)
    assert first.files
    for file in first.files:
        assert not PurePosixPath(file).is_absolute() and ".." not in PurePosixPath(file).parts


def test_what_a_target_cannot_do_is_found_at_its_block() -> None:
    stage = Stage("a", "write", "net", {}, {}, {"file": "json"}, resources=Resources(gpu="h100", retry=2, time_limit=5.0))
    backend = Backend("x", "x", lambda graph, options: None, capabilities={"retry": "emulated", "time_limit": "native"})  # type: ignore[arg-type,return-value]
    found = check_capabilities(backend, Graph.of([stage]))
    assert [(item.code, item.where) for item in found] == [("MLS701", "net.gpu"), ("MLS702", "net.retry")]


@pytest.mark.parametrize(("kind", "text", "value"), [(int, "3", 3), (float, "0.5", 0.5), (bool, "true", True), (str, "x", "x")])
def test_options_are_read_by_type(kind: type, text: str, value: object) -> None:
    assert Option("o", kind, None, "doc").read(text) == value


@pytest.mark.parametrize(("kind", "text"), [(int, "x"), (bool, "yes"), (float, "")])
def test_an_option_of_another_type_is_refused(kind: type, text: str) -> None:
    with pytest.raises(OptionError):
        Option("o", kind, None, "doc").read(text)
