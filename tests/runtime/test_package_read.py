"""Reading a package: every change of its bytes is noticed before anything parses them."""

from __future__ import annotations

import json
import shutil
import sys

import pytest
from package_tables import INCOME, census, fit_config

from mlspec.graph.canonical import digest_of
from mlspec.runtime.errors import StageError
from mlspec.runtime.package import load_package
from mlspec.runtime.package.example import example_request
from mlspec.runtime.package.proof import Proof, prove
from mlspec.runtime.train import run
from tests.support.stages import run_stage_function


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("package")
    inputs, features = census(path, 1500)
    config = fit_config(features, INCOME, "sklearn.LogisticRegression")
    return run_stage_function(run, path, "fit", config, inputs, block="plain") / "package"


@pytest.mark.parametrize("name", ["model.onnx", "transform.json", "example.json"])
def test_one_flipped_bit_is_noticed(tmp_path, folder, name):
    copied = shutil.copytree(folder, tmp_path / "copy")
    data = bytearray((copied / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copied / name).write_bytes(bytes(data))
    with pytest.raises(StageError) as caught:
        load_package(copied)
    assert caught.value.code == "MLS808"
    assert name in caught.value.message


@pytest.mark.parametrize(
    "change",
    [
        {"format": "1"},
        {"format": None},
        {"format": True},
        {"engine": "pickle"},
        {"engine": None},
        {"extra": 1},
        {"task": "ranking"},
        {"threshold": "high"},
        {"threshold": None},
        {"features": [1]},
        {"positive": "maybe"},
        {"files": {}},
        {"calibration": "isotonic"},
        {"rows": "some"},
    ],
)
def test_package_json_is_strict(tmp_path, folder, change):
    copied = shutil.copytree(folder, tmp_path / "copy")
    document = json.loads((copied / "package.json").read_bytes()) | change
    del document["digest"]
    document["digest"] = digest_of(document)  # whoever can write a digest still cannot write what is no package
    (copied / "package.json").write_text(json.dumps(document))
    with pytest.raises(StageError) as caught:
        load_package(copied)
    assert caught.value.code == "MLS808"


@pytest.mark.parametrize(("held", "age"), [(0, "older"), (2, "newer"), (17, "newer")])
def test_a_package_of_another_version_says_so_and_how_to_go_on(tmp_path, folder, held, age):
    copied = shutil.copytree(folder, tmp_path / "copy")
    document = json.loads((copied / "package.json").read_bytes()) | {"format": held, "layout": "which this version cannot know"}
    del document["threshold"]
    (copied / "package.json").write_text(json.dumps(document))
    with pytest.raises(StageError) as caught:
        load_package(copied)
    error = caught.value
    assert (error.code, error.expected, error.found) == ("MLS820", "format 1", f"format {held}")
    assert f"a{'n' * (age == 'older')} {age} version of mlspec made it" in error.message and "corrupt" not in error.message
    assert "`mlspec run` makes it again" in error.help and ("install" in error.help) == (age == "newer")


def test_an_engine_whose_library_is_missing_names_its_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(StageError) as caught:
        load_package(folder)
    assert caught.value.code == "MLS812" and "pip install 'mlspec-lang[serve]'" in caught.value.help
    assert "onnxruntime" in caught.value.message


def test_no_bit_of_package_json_changes_unseen(tmp_path, folder):
    copied = shutil.copytree(folder, tmp_path / "copy")
    whole = (copied / "package.json").read_bytes()
    for place in range(0, len(whole), 7):
        data = bytearray(whole)
        data[place] ^= 1 << (place % 7)
        if data[place : place + 1].lower() == whole[place : place + 1].lower() and whole[place - 1 : place].isdigit():
            continue  # 1e-05 and 1E-05 are one number
        (copied / "package.json").write_bytes(bytes(data))
        with pytest.raises(StageError) as caught:
            load_package(copied)
        assert caught.value.code in ("MLS808", "MLS820")  # a flip of the format itself is another format


def test_nothing_is_parsed_before_its_digest_is_checked(tmp_path, folder, monkeypatch):
    copied = shutil.copytree(folder, tmp_path / "copy")
    parsed = []
    monkeypatch.setattr("mlspec.runtime.package.model.load_engine", lambda *given: parsed.append("engine"))
    monkeypatch.setattr("mlspec.runtime.package.model.read_transform", lambda *given: parsed.append("transform"))
    load_package(copied)
    assert parsed == ["transform", "engine"]
    for name in ("model.onnx", "transform.json", "example.json"):
        whole = (copied / name).read_bytes()
        (copied / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 4]))
        with pytest.raises(StageError, match=name):
            load_package(copied)
        (copied / name).write_bytes(whole)
    assert parsed == ["transform", "engine"]


def test_files_that_do_not_belong_are_noticed(tmp_path, folder):
    copied = shutil.copytree(folder, tmp_path / "copy")
    (copied / "model.pkl").write_bytes(b"")
    with pytest.raises(StageError, match=r"model\.pkl"):
        load_package(copied)
    (copied / "model.pkl").unlink()
    (copied / "package.json").write_text("[" * 100_000)
    with pytest.raises(StageError) as caught:
        load_package(copied)
    assert caught.value.code == "MLS808"


def test_a_package_that_answers_otherwise_online_is_refused(folder):
    package = load_package(folder)
    example = json.loads((folder / "example.json").read_bytes())
    values = {name: [value] for name, value in package.feature_values(example).items()}
    assert prove(package, Proof([example], values))["rows"] == 1
    moved = {**values, "age": [values["age"][0] + 1]}
    with pytest.raises(StageError) as caught:
        prove(package, Proof([example], moved, "plain"))
    assert (caught.value.code, caught.value.where) == ("MLS807", "plain")
    assert "row 0" in caught.value.found


def test_the_example_holds_declared_values_only():
    columns = [
        {"name": "age", "type": "int", "range": [17, 90]},
        {"name": "share", "type": "float", "range": [0.0, 1.0]},
        {"name": "wage", "type": "decimal", "range": [10, 20]},
        {"name": "sex", "type": "category", "values": ["Female", "Male"]},
        {"name": "job", "type": "category"},
        {"name": "note", "type": "category", "optional": True},
        {"name": "born", "type": "date"},
        {"name": "member", "type": "bool"},
    ]
    found = example_request(columns, {"job": ["clerk", "cook"]})
    assert found == {
        "age": 53, "share": 0.5, "wage": "15", "sex": "Female", "job": "clerk", "note": None, "born": "2020-01-31", "member": False,
    }  # fmt: skip


def test_the_digest_is_the_artifact_digest(folder):
    from mlspec.runtime import files

    assert load_package(folder).digest == digest_of(files.sha256_files(folder))


def test_features_that_are_missing_are_named(folder):
    with pytest.raises(StageError, match="age"):
        load_package(folder).score_values({})
