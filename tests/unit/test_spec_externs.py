"""Externs in a spec: what their heads may say, who may call them with what, and what a check, a diff and a lock make of their code."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.cli import main
from mlspec.driver import Compilation
from mlspec.graph import code_files, graph_keys

HEAD = """\
mlspec 2026.1

spec demo {
  owner = "team-a"
}

"""
REST = """
source people {
  from = csv("people.csv")
  person: string @key
  age: int @range(17..90)
  hours: float? @range(0..99)
  note: text @pii(free_text)
  bought: bool @outcome(positive: true)
  CHECK
}

split parts {
  frame = people
  train := 60%
  holdout := 40%
}

features inputs {
  frame = people
  missing = fill(number: median)
  age := scale(people.age)
  FEATURE
}

model linear {
  estimator = sklearn.LogisticRegression
  features = inputs
  label = people.bought
  part = parts.train
}

model majority {
  estimator = sklearn.DummyClassifier
  features = inputs
  label = people.bought
  part = parts.train
}

gates release {
  candidate = linear
  part = parts.holdout
  better := lower(accuracy(candidate) - accuracy(majority)) >= 1pp
  GATE
}
"""


def extern(head: str, body: str = "", code: str = "code/f.py:f") -> str:
    return f'extern {head} {{\n  code = "{code}"\n  {body}\n}}\n'


def codes(
    folder: Path, head: str, *, check: str = "", feature: str = "", gate: str = "", rest: str = REST
) -> list[tuple[str, str]]:
    """What is found of a spec, without 111 and 117."""
    rest = rest.replace("CHECK", check).replace("FEATURE", feature).replace("GATE", gate)
    (folder / "demo.mlspec").write_text(HEAD + head + rest)
    (folder / "mlspec.toml").touch()
    found = Compilation(folder / "demo.mlspec").diagnostics
    return [(one.code.id, one.message) for one in found if one.code.id not in ("MLS107", "MLS111", "MLS117")]


FEATURE = "feature f(age: int, hours: float?) -> float?"


def test_a_feature_a_check_and_a_metric(tmp_path: Path) -> None:
    head = (
        extern(FEATURE)
        + extern("check c(age: int) -> bool")
        + extern("metric m(score: list(float), label: list(bool)) -> float")
    )
    wide = {
        "check": "good := share(c(age)) >= 99%",
        "feature": "worked := scale(f(people.age, people.hours) * 2)",
        "gate": "own := m(candidate) >= 0.1",
    }
    assert codes(tmp_path, head, **wide) == []


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (extern("fature f(age: int) -> float"), "MLS101"),
        (extern("feature log1p(age: int) -> float"), "MLS108"),
        (extern("metric auc(score: list(float)) -> float"), "MLS108"), (extern("step f(age: int) -> float"), "MLS201"),
        (extern("network f(age: int) -> float"), "MLS201"), (extern("feature f() -> float"), "MLS106"),
        (extern("feature f(age: int, age: int) -> float"), "MLS102"), (extern("feature f(age: decimal(5, 2)) -> float"), "MLS201"),
        (extern("feature f(age: list(int)) -> float"), "MLS201"), (extern("feature f(age: int) -> list(int)"), "MLS201"),
        (extern("check f(age: int) -> float"), "MLS201"), (extern("check f(age: int) -> bool?"), "MLS201"),
        (extern("metric f(score: list(float)) -> float?"), "MLS201"), (extern("metric f(points: list(float)) -> float"), "MLS105"),
        (extern("metric f(score: float) -> float"), "MLS201"), (extern("metric f(reply: list(text)) -> float"), "MLS901"),
        (extern(FEATURE, code="code/f.py"), "MLS209"), (extern(FEATURE, code="code/f.txt:f"), "MLS209"),
        (extern(FEATURE, code="/etc/f.py:f"), "MLS114"), (extern(FEATURE, code="code/json.py:f"), "MLS209"),
        (extern(FEATURE, 'files = ["../../x.py"]'), "MLS114"), (extern(FEATURE, 'files = ["other/f.py"]'), "MLS209"),
        (extern(FEATURE, 'files = ["words.txt"]'), "MLS114"), (extern(FEATURE, 'files = ["code/numpy.py"]'), "MLS209"),
    ],
)  # fmt: skip
def test_heads_that_are_wrong(tmp_path: Path, head: str, code: str) -> None:
    assert code in [found for found, _ in codes(tmp_path, head)]


@pytest.mark.parametrize(
    ("feature", "code"),
    [
        ("x := f(people.age)", "MLS106"), ("x := f(people.age, people.hours, 1)", "MLS105"), ("x := f(people.hours, people.hours)", "MLS201"),
        ("x := f(age: people.age, hours: people.age)", ""), ("x := f(people.age, 3)", ""), ("x := f(people.age, null)", ""),
        ("x := f(people.note, people.hours)", "MLS201"), ("x := f(scale(people.age), people.hours)", "MLS206"),
        ("x := log1p(f(people.age, f(people.age, people.hours)))", ""),
    ],
)  # fmt: skip
def test_arguments_are_of_the_declared_types(tmp_path: Path, feature: str, code: str) -> None:
    assert [found for found, _ in codes(tmp_path, extern(FEATURE), feature=feature)] == ([code] if code else [])


def test_each_kind_has_its_place(tmp_path: Path) -> None:
    assert [code for code, _ in codes(tmp_path, extern(FEATURE), check="good := share(f(age, hours) > 1) >= 1%")] == ["MLS206"]
    (found,) = codes(tmp_path, extern("check c(age: int) -> bool"), feature="x := c(people.age)")
    assert found[0] == "MLS206"
    head = extern("metric m(label: list(float)) -> float")
    (found,) = codes(tmp_path, head, gate="own := m(candidate) >= 1%")  # the label is a Boolean
    assert found[0] == "MLS201"


def test_taint_goes_through_unless_the_declaration_lowers_it(tmp_path: Path) -> None:
    """A log line of a feature of free text is refused; of one that says what is left, it is not."""
    log = "serve api {\n  model = linear\n  gate = release\n  log seen {\n    keep = 30d\n    worked := inputs.worked\n  }\n}\n"
    head = "feature f(note: text) -> float"
    spec = {"feature": "worked := f(people.note)", "gate": "}\n\n" + log.rstrip().removesuffix("}")}
    kept = [code for code, _ in codes(tmp_path, extern(head), **spec)]
    assert "MLS408" in kept or "MLS401" in kept
    assert not {"MLS401", "MLS408"} & {code for code, _ in codes(tmp_path, extern(head, "taint = none"), **spec)}


def test_a_metric_with_the_network_is_given_no_personal_label(tmp_path: Path) -> None:
    gate = "own := m(candidate) >= 0.1"
    network = 'network = ["example.org"]'
    for given, tag, body, wanted in [
        ("label: list(bool)", " @pii(quasi)", network, ["MLS409"]),
        ("label: list(bool)", " @pii(quasi)", "", []),
        ("label: list(bool)", "", network, []),
        ("score: list(float)", " @pii(quasi)", network, []),
    ]:
        head = extern(f"metric m({given}) -> float", body)
        rest = REST.replace("@outcome(positive: true)", f"@outcome(positive: true){tag}")
        assert [code for code, _ in codes(tmp_path, head, gate=gate, rest=rest)] == wanted


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec with one extern and its code, nothing locked."""
    monkeypatch.chdir(tmp_path)
    assert codes(tmp_path, extern(FEATURE), feature="worked := f(people.age, people.hours)") == []
    (tmp_path / "code").mkdir()
    (tmp_path / "code/f.py").write_text("def f(age, hours):\n    return hours\n")
    return tmp_path


