"""`infer` and `init`: a data file becomes a spec that checks."""

from __future__ import annotations

import json
import random
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
        '# column "e mail" is left out',
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
        ("x.csv", "a b,c d\n1,2\n3,4\n", exits.FOUND, "could be the label"),
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
