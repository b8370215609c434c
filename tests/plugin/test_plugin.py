"""A backend of another package: found by its entry point, loaded when asked for, and three ways in which it can be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.cli import main
from mlspec.registry import RegistryError, entries, load_backend
from tests.support.distribution import install

DEMO = Path(__file__).parents[1] / "cases" / "errors" / "MLS501" / "good.mlspec"
LIST = """\
from mlspec.backend import Backend, Emitted


def emit(graph, options):
    return Emitted({"stages.txt": "\\n".join(graph.stages) + "\\n"})


backend = Backend("list", "the stages, one a line", emit, capabilities={"exclusive": "native"})
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


def test_it_is_found_without_being_imported_and_compiles(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    install(site, "mlspec-list", LIST)
    assert ("list", "mlspec-list") in {(entry.name, entry.distribution) for entry in entries()}
    assert "mlspec_list" not in sys.modules
    assert main(["compile", str(DEMO), "--target", "list", "-o", str(tmp_path / "out")]) == 0
    assert "people-extract\n" in (tmp_path / "out" / "stages.txt").read_text()
    assert main(["compile", str(DEMO), "--target", "list", "-o", str(tmp_path / "out"), "--check"]) == 0
    (tmp_path / "out" / "stages.txt").write_text("by hand\n")
    assert main(["compile", str(DEMO), "--target", "list", "-o", str(tmp_path / "out"), "--check"]) == 1
    del sys.modules["mlspec_list"]


def test_there_is_none(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RegistryError, match="there is no target `kubeflow`") as caught:
        load_backend("kubeflow")
    assert "local" in caught.value.expected
    assert main(["compile", str(DEMO), "--target", "kubeflow"]) == 2
    assert "there is no target `kubeflow`" in capsys.readouterr().err


def test_there_are_two(site: Path) -> None:
    install(site, "mlspec-list-a", LIST)
    install(site, "mlspec-list-b", LIST)
    with pytest.raises(RegistryError, match="two packages bring a target `list`") as caught:
        load_backend("list")
    assert caught.value.found == "mlspec-list-a, mlspec-list-b"


def test_a_library_is_missing(site: Path) -> None:
    install(site, "mlspec-list-c", "import no_such_library\n")
    with pytest.raises(RegistryError, match="needs `no_such_library`") as caught:
        load_backend("list")
    assert "pip install" in caught.value.help


@pytest.mark.parametrize(("text", "words"), [("backend = 3\n", "is no backend"), ("x = 3\n", "has no")])
def test_it_is_something_else(site: Path, text: str, words: str) -> None:
    install(site, f"mlspec-list-{len(text)}", text)
    with pytest.raises(RegistryError, match=words):
        load_backend("list")
