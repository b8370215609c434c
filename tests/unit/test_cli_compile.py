"""From a spec to the files of a target and back: what was written, by whom it was changed, which line it comes from."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlspec.backend import MAP
from mlspec.cli import main
from tests.support.distribution import install

SPEC = (Path(__file__).parents[1] / "cases" / "errors" / "MLS501" / "good.mlspec").read_text()
LIST = """\
from mlspec.backend import At, Backend, Capability, Emitted, Finding, Option, to_yaml


def emit(graph, options):
    stages = {stage.id: At({"kind": stage.kind, "block": stage.block}, stage.block) for stage in graph}
    made = to_yaml({"root": options["root"], "stages": stages})
    extra = {"more/extra.txt": "x\\n"} if options["extra"] else {}
    found = [Finding("MLS706", "people", {"target": "list", "name": "people", "why": "it is taken", "wanted": "another"})]
    return Emitted({"list.yaml": made.text, **extra}, found if options["refuse"] else (), {"list.yaml": made.origins})


def verify(emitted):
    return [Finding("MLS709", "people", {"target": "list", "got": "3 B", "limit": "2 B"})]


options = [Option("extra", bool, False, "one more file"), Option("refuse", bool, False, "find something")]
capabilities = {"cpu": "native", "exclusive": Capability("emulated", "it hopes"), "secrets": "native"}
backend = Backend("list", "the stages", emit, options, capabilities, verify=verify, versions=["1", "2"])
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    site = tmp_path / "site"
    site.mkdir()
    install(site, "mlspec-list", LIST)
    monkeypatch.syspath_prepend(str(site))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mlspec.toml").touch()
    (folder / "s.mlspec").write_text(SPEC)
    monkeypatch.chdir(folder)
    yield folder
    sys.modules.pop("mlspec_list", None)


def compiled(*more: str) -> int:
    return main(["compile", "s.mlspec", "--target", "list", *more])


def folder_of(project: Path) -> Path:
    return next((project / "build" / "list").iterdir())


def test_files_and_their_map_are_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compiled() == 0
    folder = folder_of(project)
    assert capsys.readouterr().out == f"{folder.relative_to(project) / 'list.yaml'}\n"
    written = json.loads((folder / MAP).read_text())
    assert (written["target"], written["spec"], written["env"]) == ("list", "s.mlspec", None)
    assert list(written["files"]) == ["list.yaml"]
    assert (folder / "list.yaml").read_text().startswith('root: "../../.."\n')
    assert compiled("-o", "near") == 0
    assert (project / "near" / "list.yaml").read_text().startswith('root: ".."\n')


def test_a_link_is_replaced_and_what_it_leads_to_is_kept(project: Path) -> None:
    compiled()
    kept = project / "mine.yaml"
    kept.write_text("mine: 1\n")
    (folder_of(project) / "list.yaml").unlink()
    (folder_of(project) / "list.yaml").symlink_to(kept)
    assert compiled("--force") == 0
    assert kept.read_text() == "mine: 1\n"
    assert not any(path.is_symlink() for path in folder_of(project).iterdir())


def test_twice_gives_the_same_files_untouched(project: Path) -> None:
    compiled()
    before = {path.name: path.stat().st_ino for path in folder_of(project).iterdir()}
    assert compiled() == 0
    assert {path.name: path.stat().st_ino for path in folder_of(project).iterdir()} == before


