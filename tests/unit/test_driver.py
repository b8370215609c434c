"""The driver and the public API: stages on demand, imports inside the project, errors as values."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlspec
from mlspec.driver import MAX_PROJECT, Compilation, Project

DEMO = (Path(__file__).parents[1] / "cases" / "errors" / "MLS501" / "good.mlspec").read_text()
SHARED = 'mlspec 2026.1\n\nspec shared {\n  owner = "a"\n}\n\nparam floor: float = 0.7\n'


def importing(path: str) -> str:
    """The demo spec with its threshold taken from another file."""
    text = DEMO.replace("mlspec 2026.1\n", f'mlspec 2026.1\n\nuse "{path}" as shared\n')
    return text.replace("lower(auc(candidate)) >= 0.7", "lower(auc(candidate)) >= shared.floor")


def codes(path: Path) -> list[str]:
    return [found.code.id for found in mlspec.check(path)]


@pytest.mark.parametrize(
    ("markers", "spec", "root"),
    [
        (("mlspec.toml", "a/.git"), "a/b/x.mlspec", "."),
        ((".git",), "a/b/x.mlspec", "."),
        (("a/mlspec.toml", "mlspec.toml"), "a/b/x.mlspec", "a"),
        ((), "a/b/x.mlspec", "a/b"),
    ],
)
def test_the_root_of_a_project(markers: tuple[str, ...], spec: str, root: str, tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for marker in markers:
        (tmp_path / marker).touch()
    assert Project.of(tmp_path / spec).root == (tmp_path / root)


def test_an_import_is_read_from_beside_the_spec(tmp_path: Path) -> None:
    (tmp_path / "mlspec.toml").touch()
    (tmp_path / "specs" / "shared").mkdir(parents=True)
    (tmp_path / "specs" / "shared" / "s.mlspec").write_text(SHARED)
    path = tmp_path / "specs" / "demo.mlspec"
    path.write_text(importing("./shared/s.mlspec"))
    found = mlspec.load(path)
    gates = found.graph["release-verdict"].config["gates"]
    assert gates[0]["expression"][2][1] == ["lit", 0.7, "float"]
    assert [Path(name).name for name in found.texts] == ["demo.mlspec", "s.mlspec"]


def test_an_import_outside_the_project_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "mlspec.toml").touch()
    (tmp_path / "s.mlspec").write_text(SHARED)
    (root / "demo.mlspec").write_text(importing("../s.mlspec"))
    assert "MLS114" in codes(root / "demo.mlspec")
    (root / "link.mlspec").symlink_to(tmp_path / "s.mlspec")
    (root / "demo.mlspec").write_text(importing("./link.mlspec"))
    assert "MLS114" in codes(root / "demo.mlspec")


def test_an_error_in_an_import_is_found_in_the_import(tmp_path: Path) -> None:
    (tmp_path / "s.mlspec").write_text(SHARED.replace("0.7", "0.7x"))
    (tmp_path / "demo.mlspec").write_text(importing("./s.mlspec"))
    found = mlspec.check(tmp_path / "demo.mlspec")
    assert {item.span.source.name for item in found if item.span is not None and item.severity == "error"} == {
        str(tmp_path / "s.mlspec")
    }
    assert "MLS114" not in {item.code.id for item in found}, "it was read: what is wrong stands in it"


def test_imports_have_a_limit_of_text(tmp_path: Path) -> None:
    filler = "# " + "x" * 98 + "\n"
    names = []
    for number in range(6):
        names.append(f'use "./s{number}.mlspec" as s{number}\n')
        (tmp_path / f"s{number}.mlspec").write_text(SHARED + filler * 2400)
    (tmp_path / "demo.mlspec").write_text(DEMO.replace("mlspec 2026.1\n", "mlspec 2026.1\n\n" + "".join(names)))
    assert 5 * 2400 * len(filler) > MAX_PROJECT
    assert "MLS115" in codes(tmp_path / "demo.mlspec")


def test_errors_come_as_one_exception_with_all_findings(tmp_path: Path) -> None:
    path = tmp_path / "demo.mlspec"
    path.write_text(DEMO.replace("parts.train,", "parts.trian,").replace("trials", "trails"))
    with pytest.raises(mlspec.CompileError, match="MLS101") as caught:
        mlspec.load(path)
    assert isinstance(caught.value.diagnostics[0], mlspec.Diagnostic)
    found = Compilation(path)
    assert not found.ok
    with pytest.raises(ValueError, match="no graph"):
        _ = found.graph


def test_compile_and_plan_from_python(tmp_path: Path) -> None:
    path = tmp_path / "demo.mlspec"
    path.write_text(DEMO)
    (tmp_path / "people.csv").write_text("code\n")
    assert set(mlspec.compile(path, "local")) == {"plan.json"}
    assert len(mlspec.load(path).plan.to_run()) == 16


def test_an_import_is_part_of_the_digest(tmp_path: Path) -> None:
    path = tmp_path / "demo.mlspec"
    path.write_text(importing("./s.mlspec"))
    digests = set()
    for floor in ("0.7", "0.8"):
        (tmp_path / "s.mlspec").write_text(SHARED.replace("0.7", floor))
        digests.add(mlspec.load(path).spec_digest)
    assert len(digests) == 2


def test_a_test_is_no_part_of_the_digest_and_a_gate_is(tmp_path: Path) -> None:
    path = tmp_path / "demo.mlspec"
    test = "\ntest at_the_threshold {\n  given release = [row(useful: 0.7)]\n  released := release\n}\n"
    digests = []
    for text in (DEMO, DEMO + test, DEMO.replace(">= 0.7", ">= 0.6")):
        path.write_text(text)
        digests.append(mlspec.load(path).spec_digest)
    assert digests[0] == digests[1] != digests[2]
