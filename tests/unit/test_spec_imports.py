"""`use`: files are read once, cycles and excess are reported, names arrive under their alias."""

from __future__ import annotations

import pytest

from mlspec.diagnostics import Diagnostic
from mlspec.source import SourceFile
from mlspec.spec import Spec, check_spec
from mlspec.syntax import parse
from mlspec.syntax.nodes import File

SPEC = 'mlspec 2026.1\n{uses}\nspec {name} {{\n  owner = "team"\n}}\n{rest}'


def text(name: str, uses: str = "", rest: str = "") -> str:
    return SPEC.format(name=name, uses=f"\n{uses}\n" if uses else "", rest=f"\n{rest}\n" if rest else "")


def check(files: dict[str, str]) -> tuple[Spec | None, list[Diagnostic], list[str]]:
    """Checks `main.mlspec` of `files`; the third result is what was read, in order."""
    read: list[str] = []

    def load(path: str) -> File | None:
        read.append(path)
        return parse(SourceFile(path, files[path]))[0] if path in files else None

    file, found = parse(SourceFile("main.mlspec", files["main.mlspec"]))
    assert file is not None, found
    spec, more = check_spec(file, load=load, env=None, params={})
    return spec, more, read


PARAM = "param days: duration = 30d"


def test_a_param_of_another_file() -> None:
    rest = 'source t {\n  from = csv("t.csv")\n  at: timestamp\n}\n\nsplit s {\n  frame = t\n  on = at\n  gap = other.days\n' \
           "  a := 2020-01-01..2020-06-30\n  b := 2021-01-01..2021-06-30\n}"  # fmt: skip
    spec, found, read = check(
        {
            "main.mlspec": text("main", 'use "./lib/other.mlspec" as other', rest),
            "lib/other.mlspec": text("other", "", PARAM),
        }
    )
    assert spec is not None, found
    assert spec.blocks["s"].get("gap") == 30 * 86_400
    assert read == ["lib/other.mlspec"]


def test_a_diamond_is_read_once_and_relative_to_each_file() -> None:
    both = 'use "./lib/a.mlspec" as a\n\nuse "./lib/b.mlspec" as b'
    _, found, read = check(
        {
            "main.mlspec": text("main", both),
            "lib/a.mlspec": text("a", 'use "./c.mlspec" as c'),
            "lib/b.mlspec": text("b", 'use "../lib/c.mlspec" as c'),
            "lib/c.mlspec": text("c", "", PARAM),
        }
    )
    assert read == ["lib/a.mlspec", "lib/c.mlspec", "lib/b.mlspec"]
    assert not [each for each in found if each.severity == "error"]


def test_a_cycle_names_its_chain() -> None:
    spec, found, _ = check(
        {
            "main.mlspec": text("main", 'use "./a.mlspec" as a'),
            "a.mlspec": text("a", 'use "./b.mlspec" as b'),
            "b.mlspec": text("b", 'use "./a.mlspec" as a'),
        }
    )
    assert spec is None
    assert [each.code.id for each in found] == ["MLS110"]
    assert found[0].found == "a.mlspec → b.mlspec → a.mlspec"


def test_more_files_than_a_spec_may_have() -> None:
    files = {f"f{i}.mlspec": text(f"f{i}") for i in range(80)}
    uses = "\n\n".join(f'use "./f{i}.mlspec" as f{i}' for i in range(65))
    spec, found, read = check({"main.mlspec": text("main", uses), **files})
    assert spec is None
    assert {each.code.id for each in found if each.severity == "error"} == {"MLS115"}
    assert len(read) == 64


def test_an_unknown_name_of_an_import() -> None:
    rest = 'source t {\n  from = csv("t.csv", delimiter: other.dayz)\n  at: timestamp\n}'
    _, found, _ = check(
        {"main.mlspec": text("main", 'use "./other.mlspec" as other', rest), "other.mlspec": text("other", "", PARAM)}
    )
    assert [each.code.id for each in found] == ["MLS101"]
    assert found[0].edits[0].text == "days"


