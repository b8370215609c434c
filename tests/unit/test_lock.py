"""`mlspec.lock`: what a check says of imports that it does not hold, and what `mlspec lock` writes."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from hashlib import sha256
from pathlib import Path

import pytest

import mlspec
from mlspec.cli import exits, main
from mlspec.diagnostics.render import render
from mlspec.driver import Compilation
from mlspec.spec.lock import LockError, digest, dumps, loads, loads_data, loads_rows
from tests.support.golden import compare

CASES = Path(__file__).parents[1] / "cases" / "errors" / "MLS111"
Capture = pytest.CaptureFixture[str]


def found(folder: Path) -> str:
    return render([one for one in mlspec.check(folder / "demo.mlspec") if one.code.id != "MLS107"]).replace(
        f"{folder}{os.sep}", ""
    )


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.glob("bad_*") if path.is_dir()))
def test_an_import_that_is_not_locked_is_a_warning_at_its_use(case: str) -> None:
    text = found(CASES / case)
    assert text.startswith("warning[MLS111]: `./shared/team.mlspec` is not locked: ") and text.count("MLS111") == 1
    compare(CASES / case / "demo.txt", text)


def test_a_locked_import_is_no_finding() -> None:
    assert found(CASES / "good_locked") == ""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The case without a lock, with an import of an import."""
    monkeypatch.chdir(tmp_path)
    for path in (CASES / "bad_absent").rglob("*.*"):
        target = tmp_path / path.relative_to(CASES / "bad_absent")
        target.parent.mkdir(exist_ok=True)
        target.write_text(path.read_text())
    team = tmp_path / "shared" / "team.mlspec"
    team.write_text(team.read_text().replace("2026.1\n", '2026.1\n\nuse "../base/more.mlspec" as more\n', 1))
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "more.mlspec").write_text('mlspec 2026.1\n\nspec more {\n  owner = "team-a"\n}\n\nparam n: int = 1\n')
    return tmp_path


def run(*arguments: str, code: int = 0) -> None:
    assert main(list(arguments)) == code


def warned(capsys: Capture) -> int:
    capsys.readouterr()
    main(["check", "demo.mlspec"])
    return capsys.readouterr().out.count("MLS111")


def test_lock_pins_imports_of_imports_and_a_check_sees_it_at_once(project: Path, capsys: Capture) -> None:
    assert warned(capsys) == 2 and warned(capsys) == 2
    run("lock", "--check", code=exits.FOUND)
    assert not (project / "mlspec.lock").exists()
    run("lock")
    assert capsys.readouterr().out.endswith("+ base/more.mlspec\n+ shared/team.mlspec\n")
    assert warned(capsys) == 0, "the kept answer of the check before is not given"
    run("lock", "--check")
    held = json.loads((project / "mlspec.lock").read_text())["files"]
    assert held == {name: digest((project / name).read_text()) for name in ("base/more.mlspec", "shared/team.mlspec")}


def test_an_edit_is_told_and_line_ends_are_none(project: Path, capsys: Capture) -> None:
    run("lock")
    more = project / "base" / "more.mlspec"
    more.write_bytes(more.read_bytes().replace(b"\n", b"\r\n"))
    assert warned(capsys) == 0
    more.write_text(more.read_text() + "# one more line\n")
    assert warned(capsys) == 1
    run("lock", "--check", code=exits.FOUND)
    assert capsys.readouterr().out == "~ base/more.mlspec\n"


def test_entries_of_other_specs_stay_and_those_of_files_that_are_gone_do_not(project: Path, capsys: Capture) -> None:
    run("lock")
    files = json.loads((project / "mlspec.lock").read_text())["files"]
    (project / "other.mlspec").write_text("mlspec 2026.1\n")
    (project / "mlspec.lock").write_text(dumps({**files, "other.mlspec": "sha256:1", "gone.mlspec": "sha256:2"}))
    capsys.readouterr()
    run("lock", "demo.mlspec")
    assert capsys.readouterr().out == "- gone.mlspec\n"
    assert set(json.loads((project / "mlspec.lock").read_text())["files"]) == {*files, "other.mlspec"}


def test_what_cannot_be_read_is_not_locked(project: Path, capsys: Capture) -> None:
    (project / "base" / "more.mlspec").unlink()
    run("lock", code=exits.FOUND)
    assert "MLS114" in capsys.readouterr().err
    assert not (project / "mlspec.lock").exists()


