"""Images from their files to a package: extracted, rendered, trained on, and answered with the same pixels."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mlspec.graph.errors import GraphError
from mlspec.graph.leaves import stage_leaves
from mlspec.graph.model import Stage
from mlspec.runtime import table
from mlspec.runtime.errors import StageError
from mlspec.runtime.extract import images
from mlspec.runtime.extract import run as extract_stage
from mlspec.runtime.image import held
from mlspec.runtime.package.model import load_package
from mlspec.runtime.prepare.features import run as features_stage
from mlspec.runtime.verify import run as verify_stage
from tests.support.stages import run_stage_function

COLUMNS = [
    {"name": "id", "type": "int", "optional": False, "tags": ["key"]},
    {"name": "pixels", "type": "image", "optional": False, "named": "file", "channels": 1, "longest": 9},
    {"name": "kind", "type": "category", "optional": False, "values": ["across", "down"]},
]
VALUE = ["call", "normalise", [["call", "resize", [["col", "pixels", "image"]], {"size": 8}]], {"by": "image"}]
FEATURES = [{"name": "look", "value": VALUE, "type": "image", "shape": [1, 8, 8], "fitted": [], "audit": False}]
COUNT = 120


def project(root: Path, count: int = COUNT) -> Path:
    """Pictures of stripes, with some noise, and their index."""
    (root / "scans" / "more").mkdir(parents=True)
    random = np.random.default_rng(7)
    with (root / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "file", "kind"])
        for place in range(count):
            down = place % 2
            stripes = (
                np.kron(random.integers(0, 2, 9), np.ones((9, 1))) * 200.0
                if down
                else np.kron(random.integers(0, 2, (9, 1)), np.ones((1, 9))) * 200.0
            )
            pixels = np.clip(stripes + random.normal(0, 20, (9, 9)), 0, 255).astype(np.uint8)
            name = f"more/{place}.png" if place % 3 else f"{place}.jpg"
            Image.fromarray(pixels).save(root / "scans" / name)
            writer.writerow([place, name, "down" if down else "across"])
    return root


def config(**changes: Any) -> dict[str, Any]:
    return {
        "source": "scans",
        "format": "images",
        "paths": ["index.csv"],
        "images": "scans",
        "options": {"broken": 0.0},
        "columns": COLUMNS,
    } | changes


def extract(root: Path, **changes: Any) -> Path:
    """The rows of a source of images."""
    return run_stage_function(extract_stage, root, "extract", config(**changes), block="scans") / "rows"


def refused(root: Path, **changes: Any) -> StageError:
    with pytest.raises(StageError) as told:
        extract(root, **changes)
    return told.value


def test_rows_hold_the_bytes_of_their_files(tmp_path: Path) -> None:
    rows = extract(project(tmp_path, 9))
    found = pq.read_table(table.rows_path(rows)).to_pylist()
    assert [row["id"] for row in found] == [row["__row"] for row in found] == list(range(9))
    assert [row["pixels"] for row in found] == [
        (tmp_path / "scans" / (f"more/{place}.png" if place % 3 else f"{place}.jpg")).read_bytes() for place in range(9)
    ]
    said = table.head(rows)["files"]
    assert [entry["path"] for entry in said] == ["index.csv", "scans/"]
    stage = Stage(id="scans-extract", kind="extract", block="scans", config=config())
    leaves = stage_leaves(stage, tmp_path)
    assert leaves["scans/"] == said[1]["digest"] and said[1]["bytes"] == sum(len(row["pixels"]) for row in found)
    (tmp_path / "scans" / "0.jpg").write_bytes(b"other")
    assert stage_leaves(stage, tmp_path)["scans/"] != leaves["scans/"]


def spoil(root: Path) -> None:
    """One picture cut short, one gone, one too large, one a text."""
    whole = (root / "scans" / "more" / "1.png").read_bytes()
    (root / "scans" / "more" / "1.png").write_bytes(whole[: len(whole) // 2])
    (root / "scans" / "more" / "2.png").unlink()
    Image.new("L", (90, 90)).save(root / "scans" / "3.jpg")
    (root / "scans" / "more" / "4.png").write_text("no picture")


def test_pictures_that_cannot_be_read_are_told_with_row_and_file(tmp_path: Path) -> None:
    spoil(project(tmp_path, 40))
    told = refused(tmp_path)
    assert (told.code, told.where) == ("MLS802", "scans.pixels")
    assert "4 of 40 images" in told.message
    assert list(told.examples) == [
        "row 2: `more/1.png`: a broken PNG file",
        "row 3: `more/2.png`: no such file in the folder",
        "row 4: `3.jpg`: 90 x 90 pixels, more than 9",
        "row 5: `more/4.png`: no image of the formats PNG, JPEG, WEBP, BMP",
    ]
    masked = [{**column, "tags": ["pii.direct"]} if column["type"] == "image" else column for column in COLUMNS]
    assert all(
        "png" not in example.partition(":")[2].partition(":")[0] for example in refused(tmp_path, columns=masked).examples
    )
    assert refused(tmp_path, options={"broken": 0.09}).code == "MLS802"


def test_what_may_be_left_out_is_left_out_and_counted(tmp_path: Path) -> None:
    spoil(project(tmp_path, 40))
    rows = extract(tmp_path, options={"broken": 0.1})
    found = pq.read_table(table.rows_path(rows)).to_pylist()
    assert [row["__row"] for row in found] == list(range(36)) and {1, 2, 3, 4}.isdisjoint(row["id"] for row in found)
    checks = {"source": "scans", "columns": COLUMNS, "checks": [], "min_cell": 5}
    out = run_stage_function(verify_stage, tmp_path, "verify", checks, {"rows": rows}, block="scans")
    (check,) = json.loads((out / "checks" / "metrics.json").read_text())["checks"]
    assert (check["passed"], check["failed_rows"], check["value"]) == (True, 4, "4 of 40 rows left out")
    assert len(check["examples"]) == 4


def test_few_large_files_are_in_memory_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path, 40)
    spoil(root)
    whole = extract(root, options={"broken": 0.1})
    before = table.rows_path(whole).read_bytes()
    head = table.head(whole)
    most = max(path.stat().st_size for path in (root / "scans").rglob("*.*"))
    monkeypatch.setattr(images, "_TOGETHER", 2 * most)
    some = table.rows_path(extract(root, options={"broken": 0.1}))
    groups = pq.ParquetFile(some).metadata
    assert groups.num_row_groups > 10
    assert (
        pq.read_table(some).equals(pq.read_table(pa.BufferReader(before))) and table.head(some.parent)["files"] == head["files"]
    )
    monkeypatch.setattr(table, "AT_ONCE", 2 * most)
    assert 1 <= table.rows_at_once(groups, 1_000, ["pixels"]) < 5
    assert table.rows_at_once(groups, 1_000, ["kind"]) > 5


def test_pixels_that_do_not_fit_on_the_disk_are_told(tmp_path: Path) -> None:
    """In a process of its own, whose files may have no more than a few bytes."""
    rows = pa.table({"p": pa.array([bytes([place]) * 64 for place in range(100)], pa.binary(64))})
    pq.write_table(rows, tmp_path / "rows.parquet")
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from mlspec.runtime.errors import StageError; from mlspec.runtime.image import held\n"
        "held.IN_MEMORY, root = 0, Path(sys.argv[1])\n"
        "read = lambda: held.held_pixels(root / 'rows.parquet', 'p', (1, 8, 8), None, root)\n"
        "assert read().raw[:, 63].tolist() == list(range(100))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (640, 640))\n"
        "try: read()\n"
        "except StageError as error: print(error.code)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "MLS809\n"


def test_a_file_that_goes_while_it_is_read_is_told(tmp_path: Path) -> None:
    folder = images.Folder(tmp_path, {"gone.png": "0" * 64}, "scans.from")
    with pytest.raises(StageError) as told:
        folder.bytes_of("gone.png")
    assert (told.value.code, told.value.where) == ("MLS801", "scans.from")


@pytest.mark.parametrize("name", ["../index.csv", "/etc/hostname", "more/../../index.csv", "", "more"])
def test_a_name_outside_the_folder_is_no_file_of_it(tmp_path: Path, name: str) -> None:
    project(tmp_path, 3)
    (tmp_path / "index.csv").write_text(f'id,file,kind\n0,"{name}",down\n')
    told = refused(tmp_path)
    assert told.code in ("MLS802", "MLS804"), told


def test_a_link_in_the_folder_is_refused(tmp_path: Path) -> None:
    project(tmp_path, 3)
    (tmp_path / "scans" / "link.png").symlink_to("/etc/hostname")
    assert refused(tmp_path).code == "MLS801"
    with pytest.raises(GraphError, match="no plain file"):
        stage_leaves(Stage(id="scans-extract", kind="extract", block="scans", config=config()), tmp_path)
    assert refused(tmp_path, images="nowhere").code == "MLS801"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Rows, values and parts of the stripes."""
    root = project(tmp_path_factory.mktemp("stripes"))
    rows = extract(root)
    described = [{key: value for key, value in feature.items() if key != "fitted"} | {"tags": []} for feature in FEATURES]
    values = (
        run_stage_function(
            features_stage, root, "features", {"features": described, "unknown": "encode"}, {"rows": rows}, block="f"
        )
        / "values"
    )
    parts = root / "parts"
    parts.mkdir()
    names = ["train"] * 80 + ["tune"] * 20 + ["holdout"] * 20
    pq.write_table(pa.table({table.ROW: pa.array(range(COUNT), pa.int64()), "part": names}), parts / table.ROWS)
    table.finish_table(parts, [], COUNT)
    return {"rows": rows, "values": values, "parts": parts}