def test_findings_of_an_import_stand_in_its_own_file() -> None:
    _, found, _ = check(
        {
            "main.mlspec": text("main", 'use "./other.mlspec" as other'),
            "other.mlspec": text("other", "", "param days: duration = 30"),
        }
    )
    assert found[0].span is not None
    assert found[0].span.source.name == "other.mlspec"


def test_imports_nest_eight_deep() -> None:
    def chain(length: int) -> dict[str, str]:
        names = ["main", *(f"f{n}" for n in range(length))]
        uses = [f'use "./{name}.mlspec" as {name}' for name in names[1:]] + [""]
        return {f"{name}.mlspec": text(name, use) for name, use in zip(names, uses, strict=True)}

    assert not [each for each in check(chain(8))[1] if each.severity == "error"]
    _, found, read = check(chain(9))
    assert [each.code.id for each in found if each.severity == "error"] == ["MLS115"]
    assert len(read) == 8


VISITORS = 'source visitors {{\n  from = csv("{file}.csv")\n  visitor: string @key\n  visits: int\n}}'
FEATURES = "features f {\n  frame = lib.visitors\n  a := lib.visitors.visits * 2\n}"


def bound(files: dict[str, str]) -> Spec:
    """The spec of files without an error."""
    spec, found, _ = check(files)
    assert spec is not None, [each.message for each in found]
    return spec


@pytest.mark.parametrize("own", ["", VISITORS.format(file="other") + "\n\n"])
def test_a_source_of_another_file_stands_beside_one_of_the_same_name(own: str) -> None:
    spec = bound(
        {
            "main.mlspec": text("main", 'use "./data/lib.mlspec" as lib', own + FEATURES),
            "data/lib.mlspec": text("lib", rest=VISITORS.format(file="visitors")),
        }
    )
    assert spec.blocks["f"].definitions["a"].value.columns == {("lib.visitors", "visits")}
    assert spec.needed == {"lib.visitors"}
    assert [(block.name, block.own_name, block.folder) for block in spec.of_kind("source")][:1] == [
        ("lib.visitors", "visitors", "data")
    ]


def test_what_a_spec_does_not_read_of_another_file_is_not_its_own() -> None:
    spec = bound(
        {
            "main.mlspec": text("main", 'use "./lib.mlspec" as lib', FEATURES),
            "lib.mlspec": text(
                "lib", rest=f'{VISITORS.format(file="a")}\n\nsource unread {{\n  from = csv("b.csv")\n  b: int\n}}'
            ),
        }
    )
    assert [block.name for block in spec.of_kind("source")] == ["lib.visitors"]
    assert "lib.unread" in spec.blocks


INNER = {
    "base.mlspec": text("base", rest=VISITORS.format(file="visitors")),
    "lib.mlspec": text(
        "lib", 'use "./base.mlspec" as base', "features f {\n  frame = base.visitors\n  a := base.visitors.visits\n}"
    ),
}


def test_what_an_imported_block_reads_of_a_third_file_comes_along() -> None:
    rest = "features g {\n  frame = lib.f\n}"
    _, found, _ = check({"main.mlspec": text("main", 'use "./lib.mlspec" as lib', rest), **INNER})
    assert [each.code.id for each in found] == ["MLS104"]  # features are no frame; what they stand on is known
    spec = bound({"main.mlspec": text("main", 'use "./lib.mlspec" as lib'), **INNER})
    assert spec.files == {"lib": "lib.mlspec", "lib.base": "base.mlspec"}
    assert spec.blocks["lib.f"].definitions["a"].value.columns == {("lib.base.visitors", "visits")}


def test_a_name_of_a_name_is_imported_by_oneself() -> None:
    rest = "features g {\n  frame = lib.base.visitors\n}"
    _, found, _ = check({"main.mlspec": text("main", 'use "./lib.mlspec" as lib', rest), **INNER})
    assert [each.code.id for each in found] == ["MLS101"]
    assert "`use` it in this file" in found[0].help