def test_a_spec_without_imports_needs_no_lock(project: Path, capsys: Capture) -> None:
    run("lock", "base/more.mlspec")
    assert capsys.readouterr().err == "mlspec.lock: nothing is imported\n"
    assert not (project / "mlspec.lock").exists()


def test_a_torn_lock_is_written_anew(project: Path, capsys: Capture) -> None:
    (project / "mlspec.lock").write_text("{")
    run("lock", "--check", code=exits.FOUND)
    run("lock")
    assert warned(capsys) == 0


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2, "files": {}}', '{"format": 1}', '{"format": 1, "files": {"a": 1}}'])
def test_what_is_no_lock(text: str) -> None:
    with pytest.raises(LockError):
        loads(text)


SOURCE = """mlspec 2026.1

spec demo {
  owner = "team-a"
  tracking = none
  registry = none
}

source rows {
  from = csv("data/*.csv")
  n: int @key
  y: category("a", "b") @outcome(positive: "b")
}
"""


@pytest.fixture
def with_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlspec.toml").write_text("")
    (tmp_path / "demo.mlspec").write_text(SOURCE)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "one.csv").write_text("n,y\n1,a\n2,b\n")
    return tmp_path


def test_data_is_pinned_by_its_bytes(with_data: Path, capsys: Capture) -> None:
    run("lock")
    assert not (with_data / "mlspec.lock").exists()
    run("lock", "--data", "--check", code=exits.FOUND)
    run("lock", "--data")
    assert capsys.readouterr().out.endswith("+ data/one.csv\n")
    run("lock", "--data", "--check")
    (entry,) = json.loads((with_data / "mlspec.lock").read_text())["data"].items()
    assert entry == (
        "data/*.csv",
        {"data/one.csv": f"sha256:{sha256(b'n,y' + bytes([10]) + b'1,a' + bytes([10]) + b'2,b' + bytes([10])).hexdigest()}"},
    )
    run("lock")
    assert "data" in json.loads((with_data / "mlspec.lock").read_text()), "without --data it stays as it is"


def held_rows(folder: Path) -> object:
    return json.loads((folder / "mlspec.lock").read_text()).get("rows")


def write_lock(folder: Path, rows: dict[str, int] | None) -> None:
    """The lock with other counts."""
    held = json.loads((folder / "mlspec.lock").read_text())
    (folder / "mlspec.lock").write_text(dumps(held["files"], loads_data(json.dumps(held)), rows))


def test_rows_are_counted_with_the_options_of_the_source(with_data: Path) -> None:
    (with_data / "data" / "two.csv").write_text('n,y\n3,"a"\n4,b\n5,"b"\n')
    run("lock", "--data")
    assert held_rows(with_data) == {"data/*.csv": 5}
    demo = with_data / "demo.mlspec"
    demo.write_text(SOURCE.replace('csv("data/*.csv")', 'csv("plain.txt", delimiter: ";", header: false)'))
    (with_data / "plain.txt").write_text('1;"a\nb"\n2;b\n')
    run("lock", "--data")
    assert held_rows(with_data) == {"data/*.csv": 5, "plain.txt": 2}
    (with_data / "data" / "two.csv").unlink()
    run("lock", "--data")
    assert held_rows(with_data) == {"plain.txt": 2}, "what is gone is not pinned, and not counted"


def test_images_are_counted_by_their_index_and_stay_beside_other_specs(with_data: Path) -> None:
    scans = 'source scans {\n  from = images("scans", index: "scans.csv")\n  pixels: image(channels: 1, size: 8) @named("file")\n}\n'
    (with_data / "scans.mlspec").write_text(SOURCE.partition("source rows")[0] + scans)
    (with_data / "scans").mkdir()
    (with_data / "scans.csv").write_text("file\none.png\ntwo.png\n")
    (with_data / "scans" / "one.png").write_bytes(b"no picture is looked at")
    run("lock", "--data", "scans.mlspec")
    assert held_rows(with_data) == {"scans.csv": 2}
    run("lock", "--data", "demo.mlspec")
    assert held_rows(with_data) == {"data/*.csv": 2, "scans.csv": 2}
    spec = Compilation(with_data / "scans.mlspec").spec
    assert spec is not None and spec.locked_rows(spec.blocks["scans"]) == 2


