"""Stages of imported blocks: which are made, how they are named, and that keys do not depend on the file or alias they come by."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.driver import Compilation
from mlspec.graph import Graph, graph_keys

HEAD = 'spec {name} {{\n  owner = "team"\n  seed = {seed}\n  tracking = none\n  registry = none\n}}\n\n'
DATA = """entity place: string

source shops {
  from = csv("PLACEshops.csv")
  shop: id(place) @key
}

source visits {
  from = csv("PLACEvisits.csv")
  sample = 50%
  visit: string @key
  shop: id(place)
  minutes: int @range(0..600)
  came: category("no", "yes") @outcome(positive: "yes")
  known := references(shop, shops.shop)
  enough := rows() >= 10
}

source unread {
  from = csv("PLACEunread.csv")
  a: int
}

split parts {
  frame = visits
  group = shop
  train := 70%
  rest := 30%
}

features inputs {
  frame = visits
  long := visits.minutes > 60
  scaled := scale(visits.minutes)
}

"""
MODELS = """model base {
  estimator = sklearn.DummyClassifier
  features = DATAinputs
  label = DATAvisits.came
  part = DATAparts.train
}

search tune {
  features = DATAinputs
  label = DATAvisits.came
  part = DATAparts.train
  cv = folds(3)
  objective = maximize(auc)
  trials = 4
  family linear {
    estimator = sklearn.LogisticRegression
    C = loguniform(0.01, 10)
  }
}

"""
GATES = """gates release {
  candidate = MODELtune.best
  part = DATAparts.rest
  min_group = 5
  better := lower(accuracy(candidate) - accuracy(MODELbase)) >= 1pp
}
"""


def graph(folder: Path, files: dict[str, str]) -> Graph:
    """The graph of `main.mlspec` of these files."""
    (folder / "mlspec.toml").write_text("")
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("mlspec 2026.1\n\n" + text)
    found = Compilation(folder / "main.mlspec")
    assert found.ok, [item.message for item in found.diagnostics]
    return found.graph


def use(path: str, alias: str) -> str:
    return f'use "./{path}.mlspec" as {alias}\n\n'


def head(name: str, seed: int = 7) -> str:
    return HEAD.format(name=name, seed=seed)


def one_file(folder: Path) -> Graph:
    whole = head("shop") + DATA.replace("unread {", "unread_too {") + MODELS + GATES
    return graph(folder, {"main.mlspec": whole.replace("PLACE", "lib/").replace("DATA", "").replace("MODEL", "")})


DATA_FILE = {"lib/data.mlspec": head("data", 99) + DATA.replace("PLACE", "")}
MODEL_FILE = {"lib/models.mlspec": use("data", "d") + head("models", 98) + MODELS.replace("DATA", "d.")}


def test_a_spec_in_two_files_has_the_keys_of_one(tmp_path: Path) -> None:
    alone = one_file(tmp_path / "one") if (tmp_path / "one").mkdir() is None else None
    assert alone is not None
    (tmp_path / "two").mkdir()
    main = use("lib/data", "shared") + head("shop") + (MODELS + GATES).replace("DATA", "shared.").replace("MODEL", "")
    apart = graph(tmp_path / "two", {"main.mlspec": main, **DATA_FILE})
    assert set(apart.stages) == {
        "shared-shops-extract", "shared-visits-extract", "shared-visits-verify", "shared-shops-verify", "shared-parts-split",
        "shared-inputs-features", "base-fit", "tune-search", "release-evaluate", "release-verdict", "release-enforce", "run-report",
        "run-card",
    }  # fmt: skip
    one, two = graph_keys(alone, {}, {}), graph_keys(apart, {}, {})
    ours = {name.removeprefix("shared-"): key for name, key in two.items()}
    of_the_run = {"run-report", "run-card"}
    assert {name: ours[name] for name in ours if name not in of_the_run} == {
        name: key for name, key in one.items() if name not in of_the_run and not name.startswith("unread")
    }


@pytest.mark.parametrize("name", ["extract", "verify"])
def test_all_specs_that_import_a_file_share_what_is_read_of_it(tmp_path: Path, name: str) -> None:
    keys = []
    for alias in ("first", "second"):
        (tmp_path / alias).mkdir()
        text = use("lib/data", alias) + head(alias) + MODELS.replace("DATA", f"{alias}.")
        found = graph(tmp_path / alias, {"main.mlspec": text, **DATA_FILE})
        keys.append(graph_keys(found, {}, {})[f"{alias}-visits-{name}"])
    assert keys[0] == keys[1]


def test_models_of_another_file_are_fitted_with_the_seed_of_the_spec_that_is_run(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    alone = one_file(tmp_path / "one")
    main = (
        use("lib/models", "m") + use("lib/data", "data") + head("shop") + GATES.replace("DATA", "data.").replace("MODEL", "m.")
    )
    apart = graph(tmp_path / "two", {"main.mlspec": main, **DATA_FILE, **MODEL_FILE})
    one, two = graph_keys(alone, {}, {}), graph_keys(apart, {}, {})
    assert apart["m-tune-search"].config["seed"] == 7
    assert apart["m-tune-search"].block == "m.tune"
    for stage in ("base-fit", "tune-search"):
        assert two[f"m-{stage}"] == one[stage]
    assert two["data-parts-split"] == one["parts-split"]


def test_a_diamond_has_one_set_of_stages(tmp_path: Path) -> None:
    main = use("lib/models", "m") + head("shop") + GATES.replace("DATA", "d.").replace("MODEL", "m.")
    main = use("lib/data", "d") + use("lib/data", "again") + main.replace("part = d.", "part = again.")
    apart = graph(tmp_path, {"main.mlspec": main, **DATA_FILE, **MODEL_FILE})
    assert [name for name in apart.stages if name.endswith("visits-extract")] == ["d-visits-extract"]
    assert apart["release-evaluate"].inputs["parts"] == "d-parts-split/parts"


def test_a_long_name_keeps_within_an_id(tmp_path: Path) -> None:
    alias = "a" * 40
    data = {"lib/data.mlspec": DATA_FILE["lib/data.mlspec"].replace("inputs", "i" * 40)}
    text = (
        use("lib/data", alias) + head("shop") + MODELS.replace("DATAinputs", f"{alias}.{'i' * 40}").replace("DATA", f"{alias}.")
    )
    found = graph(tmp_path, {"main.mlspec": text, **data})
    (name,) = [stage.id for stage in found if stage.kind == "features"]
    assert len(name) <= 63 and name.startswith("aaaa")