def test_values_are_pixels_of_the_size_that_the_feature_has(inputs: dict[str, Path]) -> None:
    found = pq.read_table(table.rows_path(inputs["values"]))
    assert found.schema.field("f.look").type == pa.binary(64)
    data = pq.read_table(table.rows_path(inputs["rows"]), columns=["pixels"])["pixels"].to_pylist()
    small = [Image.open(io.BytesIO(one)).convert("L").resize((8, 8), Image.Resampling.BILINEAR).tobytes() for one in data]
    assert found["f.look"].to_pylist() == small
    assert found[table.ROW].to_pylist() == list(range(COUNT))


LABEL = {
    "column": "kind",
    "task": "binary",
    "classes": ["across", "down"],
    "positive": "down",
    "favourable": "down",
    "type": "category",
}
NETWORK = {"name": "cnn", "channels": [4, 8], "kernel": 3, "layers": 1, "pool": "average", "dropout": 0.1}
CHANGES = [{"name": "flip", "horizontal": True, "vertical": False}, {"name": "noise", "scale": 0.05}]


def training(**changes: Any) -> dict[str, Any]:
    return {
        "name": "net", "features": FEATURES, "label": LABEL, "part": "train", "group": None, "seed": 4, "calibrate": None,
        "threshold": {"method": "fixed", "value": 0.5}, "unknown": "encode", "network": NETWORK,
        "optimiser": {"name": "adamw", "lr": 0.02, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.999}, "schedule": None, "epochs": 6,
        "global_batch": 16, "gradient_accumulation": 2, "clip_norm": None, "class_weights": "none", "precision": "fp32",
        "strategy": {"name": "single", "gpus": 0}, "checkpoint": {"name": "keep", "best": 1, "last": 2, "every": 0.0}, "resume": "auto",
        "tensorboard": None, "stop_early": {"name": "patience", "epochs": 20, "on": "auc", "part": "tune", "min_gain": 0.0}, "threads": 1,
        "augment": CHANGES,
    } | changes  # fmt: skip