def test_code_runs_once_it_is_locked_and_allowed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def found(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main([*arguments])
        written = capsys.readouterr()
        return code, written.out + written.err

    assert "MLS111" in found("check", "demo.mlspec")[1]
    code, text = found("compile", "demo.mlspec", "--target", "dvc")
    assert code == 1
    assert "error[MLS111]" in text
    assert found("lock") == (0, "+ code/f.py\nmlspec.lock: 1 file locked\n")
    assert "MLS111" not in found("check", "demo.mlspec")[1]
    code, text = found("compile", "demo.mlspec", "--target", "dvc")
    assert (code, "error[MLS824]" in text) == (1, True)
    digest = next(word for word in text.split() if word.startswith("sha256:"))
    (project / "mlspec.toml").write_text(f'[extern]\nallow = ["{digest}"]\n')
    assert found("compile", "demo.mlspec", "--target", "dvc")[0] == 0
    assert '"../../../code/f.py"' in (project / "build/dvc/demo/dvc.yaml").read_text()
    (project / "code/f.py").write_text("def f(age, hours):\n    return age\n")
    assert "it changed since" in found("compile", "demo.mlspec", "--target", "dvc")[1]
    (project / "code/f.py").unlink()
    assert "MLS111" in found("check", "demo.mlspec")[1]


def test_code_that_is_not_there_is_not_left_out_of_the_lock(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lock"]) == 0
    held = (project / "mlspec.lock").read_text()
    (project / "code/f.py").rename(project / "code/g.py")
    (project / "code/f.py").symlink_to("g.py")
    for _ in range(2):
        capsys.readouterr()
        assert main(["lock"]) == 1
        said = capsys.readouterr()
        assert "error[MLS111]: `code/f.py` is not locked" in said.out + said.err
        assert "put a plain file at `code/f.py`" in said.out + said.err
        assert (project / "mlspec.lock").read_text() == held
        (project / "code/f.py").unlink(missing_ok=True)


def test_a_check_of_a_stranger_reads_no_code(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "demo.mlspec", "--untrusted"]) == 0
    assert "MLS111" not in capsys.readouterr().out


def test_externs_are_counted(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "demo.mlspec", "--max-externs", "1"]) == 0
    assert main(["check", "demo.mlspec", "--max-externs", "0"]) == 1
    assert "error[MLS118]: the spec has 1 extern" in capsys.readouterr().out