@pytest.mark.parametrize("order", [("lib", "base"), ("base", "lib")])
def test_a_file_met_twice_has_one_name(order: tuple[str, str]) -> None:
    uses = "\n\n".join(f'use "./{name}.mlspec" as {name}' for name in order) + '\n\nuse "./base.mlspec" as again'
    rest = "features g {\n  frame = again.visitors\n  a := base.visitors.visits\n}"
    spec = bound({"main.mlspec": text("main", uses, rest), **INNER})
    assert spec.files == {"lib": "lib.mlspec", "base": "base.mlspec"}
    assert [name for name in spec.blocks if name.endswith("visitors")] == ["base.visitors"]
    assert spec.blocks["lib.f"].definitions["a"].value.columns == {("base.visitors", "visits")}
    assert spec.blocks["g"].definitions["a"].value.columns == {("base.visitors", "visits")}


def test_an_error_in_another_file_is_said_once() -> None:
    broken = text("lib", rest='source visitors {\n  from = csv("a.csv")\n  visits: whole\n}')
    spec, found, _ = check({"main.mlspec": text("main", 'use "./lib.mlspec" as lib', FEATURES), "lib.mlspec": broken})
    assert spec is None
    assert [(each.code.id, each.span and each.span.source.name) for each in found] == [("MLS101", "lib.mlspec")]


SEARCH = """param share: ratio = 70%

source visitors {
  from = csv("visitors.csv")
  visitor: string @key
  visits: int
  came: category("no", "yes") @outcome(positive: "yes")
}

split parts {
  frame = visitors
  train := 70%
  rest := 30%
}

features f {
  frame = visitors
  a := visitors.visits * 2
}

search tune {
  features = f
  label = visitors.came
  part = parts.train
  cv = folds(3)
  objective = maximize(auc)
  trials = 20
  family linear {
    estimator = sklearn.LogisticRegression
    C = loguniform(0.01, 10)
  }
}"""
GATES = "gates release {\n  candidate = lib.tune.best\n  part = lib.parts.rest\n  good := auc(candidate) >= 0.5\n}"


def under_env(patch: str, env: str | None = "dev", **params: str) -> tuple[Spec | None, list[Diagnostic]]:
    rest = f"param trials: int = 3\n\n{GATES}\n\nenv dev {{\n  set {patch}\n}}"
    files = {"main.mlspec": text("main", 'use "./lib.mlspec" as lib', rest), "lib.mlspec": text("lib", rest=SEARCH)}
    file, _ = parse(SourceFile("main.mlspec", files["main.mlspec"]))
    assert file is not None
    names = {name.replace("__", "."): value for name, value in params.items()}
    return check_spec(file, load=lambda path: parse(SourceFile(path, files[path]))[0], env=env, params=names)


def test_an_env_sets_a_field_of_an_imported_block() -> None:
    spec, found = under_env("lib.tune.trials = 4")
    assert spec is not None, found
    assert spec.blocks["lib.tune"].get("trials") == 4
    assert [(item.path, item.by) for item in spec.overrides] == [("lib.tune.trials", "env dev")]
    plain, _ = under_env("lib.tune.trials = 4", env=None)
    assert plain is not None and plain.blocks["lib.tune"].get("trials") == 20


@pytest.mark.parametrize(
    ("patch", "code", "says"),
    [
        ("lib.tune.trails = 4", "MLS109", "hits nothing"),
        ("lib.tuna.trials = 4", "MLS109", "hits nothing"),
        ("lib.tune.objective = maximize(accuracy)", "MLS109", "locked"),
        ("lib.tune.trials = trials", "MLS109", "reads `trials`"),
    ],
)
def test_what_an_env_cannot_set_of_an_imported_block(patch: str, code: str, says: str) -> None:
    for env in (None, "dev"):
        spec, found = under_env(patch, env)
        assert spec is None
        assert [each.code.id for each in found if each.severity == "error"] == [code]
        assert any(says in each.message for each in found)