def test_tables_and_queries_of_one_database_are_counted_each(with_data: Path) -> None:
    database = sqlite3.connect(with_data / "shop.db")
    for table, rows in (("few", 2), ("many", 5)):
        database.execute(f"create table {table} (n, y)")
        database.executemany(f"insert into {table} values (?, 'a')", [(place,) for place in range(rows)])
    database.commit()
    database.close()
    sources = [
        SOURCE.partition("source rows")[2].replace('csv("data/*.csv")', f'sqlite("shop.db", {what})')
        for what in ('table: "few"', 'table: "many"', 'query: "select n, y from many where n < 3"')
    ]
    text = SOURCE.partition("source rows")[0] + "\n".join(f"source s{place}{text}" for place, text in enumerate(sources))
    (with_data / "demo.mlspec").write_text(text)
    run("lock", "--data")
    found = held_rows(with_data)
    assert isinstance(found, dict)
    query = next(name for name in found if name not in ("shop.db#few", "shop.db#many"))
    assert found == {"shop.db#few": 2, "shop.db#many": 5, query: 3} and query.startswith("shop.db#")
    for name, rows in zip(("s0", "s1", "s2"), (2, 5, 3), strict=True):
        spec = Compilation(with_data / "demo.mlspec").spec
        assert spec is not None and spec.locked_rows(spec.blocks[name]) == rows


def test_a_lock_without_counts_is_one_that_pins(with_data: Path, capsys: Capture) -> None:
    """As they were written before rows were counted."""
    run("lock", "--data")
    write_lock(with_data, None)
    run("plan", "demo.mlspec")
    run("lock", "--data", "--check")
    run("lock")
    assert held_rows(with_data) is None
    run("lock", "--data")
    assert held_rows(with_data) == {"data/*.csv": 2}
    run("lock")
    assert held_rows(with_data) == {"data/*.csv": 2}, "without --data it stays as it is"


def test_a_wrong_count_is_not_up_to_date(with_data: Path, capsys: Capture) -> None:
    run("lock", "--data")
    write_lock(with_data, {"data/*.csv": 70})
    capsys.readouterr()
    run("lock", "--data", "--check", code=exits.FOUND)
    assert capsys.readouterr().out == "~ data/*.csv: 2 rows, not 70\n"
    run("lock", "--check")
    run("lock", "--data")
    assert held_rows(with_data) == {"data/*.csv": 2}


def test_other_data_has_other_rows(with_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    run("lock", "--data")
    (with_data / "data" / "one.csv").write_text("n,y\n1,a\n")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    capsys.readouterr()
    run("lock", "--data")
    assert "rows are not counted: no module `duckdb`; pip install 'mlspec-lang[local]'\n" in capsys.readouterr().err
    assert held_rows(with_data) is None, "what was counted of other bytes is dropped"


def test_without_the_package_that_reads_counts_of_the_same_data_stay(
    with_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    run("lock", "--data")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    capsys.readouterr()
    run("lock", "--data", "--check")
    said = capsys.readouterr().err
    assert said.count("\n") == 2 and said.startswith("rows are not counted: no module `duckdb`")
    run("lock", "--data")
    assert held_rows(with_data) == {"data/*.csv": 2}


def test_what_cannot_be_read_is_pinned_and_not_counted(with_data: Path, capsys: Capture) -> None:
    (with_data / "data" / "one.csv").write_text("n,y\n1,a,b\n")
    run("lock", "--data")
    assert capsys.readouterr().err == (
        "rows of `data/*.csv` are not counted: 1 record of `rows` malformed\nmlspec.lock: 1 file locked\n"
    )
    assert held_rows(with_data) is None


def test_a_file_that_two_sources_read_in_two_ways_has_no_count(with_data: Path, capsys: Capture) -> None:
    body = (
        SOURCE.partition("source rows")[2].replace('"data/*.csv"', '"data/*.csv", header: false').replace("n: int", "n: string")
    )
    body = body.replace('category("a", "b") @outcome(positive: "b")', "string")
    (with_data / "demo.mlspec").write_text(f"{SOURCE}\nsource more{body}")
    run("lock", "--data")
    assert "rows of `data/*.csv` are not counted: two sources read it in two ways, 2 and 3 rows\n" in capsys.readouterr().err
    assert held_rows(with_data) is None


@pytest.mark.parametrize("rows", ["[]", '{"a": "1"}', '{"a": -1}', '{"a": true}', '{"a": 1.5}'])
def test_what_is_no_count(rows: str) -> None:
    with pytest.raises(LockError):
        loads_rows(f'{{"format": 1, "files": {{}}, "rows": {rows}}}')


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("edit", "`data/one.csv` has other content"),
        ("more", "`data/two.csv` is not locked"),
        ("other", "`data/one.csv` is gone"),
    ],
)
def test_other_data_than_locked_is_refused_at_its_source(with_data: Path, capsys: Capture, change: str, told: str) -> None:
    run("lock", "--data")
    run("plan", "demo.mlspec")
    one = with_data / "data" / "one.csv"
    if change == "edit":
        one.write_text(one.read_text() + "3,a\n")
    elif change == "more":
        (with_data / "data" / "two.csv").write_text("n,y\n3,a\n")
    else:
        one.rename(with_data / "data" / "other.csv")
    run("check", "demo.mlspec")
    run("lock", "--check")
    capsys.readouterr()
    for command in ("plan", "run"):
        run(command, "demo.mlspec", code=exits.FOUND)
        said = capsys.readouterr().err
        assert "error[MLS823]" in said and "demo.mlspec:10" in said and told in said
    run("lock", "--data", "--check", code=exits.FOUND)
    assert "~ data/one.csv" in capsys.readouterr().out or change != "edit"
    run("lock", "--data")
    run("plan", "demo.mlspec")