def trained(folder: Path, inputs: dict[str, Path], **changes: Any) -> Any:
    from mlspec.runtime.deep import stage

    return load_package(run_stage_function(stage.run, folder, "train", training(**changes), inputs, block="net") / "package")


def test_a_batch_norm_is_told_where_it_has_one_number_of_a_channel(tmp_path: Path, inputs: dict[str, Path]) -> None:
    """After three halvings an image of 8 x 8 is one pixel; where more are left one image has a spread of its own."""
    pytest.importorskip("torch")
    how: dict[str, Any] = {"global_batch": 1, "gradient_accumulation": 1, "epochs": 1, "stop_early": None}
    with pytest.raises(StageError, match="one row at a time") as told:
        trained(tmp_path / "pixel", inputs, network={**NETWORK, "channels": [2, 2, 2, 2]}, **how)
    assert (told.value.code, told.value.where) == ("MLS816", "net.global_batch")
    assert trained(tmp_path / "some", inputs, network={**NETWORK, "channels": [2, 2]}, augment=None, **how).engine == "onnx"


def test_a_network_over_images_learns_goes_on_after_a_stop_and_answers_with_the_same_pixels(
    tmp_path: Path, inputs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from mlspec.runtime.deep.loop import Training

    whole = trained(tmp_path / "whole", inputs)
    assert (whole.engine, whole.manifest.estimator["name"]) == ("onnx", "torch.cnn")
    assert "pillow" in whole.manifest.versions
    stopped, step = [0], Training._step

    def stop(self: Training, rows: Any) -> None:
        stopped[0] += 1
        if stopped[0] == 13:  # in the midst of the third epoch
            raise KeyboardInterrupt
        step(self, rows)

    monkeypatch.setattr(Training, "_step", stop)
    monkeypatch.setattr(held, "IN_MEMORY", 0)  # from here on pixels lie in a file
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "parts", inputs)
    monkeypatch.setattr(Training, "_step", step)
    assert trained(tmp_path / "parts", inputs).digest == whole.digest
    assert stopped[0] == 13
    assert not list((tmp_path / "parts" / "resume").rglob("pixels/*"))

    rows = pq.read_table(table.rows_path(inputs["rows"]), columns=["pixels", "kind"]).to_pylist()[100:]
    values = pq.read_table(table.rows_path(inputs["values"]))["f.look"].to_pylist()[100:]
    batch = whole.score_values({"look": values})
    assert np.mean([found == row["kind"] for found, row in zip(batch.decision, rows, strict=True)]) > 0.85
    alone = np.concatenate([whole.score([{"pixels": row["pixels"]}]).score for row in rows])
    assert hashlib.sha256(alone.tobytes()).digest() == hashlib.sha256(batch.score.tobytes()).digest()