def test_check_tells_drift_from_an_edit(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compiled("--check") == 1
    assert "list.yaml: missing" in capsys.readouterr().out
    compiled()
    assert compiled("--check") == 0
    (project / "s.mlspec").write_text(SPEC.replace("source people", "source persons").replace("people.", "persons.")
                                      .replace("(people", "(persons").replace("= people", "= persons"))  # fmt: skip
    capsys.readouterr()
    assert compiled("--check") == 1
    assert "list.yaml: the spec has changed" in capsys.readouterr().out
    (folder_of(project) / "list.yaml").write_text("by hand\n")
    assert compiled("--check") == 1
    assert "list.yaml: edited by hand" in capsys.readouterr().out


def test_an_edit_by_hand_is_not_overwritten_unless_forced(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compiled()
    edited = folder_of(project) / "list.yaml"
    edited.write_text("by hand\n")
    assert compiled() == 1
    assert "mlspec eject" in capsys.readouterr().err
    assert edited.read_text() == "by hand\n"
    assert compiled("--force") == 0
    assert edited.read_text() != "by hand\n"


def test_what_is_left_over_goes_unless_it_was_edited(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compiled("--option", "extra=true")
    extra = folder_of(project) / "more" / "extra.txt"
    assert compiled("--check") == 1
    assert "more/extra.txt: left over" in capsys.readouterr().out
    assert compiled() == 0
    assert not extra.exists()
    compiled("--option", "extra=true")
    extra.write_text("mine\n")
    assert compiled() == 0
    assert extra.read_text() == "mine\n"


def test_nothing_is_written_when_the_target_finds_an_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compiled("--option", "refuse=true") == 1
    assert "error[MLS706]" in capsys.readouterr().err
    assert not (project / "build").exists()
    assert compiled("--verify") == 1
    assert "error[MLS709]" in capsys.readouterr().err
    assert not (project / "build").exists()


def test_a_damaged_map_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compiled()
    (folder_of(project) / MAP).write_text("{")
    assert compiled() == 1
    assert "is damaged" in capsys.readouterr().err
    (folder_of(project) / MAP).write_text('{"format": 9}')
    assert compiled("--check") == 1
    assert "format 1" in capsys.readouterr().err


def test_a_line_leads_back_to_the_spec(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compiled()
    file = folder_of(project) / "list.yaml"
    number = next(number for number, line in enumerate(file.read_text().splitlines(), 1) if line == "  people-extract:")
    capsys.readouterr()
    assert main(["explain-line", f"{file}:{number + 1}"]) == 0
    line = next(number for number, text in enumerate(SPEC.splitlines(), 1) if text.startswith("source people"))
    assert capsys.readouterr().out.startswith(f"s.mlspec:{line}:")
    assert main(["explain-line", f"{file}:1"]) == 0
    assert "comes from no line" in capsys.readouterr().out
    (project / "s.mlspec").write_text(SPEC.replace("\nsource people", "\n\n## moved\nsource people", 1))
    assert main(["explain-line", f"{file}:{number}", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["where"] == "people"
    file.write_text(file.read_text() + "# by hand\n")
    assert main(["explain-line", f"{file}:{number}"]) == 0
    assert "was edited" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nowhere", "FILE:LINE"),
        ("s.mlspec:²", "FILE:LINE"),
        ("s.mlspec:1", "mlspec-map.json"),
        ("s.mlspec:9999", "has no line"),
    ],
)
def test_a_place_that_leads_nowhere_is_told(project: Path, capsys: pytest.CaptureFixture[str], place: str, words: str) -> None:
    assert main(["explain-line", place]) == 2
    assert words in capsys.readouterr().err


def test_a_spec_that_is_gone_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compiled()
    file = folder_of(project) / "list.yaml"
    (project / "s.mlspec").rename(project / "t.mlspec")
    assert main(["explain-line", f"{file}:3"]) == 1
    assert "is not there any more" in capsys.readouterr().err


def test_ejected_files_carry_the_lines_they_come_from(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import yaml

    compiled()
    assert main(["eject", "s.mlspec", "--target", "list", "-o", "mine"]) == 0
    text = (project / "mine" / "list.yaml").read_text()
    assert "# s.mlspec:" in text and "source people" in text
    assert not (project / "mine" / MAP).exists()
    plain = (folder_of(project) / "list.yaml").read_text()
    assert yaml.safe_load(text)["stages"] == yaml.safe_load(plain)["stages"]
    assert main(["eject", "s.mlspec", "--target", "list", "-o", "mine"]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_the_table_of_targets(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["targets"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert "emulated" in rows["exclusive"] and "none" in rows["gpu"]
    assert main(["targets", "list"]) == 0
    said = capsys.readouterr().out
    assert "written for 1, 2" in said and "it hopes" in said
    assert main(["targets", "--format", "json"]) == 0
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)["targets"]}
    assert found["list"]["capabilities"]["exclusive"] == {"support": "emulated", "how": "it hopes", "since": ""}


def test_check_finds_what_a_target_cannot_do(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The way out of MLS701 names the targets that can."""
    block = next(line for line in SPEC.splitlines() if line.startswith("source people"))
    (project / "s.mlspec").write_text(SPEC.replace(block, f"{block}\n  memory = 1GiB", 1))
    assert main(["check", "s.mlspec", "--target", "list"]) == 1
    said = capsys.readouterr().out
    assert "error[MLS701]" in said and "`local`" in said


def test_a_map_that_leads_out_of_its_folder_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The folder may come from somebody else's commit."""
    compiled()
    victim = project / "victim.txt"
    victim.write_text("mine\n")
    path = folder_of(project) / MAP
    found = json.loads(path.read_text())
    path.write_text(
        json.dumps({**found, "files": {**found["files"], "../../../victim.txt": {"sha256": "0" * 64, "origins": []}}})
    )
    assert compiled("--force") == 1
    assert "is damaged" in capsys.readouterr().err
    assert victim.read_text() == "mine\n"


def test_a_folder_holds_one_spec(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compiled("-o", "out")
    before = (project / "out" / "list.yaml").read_text()
    (project / "other.mlspec").write_text(SPEC.replace("spec demo", "spec other"))
    assert main(["compile", "other.mlspec", "--target", "list", "-o", "out"]) == 1
    assert "holds the files of `s.mlspec`" in capsys.readouterr().err
    assert (project / "out" / "list.yaml").read_text() == before
    assert main(["compile", "other.mlspec", "--target", "list", "-o", "out", "--force"]) == 0
