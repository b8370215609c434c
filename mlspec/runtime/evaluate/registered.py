"""Whether a package of the registry can be scored here: from the source's rows, by the feature expressions that it carries.

It was made by an earlier text of the spec, whose features may be other ones than those that are computed now. So it reads the rows
as a request would bring them, and no value of the current features block. What it cannot read is refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mlspec.runtime.context import StageContext
from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.held_out import PartReader


def refuse_unread(context: StageContext, packages: Mapping[str, Any], fetched: Collection[str]) -> None:
    """MLS824 for code of a `fetched` package that is neither allowed nor that of a model of this run."""
    known = frozenset(digest for name in packages if fetched and name not in fetched for digest in packages[name].code)
    for name in sorted(fetched):
        packages[name].refuse_unread(context.project_root, shipped=False, known=known)


def check_fits(reader: PartReader, label: Mapping[str, Any], package: Any, name: str) -> None:
    """MLS835 where the package predicts something else than the label, or reads columns that the rows lack."""
    if package.task != label["task"]:
        raise _refused(name, "it was made for another label", f"a {label['task']} model", f"a {package.task} model")
    if label["task"] != "regression" and {*package.classes} != {*label["classes"]}:
        raise _refused(name, "it knows other classes", _listed(label["classes"]), _listed(package.classes))
    if label["task"] == "binary" and package.positive != label["positive"]:
        raise _refused(name, "it finds another class", f"positive {label['positive']!r}", f"positive {package.positive!r}")
    faults = [fault for column in package.columns if (fault := _fault(reader, column, str(label["column"])))]
    if faults:
        raise _refused(name, f"it reads {len(faults)} column{'s' * (len(faults) > 1)} that the rows do not have as it needs them",
                       "the columns of its request", "; ".join(faults[:5]))  # fmt: skip


def _fault(reader: PartReader, column: Mapping[str, Any], label: str) -> str:
    """Why a column of the package's request cannot be read from the rows, "" where it can. What was a plain column may be an outcome now."""
    name, wanted = str(column["name"]), str(column["type"]).removesuffix("?")
    there = reader.row_column(name)
    if there is None:
        return f"no column `{name}`"
    if name == label or "outcome" in there.get("tags", ()):
        return f"`{name}` is an outcome, which nobody knows at a prediction"
    if str(there["type"]).removesuffix("?") != wanted:
        return f"`{name}` is {there['type']}, it was {wanted}"
    if not _nullable(column) and _nullable(there) and (missing := reader.nulls(name)):
        return f"{missing:,} rows have no `{name}`, which was in every row"
    return ""


def _nullable(column: Mapping[str, Any]) -> bool:
    return bool(column.get("optional")) or str(column["type"]).endswith("?")


def columns_in_order(label: Mapping[str, Any], package: Any) -> list[int] | None:
    """Where the package has the label's classes among its scores, None where the order is the same or there is one score."""
    if label["task"] != "multiclass" or list(package.classes) == list(label["classes"]):
        return None
    return [list(package.classes).index(value) for value in label["classes"]]


def _listed(values: Any) -> str:
    return ", ".join(map(str, values))


def _refused(name: str, why: str, expected: str, found: str) -> StageError:
    return StageError(
        "MLS835", f"the registered model `{name}` cannot be judged here: {why}", name, expected=expected, found=found,
        help="compare with a version that this spec's rows can feed, or leave its gates out until one is promoted",
    )  # fmt: skip