def test_a_param_of_an_imported_file_is_given_by_its_whole_name() -> None:
    spec, found = under_env("lib.tune.trials = 4", lib__share="60%")
    assert spec is not None, found
    assert spec.blocks["lib.share"].get("default").form[1] == 0.6
    spec, found = under_env("lib.tune.trials = 4", lib__shore="60%")
    assert spec is None and [each.code.id for each in found] == ["MLS101"]


def test_two_blocks_whose_stages_would_have_one_name() -> None:
    rest = f"{VISITORS.format(file='own').replace('source visitors', 'source lib_visitors')}\n\n{FEATURES}"
    _, found, _ = check(
        {"main.mlspec": text("main", 'use "./lib.mlspec" as lib', rest), "lib.mlspec": text("lib", rest=SEARCH)}
    )
    assert [each.code.id for each in found if each.severity == "error"] == ["MLS102"]


@pytest.mark.parametrize("alias", ["lib", "data"])
def test_every_statement_of_another_file_has_its_place(alias: str) -> None:
    """Also where two files name a third by the same alias."""
    files = {
        "main.mlspec": text(
            "main",
            'use "./lib.mlspec" as lib\n\nuse "./base.mlspec" as data',
            "features g {\n  frame = data.visitors\n  b := data.visitors.visits\n}",
        ),
        "lib.mlspec": text("lib", f'use "./base.mlspec" as {alias}'.replace("as lib", "as other")),
        "base.mlspec": text("base", rest=VISITORS.format(file="visitors")),
    }
    spec = bound(files)
    for path in ("data.visitors", "data.visitors.from", "data.visitors.visits"):
        span = spec.span_of(path)
        assert span is not None and span.source.name == "base.mlspec", path
    assert spec.span_of("data.visitors.visits") != spec.span_of("data.visitors.from")


def test_rows_are_given_to_a_source_of_another_file() -> None:
    given = "test more {\n  given lib.visitors = [row(visits: 2)]\n  twice := f.a == 4\n}"
    files = {
        "main.mlspec": text("main", 'use "./lib.mlspec" as lib', f"{FEATURES}\n\n{given}"),
        "lib.mlspec": text("lib", rest=SEARCH),
    }
    assert [inner.name for inner in bound(files).blocks["more"].blocks] == ["lib.visitors"]
    files["main.mlspec"] = files["main.mlspec"].replace("given lib.visitors", "given lib.visitor")
    assert {each.code.id for each in check(files)[1] if each.severity == "error"} == {"MLS101"}


def test_a_block_is_not_declared_under_the_name_of_another_file() -> None:
    files = {"main.mlspec": text("main", 'use "./lib.mlspec" as lib', 'secret lib.key = env("KEY")'), "lib.mlspec": text("lib")}
    _, found, _ = check(files)
    assert [each.code.id for each in found if each.severity == "error"] == ["MLS201"]
    assert found[0].edits[0].text == "key"


def test_two_aliases_of_a_file_are_two_names_of_one_field() -> None:
    rest = f"{GATES}\n\nenv dev {{\n  set lib.tune.trials = 4\n  set also.tune.trials = 5\n}}"
    files = {
        "main.mlspec": text("main", 'use "./lib.mlspec" as lib\n\nuse "./lib.mlspec" as also', rest),
        "lib.mlspec": text("lib", rest=SEARCH),
    }
    assert [(each.code.id, each.data["name"]) for each in check(files)[1]] == [("MLS102", "also.tune.trials")]
    files["main.mlspec"] = files["main.mlspec"].replace("  set also.tune.trials = 5\n", "")
    file, _ = parse(SourceFile("main.mlspec", files["main.mlspec"]))
    assert file is not None
    given = {"lib.share": "60%", "also.share": "61%"}
    _, found = check_spec(file, load=lambda path: parse(SourceFile(path, files[path]))[0], params=given)
    assert [(each.code.id, each.data["name"]) for each in found] == [("MLS102", "also.share")]
