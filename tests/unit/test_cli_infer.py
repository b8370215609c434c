"""`infer` and `init`: a data file becomes a spec that checks."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

import mlspec
from mlspec.cli import exits, main
from mlspec.cli.inference.guess import widened

Capture = pytest.CaptureFixture[str]
ROWS = 240


def people(**changes: str) -> list[dict[str, str]]:
    """Rows of a made-up club: a key, numbers with gaps, categories, a date, a constant, a label."""
    draw = random.Random(5)
    return [
        {
            "member_id": str(1000 + place), "age": str(draw.randint(18, 80)), "fee": f"{draw.uniform(5, 50):.2f}" if place % 9 else "NA",
            "city": draw.choice(["Bern", "Rome", "Oslo"]), "sex": draw.choice(["f", "m"]), "joined": f"2024-0{1 + place % 9}-10",
            "country": "X", "e mail": f"p{place}@example.org", "churned": draw.choice(["yes", "no", "no", "no"]), **changes,
        }
        for place in range(ROWS)
    ]  # fmt: skip


def csv(path: Path, rows: list[dict[str, str]], delimiter: str = ",") -> Path:
    lines = [delimiter.join(rows[0]), *(delimiter.join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def errors(path: Path) -> list[str]:
    return [f"{item.code.id} {item.message}" for item in mlspec.check(path) if item.severity == "error"]


def test_a_project_from_a_csv_file(folder: Path, capsys: Capture) -> None:
    csv(folder / "club.csv", people())
    assert main(["init", "p", "--data", "club.csv"]) == 0
    root = folder / "p"
    assert (root / "mlspec.toml").is_file()
    assert ".mlspec/" in (root / ".gitignore").read_text()
    assert (root / "data" / "club.csv").read_bytes() == (folder / "club.csv").read_bytes()
    assert errors(root / "club.mlspec") == []
    assert main(["fmt", "--check", str(root / "club.mlspec")]) == 0
    text = (root / "club.mlspec").read_text()
    for line in (
        'from = csv("data/club.csv", ",", true, ["", "NA"])',
        "member_id: int @key",
        "age: int @range(",
        "fee: float? @range(",
        "known_fee := null_rate(fee) <= ",
        'sex: category("f", "m") @protected',
        "joined: date",
        'churned: category("no", "yes") @outcome(positive: "yes")',
        'e_mail: string @pii(direct) @named("e mail")',
        "age := scale(club.age)",
        "city := onehot(club.city)",
        "sex := club.sex @audit",
        "objective = maximize(auc)",
    ):
        assert line in text, text
    assert "country :=" not in text and "member_id :=" not in text


@pytest.mark.parametrize(
    ("label", "lines"),
    [
        ("city", ("objective = maximize(macro_f1)", 'city: category("Bern", "Oslo", "Rome") @outcome')),
        ("age", ("objective = minimize(mae)", "age: int @outcome", "estimator = sklearn.DummyRegressor", "output = value")),
    ],
)
def test_another_label_is_another_task(label: str, lines: tuple[str, ...], folder: Path, capsys: Capture) -> None:
    csv(folder / "club.csv", people())
    assert main(["infer", "club.csv", "--label", label]) == 0
    text = capsys.readouterr().out
    assert all(line in text for line in lines), text
    (folder / "club.mlspec").write_text(text)
    assert errors(folder / "club.mlspec") == []


def test_other_formats_and_delimiters(folder: Path, capsys: Capture) -> None:
    rows = people()
    csv(folder / "a.csv", rows, ";")
    (folder / "b.jsonl").write_text("".join(json.dumps({**row, "age": int(row["age"])}) + "\n" for row in rows))
    for name, line in (("a.csv", 'csv("a.csv", ";", true, ["", "NA"])'), ("b.jsonl", 'jsonl("b.jsonl")')):
        assert main(["infer", name]) == 0
        text = capsys.readouterr().out
        assert line in text
        (folder / "x.mlspec").write_text(text)
        assert errors(folder / "x.mlspec") == []


def test_names_of_columns_hide_no_block(folder: Path, capsys: Capture) -> None:
    rows = [{"tune": row["age"], "inputs": row["city"], "club": row["fee"], "release": row["churned"]} for row in people()]
    csv(folder / "club.csv", rows)
    assert main(["infer", "club.csv"]) == 0
    (folder / "club.mlspec").write_text(capsys.readouterr().out)
    assert errors(folder / "club.mlspec") == []


@pytest.mark.parametrize(
    ("name", "text", "code", "words"),
    [
        ("gone.csv", None, exits.INPUT_OUTPUT, "there is no file"),
        ("x.xlsx", "a,b\n", exits.FOUND, "an ending that is not known"),
        ("x.csv", "", exits.FOUND, "does not name its columns"),
        ("x.csv", "a,b\n1,2\n3\n", exits.FOUND, "malformed"),
        ("x.csv", "id,only\n1,x\n2,x\n3,x\n", exits.FOUND, "could be the label"),
    ],
)
def test_what_cannot_be_inferred(name: str, text: str | None, code: int, words: str, folder: Path, capsys: Capture) -> None:
    if text is not None:
        (folder / name).write_text(text)
    assert main(["infer", name]) == code
    assert words in capsys.readouterr().err


def test_nothing_that_is_there_is_overwritten(folder: Path, capsys: Capture) -> None:
    csv(folder / "club.csv", people())
    (folder / "club.mlspec").write_text("mine")
    (folder / ".gitignore").write_text("mine")
    assert main(["init", "--data", "club.csv"]) == exits.FOUND
    assert (folder / "club.mlspec").read_text() == "mine"
    assert main(["init"]) == 0
    assert (folder / ".gitignore").read_text() == "mine"


@pytest.mark.parametrize(
    ("low", "high", "whole", "wanted"),
    [
        (0, 100, True, (0, 110)),
        (17, 90, True, (9, 98)),
        (-5, -1, True, (-6, 0)),
        (0.5, 0.5, False, (0.4, 0.6)),
        (1, 1, True, (0, 2)),
    ],
)
def test_a_range_is_a_little_wider_than_what_was_seen(
    low: float, high: float, whole: bool, wanted: tuple[float, float]
) -> None:
    found = widened(low, high, whole)
    assert found == wanted
    assert found[0] <= low and high <= found[1]


def table(path: Path, **columns: list[object]) -> Path:
    """A CSV file of named columns."""
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def printed(path: Path, capsys: Capture) -> str:
    """What `infer` prints for the file; it checks without an error."""
    assert main(["infer", path.name]) == 0
    text = capsys.readouterr().out
    (path.parent / "printed.mlspec").write_text(text)
    assert errors(path.parent / "printed.mlspec") == []
    return text


@pytest.mark.parametrize(
    ("name", "values", "line"),
    [
        ("bought", [0, 1], 'bought: category("0", "1") @outcome(positive: "1")'),
        ("target", [0, 1, 2, 3], 'target: category("0", "1", "2", "3") @outcome\n'),
        ("target", [1, 2, 10], "target: int @outcome\n"),
        ("visits", [0, 1, 2, 3], "visits: int @outcome\n"),
        ("kind_of_cell", ["benign", "malignant", "benign", "benign"], '@outcome(positive: "malignant")'),
    ],
)
def test_numbers_that_stand_for_classes_are_classes(
    name: str, values: list[object], line: str, folder: Path, capsys: Capture
) -> None:
    path = table(folder / "x.csv", size=[float(place) for place in range(240)], **{name: (values * 240)[:240]})
    assert line in printed(path, capsys)


def test_columns_with_any_name_get_one_of_the_language(folder: Path, capsys: Capture) -> None:
    names = ("mean radius", "Größe (cm)", "2nd", "年", "a-b", "A b", "in", "say \\ so")
    path = table(folder / "x.csv", **{name: [place + 0.5 for place in range(240)] for name in names}, y=[0, 1] * 120)
    text = printed(path, capsys)
    for made, name in zip(
        ("mean_radius", "Grosse_cm", "column_2nd", "column_4", "a_b", "A_b_2", "column_in", "say_so"), names, strict=True
    ):
        escaped = name.replace("\\", "\\\\")
        assert f'  {made}: float @range(0.0..270.0) @named("{escaped}")\n' in text, text
        assert f"{made} := scale(x.{made})" in text


def test_what_names_things_or_people_is_no_feature(folder: Path, capsys: Capture) -> None:
    size = range(240)
    path = table(
        folder / "x.csv", email=[f"p{place}@example.org" for place in size], order_id=[place // 4 for place in size],
        note=[f"a few words {place}" for place in size], weight=[f'"{place},5"' for place in size], when=["2024-01-02"] * 240,
        rare=["" if place else "x" for place in size], fee=[place % 7 for place in size], left=["yes", "no"] * 120,
    )  # fmt: skip
    text = printed(path, capsys)
    assert "email: string @pii(direct)" in text and "`email` is no feature: it looks like personal data" in text
    assert "`order_id` is no feature" in text and "`group = order_id`" in text
    assert "for its words: `tfidf(…)`" in text and "decimal comma" in text
    assert "set `on = x.when`" in text
    assert "known_rare" not in text, "a check that always holds is none"


def test_a_process_says_nothing_beside_the_spec(folder: Path) -> None:
    """DuckDB's binding prints what it takes for leaks when a process ends before the last look for garbage."""
    path = csv(folder / "club.csv", people())
    said = subprocess.run(
        [sys.executable, "-m", "mlspec", "infer", path.name], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert (said.returncode, said.stderr) == (0, "")


def test_a_file_with_nothing_to_learn_from_says_why(folder: Path, capsys: Capture) -> None:
    """A spec whose features are empty would not check: each column is told, and what to do."""
    (folder / "temps.csv").write_text(
        "date,sex,temp\n" + "".join(f"2010/01/01 {at:02d}:00,{'fm'[at % 2]},{at / 7:.2f}\n" for at in range(24))
    )
    assert main(["infer", "temps.csv", "--label", "temp"]) == 1
    said = capsys.readouterr().err
    assert "no column is left to learn `temp` from" in said and "`--label COLUMN`" in said
    assert "`date`: it tells rows apart" in said and "`sex`: by its name a protected characteristic" in said
    assert main(["init", "--data", "temps.csv", "--label", "temp"]) == 1
    assert not (folder / "temps.mlspec").exists()


def test_a_comment_above_the_header_is_named(folder: Path, capsys: Capture) -> None:
    (folder / "stocks.csv").write_text(
        "# Data source: somewhere\nday,a,b\n" + "".join(f"{at},{at * 2},{at % 3}\n" for at in range(30))
    )
    assert main(["infer", "stocks.csv"]) == 1
    assert "the first line is a comment and no header: remove it (# Data source: somewhere)" in capsys.readouterr().err