def test_a_lock_that_cannot_be_read_pins_nothing_silently(with_data: Path, capsys: Capture) -> None:
    run("lock", "--data")
    (with_data / "mlspec.lock").write_text((with_data / "mlspec.lock").read_text().replace("sha256:", "md5:"))
    run("plan", "demo.mlspec", code=exits.INPUT_OUTPUT)
    assert "mlspec.lock" in capsys.readouterr().err


def test_pins_travel_with_the_plan(with_data: Path) -> None:
    from mlspec.graph import read_plan, write_plan

    assert "pins" not in json.loads(write_plan(Compilation(with_data / "demo.mlspec").graph))
    run("lock", "--data")
    graph = Compilation(with_data / "demo.mlspec").graph
    assert set(graph.pins) == {"rows-extract"} and read_plan(write_plan(graph)) == graph
    part = graph.of_these([graph["rows-extract"]])
    assert part.pins == graph.pins and graph.of_these([]).pins == {}


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1, "files": {}, "data": {"data/*.csv": {}}}', ""])
def test_a_broken_lock_is_written_anew_with_the_pins_of_data(with_data: Path, capsys: Capture, text: str) -> None:
    lock = with_data / "mlspec.lock"
    lock.write_text(text)
    run("plan", "demo.mlspec", code=exits.INPUT_OUTPUT)
    assert "help: `mlspec lock` writes it anew, `mlspec lock --data` with the pins of data" in capsys.readouterr().err
    run("lock", "--check", code=exits.FOUND)
    assert "`mlspec lock --data`" in capsys.readouterr().err and lock.read_text() == text
    run("lock", "--data")
    assert "could not be read" in capsys.readouterr().err
    assert list(json.loads(lock.read_text())["data"]) == ["data/*.csv"]
    run("plan", "demo.mlspec")


def test_a_broken_lock_is_mended_also_where_nothing_is_imported(with_data: Path, capsys: Capture) -> None:
    (with_data / "mlspec.lock").write_text("{")
    run("lock")
    said = capsys.readouterr().err
    assert "pins of data come with `mlspec lock --data`" in said and "nothing is imported" not in said
    assert loads((with_data / "mlspec.lock").read_text()) == {}
    run("plan", "demo.mlspec")


def test_what_an_env_reads_is_pinned_when_it_is_named_and_said_when_it_is_not(with_data: Path, capsys: Capture) -> None:
    (with_data / "demo.mlspec").write_text(
        SOURCE + '\nenv prod {\n  set rows.from = csv("prod.csv")\n}\n\nenv same {\n  set rows.sample = 50%\n}\n'
    )
    (with_data / "prod.csv").write_text("n,y\n1,a\n2,b\n")
    run("lock", "--data")
    assert capsys.readouterr().err == (
        "what env `prod` reads is not pinned: `mlspec lock --data --env prod`\nmlspec.lock: 1 file locked\n"
    )
    run("lock", "--data", "--env", "prod")
    assert "is not pinned" not in capsys.readouterr().err
    assert set(json.loads((with_data / "mlspec.lock").read_text())["data"]) == {"data/*.csv", "prod.csv"}
    (with_data / "prod.csv").write_text("n,y\n1,b\n2,b\n")
    run("plan", "demo.mlspec")
    run("plan", "demo.mlspec", "--env", "prod", code=exits.FOUND)
    assert "MLS823" in capsys.readouterr().err
    run("lock", "--data", "--env", "none", code=exits.FOUND)
    run("lock", "--env", "prod", code=exits.USAGE)
