"""What a network of the project's own gives for the literal rows of a test, before it has learned anything: shape, type, finite or not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlspec.runtime.errors import StageError
from mlspec.runtime.rehearse import values
from mlspec.runtime.rehearse.given import Faulty, Given
from mlspec.runtime.transform import fit_transform
from mlspec.runtime.transform.columns import column_of
from mlspec.runtime.transform.target import Target

if TYPE_CHECKING:
    from mlspec.runtime.extern.pool import Externs
    from mlspec.runtime.rehearse.rows import Tables


def answers(
    tables: Tables, name: str, config: Mapping[str, Any], given: Given, externs: Externs | None, root: Path
) -> dict[str, list[Any]]:
    """`outputs`, `dtype` and `finite` of each tested row, from the process that would train the network."""
    from mlspec.runtime.deep.trained import outputs_of
    from mlspec.runtime.extern.declaration import declared, from_project
    from mlspec.runtime.extern.learner import pack, unpack
    from mlspec.runtime.extern.process import Process
    from mlspec.runtime.extern.training import question

    matrix = _matrix(tables, name, config, given, externs)
    (extern,) = declared([config]).values()
    label = config["label"]
    outputs = outputs_of(str(label["task"]), len(label.get("classes") or ()))
    process = Process(extern, from_project(root, shipped=False)(extern))
    try:
        answer = process.ask(b"B", pack({**question(config, extern, outputs, 0, "cpu"), "where": name}, {"rows": matrix}))
        head, arrays, _ = unpack(answer)
        found = arrays["outputs"]
    except (ValueError, KeyError) as error:
        raise StageError("MLS826", f"extern `{extern.name}` gave what it does not declare", extern.where, expected="outputs for each row",
                         found="an answer without its parts", help=f"mend `{extern.code}`") from error  # fmt: skip
    finally:
        process.close()
    rows = range(len(matrix))
    return {
        f"{name}.outputs": [int(found.shape[1]) for _ in rows],
        f"{name}.dtype": [str(head["dtype"]) for _ in rows],
        f"{name}.finite": [bool(np.isfinite(found[row]).all()) for row in rows],
    }


def _matrix(tables: Tables, name: str, config: Mapping[str, Any], given: Given, externs: Externs | None) -> Any:
    """The tested rows as the network is given them, the fitted steps learned from the rows of `fit`."""
    features = config["features"]
    forms = {str(feature["name"]): feature["value"] for feature in features}
    tested = values.row_values(tables, forms, given, learned=False, externs=externs)
    learned = values.row_values(tables, forms, given, learned=True, externs=externs) if given.learned else tested
    for value in (item for column in (*tested.values(), *learned.values()) for item in column):
        if isinstance(value, Faulty):
            raise value.error
    if given.learned:
        learned = {key: values.as_often(column, given.learned) for key, column in learned.items()}
    target = values.target_of(config["label"], given.learned, name) or Target(
        "regression", np.zeros(len(next(iter(learned.values()))))
    )
    columns = ({str(one["name"]): column_of(one, known[str(one["name"])]) for one in features} for known in (learned, tested))
    transform, _ = fit_transform(features, next(columns), target, config.get("unknown") or "encode")
    matrix = transform.apply(next(columns)).numbers
    if not np.isfinite(matrix).all():
        raise StageError("MLS204", f"a null of a row reaches the network of `{name}`", f"{name}.network", expected="a number for every feature",
                         found="null", help="give the columns that its features read, or rows of `fit` that `missing` learns from")  # fmt: skip
    return matrix