def test_the_code_enters_the_keys_of_the_stages_that_run_it_and_limits_enter_none(project: Path) -> None:
    def keys() -> dict[str, str]:
        return graph_keys(Compilation(project / "demo.mlspec").graph, {}, {})

    before, graph = keys(), Compilation(project / "demo.mlspec").graph
    assert [stage.id for stage in graph if code_files(stage.config)] == ["inputs-features", "linear-fit", "majority-fit"]
    text = (project / "demo.mlspec").read_text()
    (project / "demo.mlspec").write_text(text.replace("f.py:f", "f.py:f").replace('code = "', 'time_limit = 5s\n  code = "'))
    assert keys() == before
    (project / "code/f.py").write_text("def f(age, hours):\n    return age\n")
    changed = {name for name, key in keys().items() if key != before[name]}
    assert {"inputs-features", "linear-fit"} <= changed
    assert not {"people-extract", "people-verify", "parts-split"} & changed


TRAIN = """
train deep {
  network = CALL
  features = inputs
  label = people.bought
  part = parts.train
  optimiser = adamw(lr: 0.01)
  epochs = 2
  MORE
}
"""
NETWORK = "network net(rows: list(float), hidden: int, dropout: ratio) -> list(float)"


@pytest.mark.parametrize(
    ("call", "more", "wanted"),
    [
        ("net(hidden: 8, dropout: 10%)", "", []), ("net(8, 10%)", "", []), ("net(hidden: 8)", "", ["MLS106"]),
        ("net(hidden: 0.5, dropout: 10%)", "", ["MLS201"]), ("net(hidden: 8, dropout: 10%, depth: 2)", "", ["MLS105"]), ("nets(8, 10%)", "", ["MLS101"]),
        ("net(8, 10%)", "strategy = ddp(processes: 2)", ["MLS901"]), ("net(8, 10%)", "strategy = single(gpus: 1)", ["MLS209"]),
        ("net(8, 10%)", "framework = tensorflow", ["MLS209"]),
    ],
)  # fmt: skip
def test_a_network_is_given_its_settings(tmp_path: Path, call: str, more: str, wanted: list[str]) -> None:
    gate = "}\n" + TRAIN.replace("CALL", call).replace("MORE", more).rstrip().removesuffix("}")
    found = [
        code
        for code, _ in codes(
            tmp_path, extern(NETWORK), feature="worked := people.hours", gate="better_too := accuracy(candidate) >= 1%\n" + gate
        )
    ]
    assert found == wanted


@pytest.mark.parametrize(
    "head",
    [
        "network net(rows: float) -> list(float)", "network net(rows: list(int)) -> list(float)", "network net(rows: list(float)) -> float",
        "network net(rows: list(float), width: int) -> list(float)", "network net(rows: list(float), sizes: list(int)) -> list(float)",
    ],
)  # fmt: skip
def test_heads_of_networks_that_are_wrong(tmp_path: Path, head: str) -> None:
    (found,) = {code for code, _ in codes(tmp_path, extern(head))}
    assert found == ("MLS102" if "width" in head else "MLS201")
