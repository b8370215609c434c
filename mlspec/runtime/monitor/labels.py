"""Labels that arrive later: the label's source is read again and joined with the log on the logged key."""

from __future__ import annotations

import hashlib
import hmac
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlspec.runtime.context import StageContext
from mlspec.runtime.monitor.window import Window


def labels_by_key(label: Mapping[str, Any], project_root: Path, secrets: Mapping[str, bytes]) -> dict[str, Any]:
    """{key as logged: label} of every row of the source that has a label.

    The source is read and typed as in a run. A key that is logged under an hmac is hashed alike.
    """
    from mlspec.runtime import table
    from mlspec.runtime.extract import run as extract

    columns = [label["key"], label["column"]]
    with tempfile.TemporaryDirectory(prefix="mlspec-labels-") as work:
        root = Path(work)
        context = StageContext(
            stage_id="monitor-labels", kind="extract", block=str(label["input"].get("source", "")), config=label["input"],
            project_root=project_root, input_folders={}, output_root=root / "out", resume_root=root / "resume",
        )  # fmt: skip
        extract(context)
        found = table.load(root / "out" / "rows", columns)
        keys, values = found.column(columns[0]).to_pylist(), found.column(columns[1]).to_pylist()
    secret = label.get("secret")
    salt = None if secret is None else secrets[secret]
    return {_logged(key, salt): value for key, value in zip(keys, values, strict=True) if key is not None and value is not None}


def _logged(key: Any, salt: bytes | None) -> str:
    """The key as the log has it."""
    text = str(key)
    return text if salt is None else hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()


def join(window: Window, labels: Mapping[str, Any], field: str) -> list[dict[str, Any]]:
    """The rows of the window whose label has arrived, with it as `label`."""
    joined = []
    for row in window.rows:
        key = row["fields"].get(field)
        value = None if key is None else labels.get(str(key))
        if value is not None:
            joined.append({**row, "label": value})
    return joined
