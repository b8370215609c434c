"""Labels of a part: which classes there are, and labels as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mlspec.runtime.errors import StageError
from mlspec.runtime.evaluate.held_out import encode_labels

__all__ = ["encode_labels", "known_classes"]


def known_classes(label: Mapping[str, Any], labels: Sequence[Any], where: str) -> dict[str, Any]:
    """The label with its classes, taken from the rows where none are declared.

    StageError: MLS816 for a declared class without rows, MLS212 for a number of classes that the task does not have.
    """
    if label["task"] == "regression":
        return dict(label)
    counts = Counter(value for value in labels if value is not None)
    classes = list(label.get("classes") or sorted(counts))
    absent = [str(value) for value in classes if value not in counts]
    if absent:
        raise StageError(
            "MLS816", f"the class {', '.join(absent)} of `{label['column']}` has 0 rows in the part", f"{where}.part",
            expected="rows of every class", found=", ".join(f"{value}: {count}" for value, count in sorted(counts.items())),
            help="give the part a larger share, stratify the split by the label, or run without `sample`",
        )  # fmt: skip
    if (label["task"] == "binary") != (len(classes) == 2) or len(classes) < 2:
        raise StageError(
            "MLS212", f"`{label['column']}` has {len(classes)} classes", f"{where}.label",
            expected="two classes" if label["task"] == "binary" else "three or more classes",
            found=", ".join(map(str, classes[:6])), help="name the positive class with `@outcome(positive: …)` for two classes",
        )  # fmt: skip
    return {**label, "classes": classes}