SMALLER = {
    "distil": None, "prune": {"name": "magnitude", "sparsity": 0.5, "structured": True, "retrain_epochs": 2},
    "quantise": {"name": "static_int8", "part": "tune", "samples": 20}, "export": {"name": "onnx", "opset": 19},
}  # fmt: skip
STUDENT = {
    "name": "student", "estimator": None, "network": {**NETWORK, "channels": [4], "dropout": 0.0}, "epochs": 8, "temperature": 1.0, "labels": 0.2,
    "params": {},
}  # fmt: skip


@pytest.mark.slow
def test_a_network_over_images_is_made_smaller_by_every_step(
    tmp_path: Path, inputs: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from mlspec.runtime.compress import clock, rows
    from mlspec.runtime.compress import run as compress_stage

    monkeypatch.setattr(clock, "SECONDS", 0.0)
    whole = trained(tmp_path / "whole", inputs)
    learned = {
        key: value
        for key, value in training().items()
        if key in ("name", "features", "label", "part", "group", "seed", "unknown", "augment")
    }
    shape = {**learned, "name": "edge", "model": "net", "judged": "tune", "training": training()}

    def smaller(folder: str, **steps: Any) -> tuple[Any, list[dict[str, Any]]]:
        given = {**inputs, "package": whole.folder}
        out = run_stage_function(compress_stage, tmp_path / folder, "compress", {**shape, **steps}, given, block="edge")
        return load_package(out / "package"), json.loads((out / "steps" / "steps.json").read_bytes())["steps"]

    found, steps = smaller("first", **SMALLER)
    assert [step["step"] for step in steps] == ["original", "prune", "quantise", "export"]
    assert steps[0]["facts"]["weights"] == 36 + 288 + 8 and steps[1]["facts"]["weights"] == 18 + 72 + 4
    assert [step["facts"]["format"] for step in steps][-2:] == ["int8", "int8"]
    assert steps[-1]["quality"]["auc"]["value"] > 0.9
    monkeypatch.setattr(rows, "_NUMBERS", 64 * 7)  # few pictures are held at once
    monkeypatch.setattr(rows, "_LEAST", 1)
    again, _ = smaller("again", **SMALLER | {"prune": None})
    assert again.digest != found.digest and smaller("once more", **SMALLER | {"prune": None})[0].digest == again.digest
    student, steps = smaller("student", **{**SMALLER, "distil": STUDENT, "prune": None, "export": None})
    assert student.manifest.estimator["name"] == "torch.cnn" and steps[1]["facts"]["weights"] == 36 + 4
    assert steps[-1]["quality"]["auc"]["value"] > 0.8
